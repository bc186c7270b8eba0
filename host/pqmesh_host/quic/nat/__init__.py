# SPDX-License-Identifier: MIT OR Apache-2.0
"""NAT traversal, pure: coordination messages, which addresses may be probed, and when."""
