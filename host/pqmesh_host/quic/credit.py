# SPDX-License-Identifier: MIT OR Apache-2.0
"""Flow control that follows what the application takes, not what arrives."""

from __future__ import annotations

from aioquic.quic.connection import Limit


class Credit(Limit):
    """A flow-control limit that only ``grant`` raises.

    aioquic raises ``value`` as data arrives, so its receiver promises without bound; here
    the assignment has no effect, and what the application takes decides.
    """

    def __init__(self, frame_type: int, name: str, value: int) -> None:
        self._granted = value
        super().__init__(frame_type, name, value)

    @property
    def value(self) -> int:
        """The limit as announced, or about to be."""
        return self._granted

    @value.setter
    def value(self, wanted: int) -> None:
        pass

    def grant(self, value: int) -> bool:
        """Raise the limit; a promise is never taken back. Return whether it moved."""
        if value <= self._granted:
            return False
        self._granted = value
        return True
