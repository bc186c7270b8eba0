# SPDX-License-Identifier: MIT OR Apache-2.0
"""How long a frame occupies the air, and how much of an hour a node may occupy it."""
