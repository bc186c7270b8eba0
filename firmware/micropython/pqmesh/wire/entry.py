# SPDX-License-Identifier: MIT OR Apache-2.0
"""The two frames before a handshake on a shared link, and what M1 repeats of them.

    HELLO  I->R  0x84 | wish 1 | versions 1 | suites 1 | rtag 6 | nonce 16
                 | credential 8 | admission 8                                        42 octets
    RETRY  R->I  0x85 | chosen 1 | nonce echo 4 | nonce 16 | terms 1 | mtu 1         24
    echo   I->R  the first octets of M1: all of both that R cannot know by itself    54

    wish    NAMED | ADMITTED | ANY_MODE | zero(2) | mode(3)
    chosen  zero(1) | ADMITTED | version(3) | mode(3)   terms  suite(3) | stamp bits(5)
    rtag    = SHA-256("pqmesh1 rtag" || PeerId_R || nonce)[0:6]     zeros where R has no name

HELLO's nonce begins with the CID under which the initiator wants frames of the session. RETRY's
nonce is the responder's cookie, a MAC over HELLO and the rest of RETRY (engine/cookies.py).

HELLO and RETRY have this form in every version of the handshake: they are how two nodes find
the version that both speak. Both are in the transcript, whole, so nothing of them can be changed
without the handshake failing (engine/entry.py).
"""

from ..compat import const
from ..errors import Malformed, UnknownKind
from .fields import U8, Fixed
from .handshake import NONCE_BYTES
from .layout import WireObject, decode, names

HELLO = const(0x84)
RETRY = const(0x85)

NAMED = const(0x80)  # wish: rtag says whom it is for
ADMITTED = const(0x40)  # wish: admission is a MAC, without it zeros. chosen: R knows its key
ANY_MODE = const(0x20)  # wish: HS-S will do as well, should R not be able to do the mode
_WISH_ZERO = const(0x18)
_MODE_MASK = const(0x07)  # three bits, of a mode and of a version
NO_MODE = const(7)  # chosen: R cannot do what is wished with the credential named

RTAG_BYTES = const(6)
ECHO_OF_NONCE_BYTES = const(4)
CREDENTIAL_ID_BYTES = const(8)
ADMISSION_BYTES = const(8)
MAX_MTU = const(255)  # as told in RETRY: that, or more

HELLO_BYTES = const(42)
RETRY_BYTES = const(24)
ECHO_BYTES = const(54)


class Hello(WireObject):
    """Asks a node for the right to begin a handshake, and what to begin it with.

    Version 1, and the same in every later one: ``versions`` tells which ones the sender speaks.

    Sender: anybody; the MAC shows a member of the network or an earlier peer, and spares it the
        stamp, nothing else. The handshake that follows proves the sender and every octet of this.
    Replay: draws the same Retry again, or one of the next key.
    Rate: one hash for a tag that is not ours; else one HMAC and a Retry that is shorter than
        the Hello. Nothing is kept.
    """

    LAYOUT = (
        ("kind", U8),
        ("wish", U8),  # the mode wished, and NAMED, ADMITTED, ANY_MODE
        ("versions", U8),  # bit v: handshake version v
        ("suites", U8),  # bit s: suite s, with every one of the versions
        ("rtag", Fixed(RTAG_BYTES)),
        ("nonce", Fixed(NONCE_BYTES)),  # its first two octets: where I wants frames
        ("credential", Fixed(CREDENTIAL_ID_BYTES)),  # of R, that the sender holds; or zeros
        ("admission", Fixed(ADMISSION_BYTES)),
    )
    FIELDS = names(LAYOUT)

    kind: int
    wish: int
    versions: int
    suites: int
    rtag: bytes
    nonce: bytes
    credential: bytes
    admission: bytes

    def mode(self) -> int:
        """The mode that is wished."""
        return self.wish & _MODE_MASK


class Retry(WireObject):
    """What the responder chose, and the cookie without which it will not listen to M1.

    Version 1, and the same in every later one: ``chosen`` tells which one is spoken from here.

    Sender: whoever saw the Hello; nothing is proved until the handshake is. A forged one can only
        make the handshake fail, because the responder knows by the cookie what it chose itself.
    Replay: it answers one Hello, named by the first octets of its nonce.
    Rate: one per Hello. Taken only while a Hello of ours is out.
    """

    LAYOUT = (
        ("kind", U8),
        ("chosen", U8),  # zero(1) | ADMITTED: the MAC is known | version(3) | mode(3)
        ("nonce_echo", Fixed(ECHO_OF_NONCE_BYTES)),  # the first octets of the Hello's nonce
        ("nonce", Fixed(NONCE_BYTES)),  # the cookie: a MAC by the responder, for itself
        ("terms", U8),  # suite(3) | bits of the stamp that M1 must bear(5)
        ("mtu", U8),  # longest frame the responder takes; 255: that, or more
    )
    FIELDS = names(LAYOUT)

    kind: int
    chosen: int
    nonce_echo: bytes
    nonce: bytes
    terms: int
    mtu: int

    def mode(self) -> int:
        """The mode chosen, or NO_MODE."""
        return self.chosen & _MODE_MASK

    def version(self) -> int:
        """The version of the handshake chosen."""
        return self.chosen >> 3 & _MODE_MASK

    def admitted(self) -> bool:
        """Whether the responder knows the key of the Hello's MAC."""
        return bool(self.chosen & ADMITTED)

    def suite(self) -> int:
        """The suite chosen."""
        return self.terms >> 5

    def stamp_bits(self) -> int:
        """Leading zero bits of the stamp asked for, 0..31."""
        return self.terms & 0x1F


class Echo(WireObject):
    """Begins M1: gives a responder without memory its Hello and Retry back.

    Version 1, that of the handshake. ``proof`` is the Hello's MAC if it had one, else the stamp.

    Sender: whoever had the Retry; the cookie is a MAC by the responder itself over everything
        that this restores.
    Replay: within the life of the cookie it opens one more reassembly of the same message; the
        handshake behind it needs secrets of the sender's.
    Rate: one HMAC, one hash for a stamp; then the tables of M1.
    """

    LAYOUT = (
        ("nonce_i", Fixed(NONCE_BYTES)),
        ("nonce_r", Fixed(NONCE_BYTES)),
        ("credential", Fixed(CREDENTIAL_ID_BYTES)),
        ("proof", Fixed(ADMISSION_BYTES)),
        ("wish", U8),
        ("versions", U8),
        ("suites", U8),
        ("chosen", U8),
        ("terms", U8),
        ("mtu", U8),
    )
    FIELDS = names(LAYOUT)

    nonce_i: bytes
    nonce_r: bytes
    credential: bytes
    proof: bytes
    wish: int
    versions: int
    suites: int
    chosen: int
    terms: int
    mtu: int


ALL = (Hello, Retry, Echo)


def decode_hello(frame: bytes) -> Hello:
    """Parse HELLO.

    :raises Malformed: truncated, bytes are left over, or fields that contradict each other
    :raises UnknownKind: another kind of frame
    """
    hello = decode(Hello, frame)
    if hello.kind != HELLO:
        raise UnknownKind("0x%02x is not HELLO" % hello.kind)
    if hello.wish & _WISH_ZERO:
        raise Malformed("HELLO with wish 0x%02x" % hello.wish)
    if not hello.wish & NAMED and any(hello.rtag):
        raise Malformed("HELLO to nobody, with a tag")
    if not hello.wish & ADMITTED and any(hello.admission):
        raise Malformed("HELLO with a MAC that is none")
    return hello


def decode_retry(frame: bytes) -> Retry:
    """Parse RETRY.

    :raises Malformed: truncated, bytes are left over, or a bit is set that has no meaning
    :raises UnknownKind: another kind of frame
    """
    retry = decode(Retry, frame)
    if retry.kind != RETRY:
        raise UnknownKind("0x%02x is not RETRY" % retry.kind)
    if retry.chosen >> 7:
        raise Malformed("RETRY with choice 0x%02x" % retry.chosen)
    return retry
