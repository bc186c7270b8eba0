# SPDX-License-Identifier: MIT OR Apache-2.0
"""What an engine tells its owner. Pulled with ``Engine.next_event()``.

``session`` is always the handle that ``connect()`` returned, or the one a peer's handshake
was given on arrival. Each handle sees at most one of Refused, Closed and Lost, and it is the
last event that names it.
"""

from ..record import Record


class Established(Record):
    """Both sides have proved who they are; ``send()`` works from now on."""

    FIELDS = (
        "session",
        "peer_id",
        "initiator",
        "sent_bytes",
        "received_bytes",
        "elapsed_ms",
    )

    session: int
    peer_id: bytes
    initiator: bool  # whether we began
    sent_bytes: int  # the handshake's frames, retransmissions included, before framing
    received_bytes: int
    elapsed_ms: int  # from our first frame, or from the peer's


class Received(Record):
    """A whole message arrived: in order, and for the first time in this session.

    Its acknowledgement is still in the engine: it leaves with a later ``next_transmit()``,
    so an owner that stores the message first never acknowledges what it can lose.
    """

    FIELDS = ("session", "payload")

    session: int
    payload: bytes


class Delivered(Record):
    """The peer has acknowledged the whole of ``message``."""

    FIELDS = ("session", "message", "rtt_ms")

    session: int
    message: int  # what send() returned
    rtt_ms: int  # from its first frame to its last acknowledgement


class Expired(Record):
    """A message was dropped whole: it had not begun to leave by its deadline."""

    FIELDS = ("session", "message")

    session: int
    message: int  # what send() returned


class Moved(Record):
    """The peer is at another link address now: the newest frame that verified came from there.

    What the engine sends to it from now on names that address as its destination. An attacker
    who relays frames faster than the peer's own path can bend it until the next genuine one.
    """

    FIELDS = ("session", "address")

    session: int
    address: bytes


class Closed(Record):
    """The session was ended on purpose. Messages not yet Delivered may be lost."""

    FIELDS = ("session", "reason", "by_peer")

    session: int
    reason: int  # a code of pqmesh.wire.session, or the application's own
    by_peer: bool


class Lost(Record):
    """The session ended by failure: the peer is silent, or a key is worn out."""

    FIELDS = ("session", "reason")

    session: int
    reason: str


class Refused(Record):
    """A handshake failed. ``peer_id`` is None when it failed before a name was proved."""

    FIELDS = ("session", "reason", "peer_id")

    session: int
    reason: str
    peer_id: "bytes | None"
