# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the parts of one engine share: who we are, what the link is, where outputs go."""

from ..compat import TYPE_CHECKING, const
from .stats import Stats
from .transmit import TransmitQueue

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..crypto import Crypto
    from ..identity import Identity
    from ..limits import Limits, LinkProfile
    from ..record import Record

_CID_BYTES = const(2)
_QUEUED_FRAMES = const(64)  # two full windows; a driver drains the queue after every input


class Context:
    """Made by the Engine, handed to its parts. Holds no protocol state."""

    def __init__(
        self,
        identity: "Identity",
        crypto: "Crypto",
        entropy: "Callable[[int], bytes]",
        link: "LinkProfile",
        limits: "Limits",
    ) -> None:
        self.identity = identity
        self.crypto = crypto
        self.entropy = entropy
        self.link = link
        self.limits = limits
        self.stats = Stats()
        self.tx = TransmitQueue(link, _QUEUED_FRAMES, self.stats)
        self.events: "list[Record]" = []
        self.source = b""  # link address of the frame being worked on; empty: none is known
        self._cids: "set[int]" = set()
        self._next_handle = 1

    def new_handle(self) -> int:
        """Return a session number that was never used before."""
        handle = self._next_handle
        self._next_handle += 1
        return handle

    def take_cid(self) -> int:
        """Return a random connection id that no session and no handshake here uses."""
        while True:
            cid = int.from_bytes(self.entropy(_CID_BYTES), "big")
            if cid not in self._cids:
                self._cids.add(cid)
                return cid

    def free_cid(self, cid: int) -> None:
        """Let ``cid`` be drawn again."""
        self._cids.discard(cid)
