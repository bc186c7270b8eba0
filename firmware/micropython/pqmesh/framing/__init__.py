# SPDX-License-Identifier: MIT OR Apache-2.0
"""Turns byte streams into whole frames and back. One module per framing."""
