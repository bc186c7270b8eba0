# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sessions over one link, as a pure state machine. See engine.py."""

# Imports nest, and a board's stack is short: what lies deepest comes first.
from . import packets as _packets  # noqa: F401
from . import session as _session  # noqa: F401
from .engine import Engine

__all__ = ("Engine",)
