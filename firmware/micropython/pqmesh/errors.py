# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every error this package raises.

ProtocolError                the peer, or the medium, sent something illegal
    Malformed                the bytes do not parse
    UnknownKind              they parse, but name a message or a version we do not know
    Unexpected               a known message in a state that forbids it
    Replayed                 a packet number that was used before, or is too old to tell
    BadTag                   an authentication tag does not verify
    BadKey                   a public key fails the input checks of FIPS 203, section 7.2
    UnknownSession           a data frame for a session that does not exist here (any more)
    Exhausted                the sender asks for more than a table or a rate allows
UsageError                   our own caller broke the rules; always a bug
    NoSuchSession            the session ended, or the number was never given out
Busy                         nobody's fault: a queue is full, try again after Delivered
SessionError                 a program's session (conversation.py) did not do what was asked of it
    SessionRefused           it did not come about: the handshake failed
    SessionEnded             it was closed, or lost
    MessageExpired           a message had not begun to leave by its deadline
    TimedOut                 what was waited for did not come in the time given

Only ``receive()``, ``decode()`` and the crypto port raise ProtocolError. A driver that
catches it drops the frame, counts it, and carries on: the state is as it was before.
"""


class MeshError(Exception):
    """Root of everything this package raises."""


class ProtocolError(MeshError):
    """The peer, or the medium, sent something illegal. The frame was dropped."""


class Malformed(ProtocolError):
    """The bytes do not parse."""


class UnknownKind(ProtocolError):
    """A message kind, version, suite or mode this side does not speak."""


class Unexpected(ProtocolError):
    """A known message that the present state forbids."""


class Replayed(ProtocolError):
    """A packet number seen before, or older than the replay window."""


class BadTag(ProtocolError):
    """An authentication tag, a signature or a fragment hash does not verify."""


class BadKey(ProtocolError):
    """A public key that fails the input checks of its standard."""


class UnknownSession(ProtocolError):
    """A data frame for a session we do not have, perhaps lost in our own restart.

    Nothing about such a frame is authenticated: a hint to connect afresh, never a proof.
    """


class Exhausted(ProtocolError):
    """The sender asks for more state or more work than the limits allow."""


class UsageError(MeshError):
    """Our own caller broke the rules; always a bug."""


class NoSuchSession(UsageError):
    """The session has ended, or never was. Wait for the next Established."""


class Busy(MeshError):
    """A queue is full. Send again after the next Delivered."""


class SessionError(MeshError):
    """A program's session did not do what was asked of it."""


class SessionRefused(SessionError):
    """The handshake failed, as ``reason`` says.

    ``peer_id`` is whom it failed with; None when it failed before a name was proved.
    """

    def __init__(self, reason: str, peer_id: "bytes | None" = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.peer_id = peer_id


class SessionEnded(SessionError):
    """The session is over, as ``reason`` says; what was not delivered may be lost.

    ``code`` is what it was closed with (pqmesh.wire.session.REASON_*), None when it was lost;
    ``by_peer`` says who closed it.
    """

    def __init__(self, reason: str, code: "int | None" = None, by_peer: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.by_peer = by_peer


class MessageExpired(SessionError):
    """A message was dropped whole: it had not begun to leave by its deadline."""


class TimedOut(SessionError):
    """What was waited for did not come in the time given; it may still come."""
