# SPDX-License-Identifier: MIT OR Apache-2.0
"""How a handshake message is cut to fit the link, and how its pieces are acknowledged.

    fragment  0  1  class(2)=1 | version(3) | mode(3)
              1  1  message(2) | POLL | CODED | zero(4)
              2  4  flow    = SHA-256("pqmesh1 head" || octet 0 || message || k || head)[0:4]
              6  1  index   0 is the head
              7  1  k       fragments of the message, 1..32
              8  n  payload

    head      0  2  total   length of the message
              2  1  n       = k - 1
              3 6n  hash_i  = SHA-256("pqmesh1 frag" || salt || i || payload_i)[0:6], i = 1..n
             ..     the first octets of the message, at least 24: those 24 are the salt

    SACK      0  1  0x80    1 1 message    2 4 flow    6 4 bitmap, bit i = fragment i is here
             10  4  check   = SHA-256("pqmesh1 sack" || head digest || octets 0..9)[0:4]
    POLL      0  1  0x81    1 1 message    2 4 flow
              6  2  check   = SHA-256("pqmesh1 poll" || head digest || octets 0..5)[0:2]

The hashes let each fragment be checked the moment it arrives: an injected one is dropped
without touching state. They stop poisoning; integrity itself rests on the transcript.
The checks only show that the sender has seen the head.
"""

from ..compat import const
from ..errors import Malformed, UnknownKind
from ..limits import MAX_FRAGMENTS
from .fields import U8, U32, Fixed, Rest
from .handshake import HS_K, M1, VERSION
from .layout import WireObject, decode, names

CLASS_FRAGMENT = const(1)
SACK = const(0x80)
POLL = const(0x81)
FLAG_POLL = const(0x20)  # please answer with a SACK
FLAG_CODED = const(0x10)  # any-k coding; not in version 1

HEADER_BYTES = const(8)
FLOW_BYTES = const(4)
HASH_BYTES = const(6)
SALT_BYTES = const(24)
HEAD_FIXED_BYTES = const(3)
SACK_CHECK_BYTES = const(4)
POLL_CHECK_BYTES = const(2)
_MAX_PAYLOAD = const(65_535)


class Fragment(WireObject):
    """One piece of a handshake message; the head carries the hashes of the others.

    Version 1, in its first octet.

    Sender: anybody, for a head; it names a message of known length for a handshake in a state
        that waits for it, or it is dropped. Other pieces are checked against the head's hashes.
    Replay: a piece that is here already changes nothing; of a message that is complete it draws
        at most one SACK.
    Rate: a table of reassembly flows of bounded size; the stalest gives way.
    """

    LAYOUT = (
        ("kind", U8),
        ("message", U8),
        ("flow", Fixed(FLOW_BYTES)),
        ("index", U8),
        ("count", U8),
        ("payload", Rest(_MAX_PAYLOAD)),
    )
    FIELDS = names(LAYOUT)

    kind: int
    message: int
    flow: bytes
    index: int
    count: int
    payload: bytes

    def mode(self) -> int:
        """Of which kind of handshake this is a piece: HS_S and its like."""
        return self.kind & 7

    def number(self) -> int:
        """Which message of the handshake this is a piece of: M1, M2 or M3; in HS-K also 0."""
        return self.message >> 6

    def wants_sack(self) -> bool:
        """Whether the sender waits for an acknowledgement."""
        return bool(self.message & FLAG_POLL)


class Sack(WireObject):
    """Which fragments of a message have arrived.

    Version 1, that of the handshake.

    Sender: whoever has seen the head of the message. Forging one can make a handshake fail or
        repeat pieces; it cannot make it succeed.
    Replay: bits only say that a piece arrived, and pieces do not un-arrive.
    Rate: at most one per fragment or POLL received.
    """

    LAYOUT = (
        ("kind", U8),
        ("message", U8),
        ("flow", Fixed(FLOW_BYTES)),
        ("bitmap", U32),
        ("check", Fixed(SACK_CHECK_BYTES)),
    )
    FIELDS = names(LAYOUT)

    kind: int
    message: int
    flow: bytes
    bitmap: int
    check: bytes


class Poll(WireObject):
    """Asks for the Sack of a message again.

    Version 1, that of the handshake.

    Sender: whoever has seen the head of the message.
    Replay: draws another Sack, nothing else.
    Rate: the sender's retransmission timer; the answer is hardly longer than the question.
    """

    LAYOUT = (
        ("kind", U8),
        ("message", U8),
        ("flow", Fixed(FLOW_BYTES)),
        ("check", Fixed(POLL_CHECK_BYTES)),
    )
    FIELDS = names(LAYOUT)

    kind: int
    message: int
    flow: bytes
    check: bytes


ALL = (Fragment, Sack, Poll)


def fragment_kind(mode: int) -> int:
    """Return octet 0 of the fragments of a handshake of ``mode``."""
    return CLASS_FRAGMENT << 6 | VERSION << 3 | mode


def decode_fragment(frame: bytes) -> Fragment:
    """Parse one fragment and check what can be checked without state.

    :raises Malformed: truncated, or an index outside the count
    :raises UnknownKind: another version, or coding
    """
    fragment = decode(Fragment, frame)
    if fragment.kind >> 3 & 7 != VERSION:
        raise UnknownKind("handshake version %d" % (fragment.kind >> 3 & 7))
    if fragment.message & FLAG_CODED:
        raise UnknownKind("coded fragments")
    if fragment.message & 0x0F or (fragment.number() < M1 and fragment.mode() != HS_K):
        raise Malformed("fragment of message 0x%02x" % fragment.message)
    if not fragment.index < fragment.count <= MAX_FRAGMENTS:
        raise Malformed("fragment %d of %d" % (fragment.index, fragment.count))
    return fragment
