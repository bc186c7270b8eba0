# SPDX-License-Identifier: MIT OR Apache-2.0
"""Our QUIC endpoint against the real ant-quic: install it, run it, print a matrix."""
