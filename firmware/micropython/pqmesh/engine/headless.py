# SPDX-License-Identifier: MIT OR Apache-2.0
"""Fragments that came before their head: on a radio the head is lost as often as any other.

Without it nothing can be checked, and dropping what follows would cost the whole burst. So the
fragments of *one* message are kept as they are, at most 32 frames' worth, until the head comes
and says which of them are genuine, or until nothing more has come for a while. Whoever fills the
slot with rubbish takes away the convenience and nothing else: the burst is then sent twice.
"""

from ..compat import TYPE_CHECKING
from ..errors import ProtocolError
from ..wire.fragment import FLOW_BYTES, HEADER_BYTES

if TYPE_CHECKING:
    from ..wire.fragment import Fragment
    from .flows import Flow


class Headless:
    """One slot.

    :param idle_ms: after so long without a fragment another message may have the slot
    """

    def __init__(self, idle_ms: int) -> None:
        self._idle_ms = idle_ms
        self._pieces: "list[Fragment]" = []  # of one flow, message number and count
        self._touched_at = 0

    def keep(self, fragment: "Fragment", now: int) -> bool:
        """Keep a fragment whose flow is not here; returns False when it is to be dropped."""
        self.handle_timeout(now)
        for piece in self._pieces:
            if not _same(piece, fragment):
                return False
            if piece.index == fragment.index:
                return True
        try:
            self._pieces.append(fragment)
        except MemoryError:
            self._pieces = []
            return False
        self._touched_at = now
        return True

    def adopt(self, flow: "Flow", now: int) -> None:
        """Hand what was kept of ``flow``, which has just been opened, to it."""
        if not self._pieces or self._pieces[0].flow != flow.digest[:FLOW_BYTES]:
            return
        pieces, self._pieces = self._pieces, []
        for piece in pieces:
            try:
                if piece.number() == flow.number:
                    flow.store(piece, now)
                    flow.tally.received += HEADER_BYTES + len(piece.payload)
            except ProtocolError:  # a forgery; only now that can be told
                continue

    def handle_timeout(self, now: int) -> None:
        """Forget what has waited too long."""
        if self._pieces and now >= self._touched_at + self._idle_ms:
            self._pieces = []


def _same(one: "Fragment", other: "Fragment") -> bool:
    return (one.flow, one.message >> 6, one.count) == (other.flow, other.message >> 6, other.count)
