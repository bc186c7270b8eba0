# SPDX-License-Identifier: MIT OR Apache-2.0
"""How handshakes get to M1 where nothing goes before it: HS-S with a single neighbour.

Entrances (entrances.py) is the same for shared links, and for HS-K. A board on a cable that has
no keys of HS-K uses this one and never pays for the entry exchange.
"""

from ..compat import TYPE_CHECKING
from ..errors import Unexpected, UsageError
from ..wire.fragment import HASH_BYTES, HEAD_FIXED_BYTES, HEADER_BYTES
from ..wire.handshake import HS_K, HS_S, M1, MESSAGE_BYTES
from .front import NO_FRONT
from .sender import fragments_needed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..compat import Buffer
    from .context import Context
    from .entry import Entry
    from .floors import Floors
    from .handshake import Handshake


class Straight:
    """The way to M1, with nothing on it.

    :param floors: what the operator decides about modes; None: HS-S is good enough
    """

    def __init__(self, context: "Context", floors: "Floors | None") -> None:
        self._context = context
        self._floors = floors

    def kinds(
        self, on_retry: "Callable[[bytes, int], None]"
    ) -> "dict[int, Callable[[bytes, int], None]]":
        """Return what takes each kind of frame that goes before M1: there is none."""
        return {}

    def strangers(self) -> bool:
        """Whether HS-S may begin here between nodes that know no credential of each other."""
        return self._floors is None or self._floors.strangers()

    def full_mode(self, expect: "bytes | None", known: bool) -> "int | None":
        """Return the mode of a full handshake with ``expect``; None: there is none to begin with.

        :param known: whether we hold keys of the peer, and of our own
        """
        if self._floors is not None:
            return self._floors.full_mode(expect, known)
        if known:
            return HS_K
        return HS_S if self.strangers() else None

    def refusal(self, expect: "bytes | None", known: bool) -> str:
        """Say why full_mode() gave none."""
        if self._floors is not None:
            return self._floors.refusal(expect, known)
        return "no credential of this peer, and strangers do not meet on this link"

    def objection(self, peer_id: bytes, mode: int) -> "str | None":
        """Say why a full handshake of ``mode`` does not do for a peer, or None."""
        return None if self._floors is None else self._floors.objection(peer_id, mode)

    def front_bytes(self, mode: int) -> int:
        """Return how many octets of an M1 lie before its offer."""
        return 0

    def offer_bytes(self, mode: int) -> int:
        """Return the length of M1."""
        return self.front_bytes(mode) + MESSAGE_BYTES[M1]

    def fits(self, mode: int, mtu: int) -> bool:
        """Whether a handshake can be had in frames of ``mtu``, M1's front in the first of M1's."""
        sizes = list(MESSAGE_BYTES.values()) if mode == HS_S else []
        try:
            for size in sizes:
                fragments_needed(size, mtu)
            others = fragments_needed(self.offer_bytes(mode), mtu) - 1
        except UsageError:
            return False
        room = mtu - HEADER_BYTES - HEAD_FIXED_BYTES - HASH_BYTES * others
        return room >= self.front_bytes(mode)

    # Initiator

    def call(self, handshake: "Handshake", now: int) -> bool:
        """Do what comes before our M1; returns True when M1 may go at once."""
        handshake.front = NO_FRONT
        return True

    def on_retry(self, handshake: "Handshake", frame: bytes, now: int) -> bool:
        """Take the RETRY that a handshake waits for; returns True when that is settled.

        :raises ProtocolError: it is not taken; another one may still come
        """
        raise Unexpected("RETRY to no HELLO of ours")

    def turns_down(self, frame: bytes) -> bool:
        """Whether a RETRY says that its sender cannot do what we wish.

        :raises ProtocolError: it is none
        """
        return False

    def ready(self, handshake: "Handshake") -> bool:
        """Work for the stamp that RETRY asks for; returns True when M1 may go."""
        return True

    # Responder

    def admit(self, mode: int, m1: "Buffer", now: int) -> "Entry | None":
        """Check the front of M1, of which ``m1`` holds enough; None: it has none.

        :raises ProtocolError: nothing is to be kept of this M1
        """
        return None
