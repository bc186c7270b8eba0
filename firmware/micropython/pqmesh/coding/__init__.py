# SPDX-License-Identifier: MIT OR Apache-2.0
"""Any k of n: Reed-Solomon, and what is spread with it (constrained-design 2.4, 6.1)."""
