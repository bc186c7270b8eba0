# SPDX-License-Identifier: MIT OR Apache-2.0
"""Transport providers: one file per kind of medium, all behind ``base.Link``."""
