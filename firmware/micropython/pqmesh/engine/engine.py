# SPDX-License-Identifier: MIT OR Apache-2.0
"""All sessions over one link: the interface. The body follows."""

from ..compat import TYPE_CHECKING
from ..limits import BOARD

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..crypto import Crypto
    from ..identity import Identity
    from ..limits import Limits, LinkProfile
    from ..record import Record


class Engine:
    """All sessions over one link, point to point or shared.

    Three kinds of call. Inputs (``connect``, ``send``, ``close``, ``receive``,
    ``handle_timeout``) change state. Outputs (``next_transmit``, ``next_event``) are drained
    after every input. Then the driver sleeps until ``next_deadline()`` or the next frame.

    ``receive`` does symmetric work only. Public-key work is left to the next
    ``handle_timeout``, with a deadline that is due at once: so the acknowledgement of a
    handshake message leaves the node before seconds of signing begin.

    :param identity: who we are
    :param crypto: a provider of the port in pqmesh.crypto
    :param entropy: ``entropy(n)`` returns n fresh random bytes
    :param link: what the link can do (pqmesh.limits)
    :param trust: ``trust(peer_id)`` is asked before a proved peer is admitted; None admits all
    :param limits: how much memory this engine may use (pqmesh.limits.BOARD or GATEWAY)
    """

    def __init__(
        self,
        identity: "Identity",
        crypto: "Crypto",
        entropy: "Callable[[int], bytes]",
        link: "LinkProfile",
        trust: "Callable[[bytes], bool] | None" = None,
        limits: "Limits" = BOARD,
    ) -> None:
        raise NotImplementedError

    def connect(self, now: int, expect: "bytes | None" = None) -> int:
        """Start a handshake as initiator; returns the session's handle.

        Ends in Established or Refused. When the peer is connecting too, the two attempts
        become one and this handle names the result.

        :param expect: the PeerId that must answer; None takes whoever does
        :raises Busy: no room for another handshake
        """
        raise NotImplementedError

    def send(self, session: int, payload: bytes, now: int) -> int:
        """Queue a message: reliable, in order, acknowledged; returns its number.

        :raises UsageError: longer than both sides accept (at least MAX_MESSAGE_BYTES), or empty
        :raises NoSuchSession: not established, or ended
        :raises Busy: the queue is full; try again after Delivered
        """
        raise NotImplementedError

    def close(self, session: int, now: int, reason: int = 0) -> None:
        """Tell the peer and end the session; messages not yet Delivered may be lost.

        Ends in Closed, at the latest after a few unanswered tries. Also abandons a handshake.

        :param reason: 0..255, handed to the peer (pqmesh.wire.session.REASON_*)
        :raises NoSuchSession: it has ended already
        """
        raise NotImplementedError

    def receive(self, frame: bytes, now: int) -> None:
        """Take one whole frame from the link.

        :raises ProtocolError: the frame was dropped, and state is as it was before
        """
        raise NotImplementedError

    def handle_timeout(self, now: int) -> None:
        """Do what has fallen due. Harmless when called early or often."""
        raise NotImplementedError

    def next_transmit(self) -> "bytes | None":
        """Return the next frame for the link, None when there is none."""
        raise NotImplementedError

    def next_event(self) -> "Record | None":
        """Return the next event of engine.events, None when there is none."""
        raise NotImplementedError

    def next_deadline(self) -> "int | None":
        """Return when ``handle_timeout`` is wanted, in ms on the caller's clock, or None."""
        raise NotImplementedError
