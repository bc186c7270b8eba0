# SPDX-License-Identifier: MIT OR Apache-2.0
"""Inside a session: the data frame, and what its ciphertext holds.

    0  1  class(2)=0 | key epoch(2) | ACK | CHUNK | content(2)
    1  2  receiver's CID, chosen at random by the receiver for this session
    3  2  packet number, low 16 bits; the receiver restores the other 32
    5  n  AES-256-CCM ciphertext, then a tag of 8 (radio) or 16 octets

    nonce = iv XOR (0^7 || packet number(6))    AAD = session id(8) || packet number(6) || 0..4

The plaintext is an AckBlock if ACK is set, then what ``content`` says:

    NONE     0   nothing: an acknowledgement, or the handshake's M4
    SEGMENT  1   LAST(1) | sequence(15), then octets of the message stream
    CONTROL  2   one octet of kind, then that kind's fields
    DATAGRAM 3   kept for unreliable messages

The key epoch is the number of the sender's epoch modulo 4 (engine/ratchet.py). CHUNK is zero.
"""

from ..compat import const
from ..errors import Malformed, UnknownKind
from .fields import U8, U16, U32
from .layout import WireObject, decode_at, names

NONE = const(0)
SEGMENT = const(1)
CONTROL = const(2)
FLAG_ACK = const(0x08)
_FLAG_CHUNK = const(0x04)
EPOCH_SHIFT = const(4)
_EPOCH_MASK = const(0x03)
CONTENT_MASK = const(0x03)

PING = const(1)
CLOSE = const(2)
CLOSED = const(3)

LAST = const(0x8000)
SEQUENCE_MASK = const(0x7FFF)

HEADER_BYTES = const(5)
ACK_BYTES = const(6)
SEGMENT_BYTES = const(2)

# Why a session was closed. 0..15 belong to the protocol, 16..255 to the application.
REASON_DONE = const(0)  # nothing more to say
REASON_REPLACED = const(1)  # the same peer opened a newer session; never sent, only reported
REASON_REFUSED = const(2)  # the responder does not admit the initiator
REASON_SHUTDOWN = const(3)  # the node is going down
REASON_FULL = const(4)  # no room for another session


class DataHeader(WireObject):
    """The clear start of every frame of a session.

    Version 1, that of the handshake.

    Sender: the peer of the session; the tag covers it together with the session id and the
        whole packet number.
    Replay: each packet number is taken once; the window of 64 or 1,024 moves only after the tag
        has been verified.
    Rate: frames of an unknown CID cost one table look-up; a claimed key epoch costs a derivation
        at most once per epoch; 2^14 failed tags or 2^20 frames end the use of a key, and the next
        epoch's takes its place.
    """

    LAYOUT = (("kind", U8), ("cid", U16), ("number", U16))
    FIELDS = names(LAYOUT)

    kind: int
    cid: int
    number: int

    def epoch(self) -> int:
        """Return the sender's key epoch, modulo 4."""
        return self.kind >> EPOCH_SHIFT & _EPOCH_MASK


class AckBlock(WireObject):
    """Which segments have arrived: all before ``wanted``, and the set bits after it.

    Version 1, that of the handshake.

    Sender: the peer, inside a data frame.
    Replay: that of the data frame; besides, segments do not un-arrive.
    Rate: at most one per frame received.
    """

    LAYOUT = (
        ("wanted", U16),  # the next sequence number in order
        ("bitmap", U32),  # bit i: segment wanted + 1 + i is here
    )
    FIELDS = names(LAYOUT)

    wanted: int
    bitmap: int


class SegmentHeader(WireObject):
    """A piece of a message. Sequence numbers count pieces; LAST ends a message.

    Version 1, that of the handshake.

    Sender: the peer, inside a data frame.
    Replay: a sequence number is taken once.
    Rate: the receiver's window (Params), and its longest message.
    """

    LAYOUT = (("sequence", U16),)
    FIELDS = names(LAYOUT)

    sequence: int


class Ping(WireObject):
    """Asks for any frame in return.

    Version 1, that of the handshake.

    Sender: the peer, inside a data frame.
    Replay: that of the data frame.
    Rate: the keepalive interval of the link; draws one short frame.
    """

    KIND = PING
    LAYOUT = (("kind", U8),)
    FIELDS = names(LAYOUT)

    kind: int


class Close(WireObject):
    """Ends the session. Answered by Closed.

    Version 1, that of the handshake.

    Sender: the peer, inside a data frame. Before M4 it refuses the handshake.
    Replay: that of the data frame; the session it could end is over.
    Rate: a few tries of the sender.
    """

    KIND = CLOSE
    LAYOUT = (("kind", U8), ("reason", U8))
    FIELDS = names(LAYOUT)

    kind: int
    reason: int


class Closed(WireObject):
    """Answers Close: this side has ended the session too.

    Version 1, that of the handshake.

    Sender: the peer, inside a data frame.
    Replay: that of the data frame; the session is over.
    Rate: one per Close.
    """

    KIND = CLOSED
    LAYOUT = (("kind", U8),)
    FIELDS = names(LAYOUT)

    kind: int


ALL = (DataHeader, AckBlock, SegmentHeader, Ping, Close, Closed)
_CONTROLS: "dict[int, type[WireObject]]" = {PING: Ping, CLOSE: Close, CLOSED: Closed}


def decode_header(frame: bytes) -> DataHeader:
    """Parse the clear start of a data frame.

    :raises Malformed: truncated
    :raises UnknownKind: a chunk or a content of a later version
    """
    header, _ = decode_at(DataHeader, memoryview(frame), 0)
    if header.kind & _FLAG_CHUNK or header.kind & CONTENT_MASK > CONTROL:
        raise UnknownKind("data frame of kind 0x%02x" % header.kind)
    return header


def decode_control(view: memoryview, at: int) -> WireObject:
    """Parse the rest of a plaintext whose content is CONTROL.

    :raises Malformed: it does not end where its fields end
    :raises UnknownKind: a control of a later version
    """
    if at >= len(view):
        raise Malformed("empty control")
    cls = _CONTROLS.get(view[at])
    if cls is None:
        raise UnknownKind("control %d" % view[at])
    control, at = decode_at(cls, view, at)
    if at != len(view):
        raise Malformed("%d bytes after the control" % (len(view) - at))
    return control
