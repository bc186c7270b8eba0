# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sessions over one link, as a pure state machine. See engine.py."""

from .engine import Engine

__all__ = ("Engine",)
