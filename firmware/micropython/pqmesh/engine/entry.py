# SPDX-License-Identifier: MIT OR Apache-2.0
"""The entry exchange: what a stranger must do before a node keeps anything because of it.

    Caller   --HELLO-->  Doorman        one hash, one HMAC, nothing kept
             <--RETRY--                 its choice of version, suite and mode, and a cookie
             --M1: echo ..-->           the cookie is checked on the first fragment; only then
                                        is there a reassembly, only then public-key work

The cookie is a MAC over the link address, HELLO and RETRY, so the responder restores both from
the echo that begins M1 and knows that it chose what RETRY says. Whoever changes HELLO on its way
(strips a version, a suite, a mode) gets a cookie for another HELLO than the initiator's: M1 is
dropped, and if the echo is changed too, th0 of the two sides differs and no key agrees. A forged
RETRY can only waste an attempt: the initiator takes no choice that it did not offer.

    admission = HMAC(D(secret, "admit"), HELLO less admission)[0:8]
                secret: a network key, or a generation of the resumption secret
"""

from ..compat import TYPE_CHECKING, const
from ..errors import BadTag, Malformed, Unexpected, UnknownKind
from ..kdf import (
    DOMAIN_RTAG,
    LABEL_ADMIT,
    derive,
    domain_hash,
    equal,
    hmac_sha256,
)
from ..record import Record, replace
from ..wire.entry import (
    ADMISSION_BYTES,
    ADMITTED,
    ANY_MODE,
    ECHO_BYTES,
    ECHO_OF_NONCE_BYTES,
    HELLO,
    MAX_MTU,
    NAMED,
    NO_MODE,
    RETRY,
    RTAG_BYTES,
    Echo,
    Hello,
    Retry,
    decode_hello,
    decode_retry,
)
from ..wire.handshake import HS_K, HS_S, NONCE_BYTES, SUITE, VERSION
from ..wire.layout import decode
from .cookies import CookieJar
from .stamps import DTAG_BYTES, MAX_HANDSHAKE_BITS, dtag_of, holds, subject_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Protocol

    from ..compat import Buffer
    from ..credentials.keyring import OwnKey
    from .context import Context

    class Floors(Protocol):
        """What a Doorman asks of engine.floors."""

        def strangers(self) -> bool:
            """Whether somebody without a credential of ours may begin HS-S here."""

    class Keyring(Protocol):
        """What a Doorman asks of credentials.keyring."""

        def own(self, credential_id: bytes) -> "OwnKey | None":
            """Return the KEM key of ours that is named, if it may still be used."""


ADMISSION_KEYS = const(4)  # tried at most for one HELLO


class Entry(Record):
    """What an entry exchange settled; the same on both sides, or the handshake fails."""

    FIELDS = (
        "hello",
        "retry",
        "mode",
        "version",
        "suite",
        "credential",
        "nonce_i",
        "nonce_r",
        "admitted",
        "mtu",
    )

    hello: bytes  # the two frames whole, for th0
    retry: bytes  # empty where the link needs none
    mode: int
    version: int
    suite: int
    credential: bytes  # id of the responder's KEM key that the initiator will use; or zeros
    nonce_i: bytes
    nonce_r: bytes  # RETRY's, the cookie; empty without it
    admitted: bool  # whether HELLO bore a MAC that the responder took
    mtu: int  # longest frame that the responder takes; 255: that, or more


def rtag_of(peer_id: bytes, nonce: bytes) -> bytes:
    """Return the 6 octets by which a node sees that a HELLO is for it."""
    digest = domain_hash(DOMAIN_RTAG)
    digest.update(peer_id)
    digest.update(nonce)
    return digest.digest()[:RTAG_BYTES]


def admission_key(secret: bytes) -> bytes:
    """Return the key of HELLO's MAC, from a network key or a generation (32 octets)."""
    return derive(secret, LABEL_ADMIT)


def admission(key: bytes, hello: bytes) -> bytes:
    """Return the MAC of a whole HELLO; what stands in its place there does not matter."""
    return hmac_sha256(key, hello[:-ADMISSION_BYTES])[:ADMISSION_BYTES]


def settle(hello: bytes, retry: bytes) -> Entry:
    """Return what the two frames settle."""
    return _entry_of(hello, decode_hello(hello), retry, decode_retry(retry))


def _entry_of(hello: bytes, asked: Hello, retry: bytes, chosen: Retry) -> Entry:
    return Entry(
        hello,
        retry,
        chosen.mode(),
        chosen.version(),
        chosen.suite(),
        asked.credential,
        asked.nonce,
        chosen.nonce if retry else b"",
        chosen.admitted(),
        chosen.mtu,
    )


def _best(preferred: "tuple[int, ...]", bitmap: int) -> int:
    """Return the first of ``preferred`` that the bitmap has.

    :raises UnknownKind: it has none
    """
    for number in preferred:
        if bitmap >> number & 1:
            return number
    raise UnknownKind("HELLO offers 0x%02x, none of which is spoken here" % bitmap)


def stamp_subject(peer_id: bytes, wish: int, cookie: bytes) -> bytes:
    """Return what the stamp of an M1 is for: this responder, this cookie."""
    return subject_of(dtag_of(peer_id) if wish & NAMED else bytes(DTAG_BYTES), cookie)


class Doorman:
    """The responder's side: answers HELLO, and lets in who shows the cookie. Keeps nobody.

    :param context: of the engine
    :param keyring: whose KEM keys HS-K may use; None: no HS-K
    :param floors: whether strangers may begin HS-S; None: where the link has one neighbour only
    :param admission_keys: returns the keys of admission MACs, at most ADMISSION_KEYS are tried
    :param versions: of the handshake that we speak, in the order we prefer them
    :param suites: likewise; every suite with every version
    :param stamp_bits: work asked of strangers without a MAC, at most MAX_HANDSHAKE_BITS; the
        owner may change it at any time
    """

    def __init__(
        self,
        context: "Context",
        keyring: "Keyring | None" = None,
        floors: "Floors | None" = None,
        admission_keys: "Callable[[], Iterable[bytes]] | None" = None,
        versions: "tuple[int, ...]" = (VERSION,),
        suites: "tuple[int, ...]" = (SUITE,),
        stamp_bits: int = 0,
    ) -> None:
        self.stamp_bits = stamp_bits
        self._context = context
        self._keyring = keyring
        self._floors = floors
        self._admission_keys = admission_keys
        self._versions = versions
        self._suites = suites
        self._jar = CookieJar(context.entropy, context.link.cookie_ms())

    def greet(self, frame: bytes) -> Entry:
        """Take HELLO on a link that needs no RETRY; what it settles has no ``retry``.

        :raises ProtocolError: it is not for us, or we have no version or suite in common
        """
        hello = decode_hello(frame)
        chosen = self._choose(hello, frame)
        return _entry_of(frame, hello, b"", chosen)

    def on_hello(self, frame: bytes, address: bytes, now: int) -> bytes:
        """Take HELLO; return RETRY. NO_MODE in it says that the wish cannot be met.

        :param address: of the sender on the link; empty where the link has none
        :raises ProtocolError: it is not for us, or we have no version or suite in common
        """
        retry = self._choose(decode_hello(frame), frame)
        cookie = self._jar.make(address, frame, retry.encode(), now)
        return replace(retry, nonce=cookie).encode()

    def admit(self, m1: "Buffer", address: bytes, now: int) -> Entry:
        """Check the echo at the start of M1, at least ECHO_BYTES of it; return what it restores.

        :raises Malformed: it is shorter than an echo, or has a proof that nobody asked for
        :raises BadTag: the cookie was not made here, or too long ago, or the stamp is missing
        """
        if len(m1) < ECHO_BYTES:
            raise Malformed("an echo has %d octets" % ECHO_BYTES)
        echo = decode(Echo, bytes(m1[:ECHO_BYTES]))
        rtag = self._rtag(echo.wish, echo.nonce_i)
        hello = _hello_of(echo, rtag).encode()
        retry = _retry_of(echo)
        blank = replace(retry, nonce=bytes(NONCE_BYTES)).encode()
        self._jar.check(echo.nonce_r, address, hello, blank, now)
        subject = stamp_subject(self._context.identity.peer_id, echo.wish, echo.nonce_r)
        bits = retry.stamp_bits()
        if not holds(subject, echo.proof, bits):
            raise BadTag("M1 without its stamp")
        if not bits and not echo.wish & ADMITTED and any(echo.proof):
            raise Malformed("M1 with a proof of nothing")
        return settle(hello, retry.encode())

    def _choose(self, hello: Hello, frame: bytes) -> Retry:
        """Return our RETRY, with zeros in place of its cookie."""
        if not equal(hello.rtag, self._rtag(hello.wish, hello.nonce)):
            raise Unexpected("HELLO for another node")
        version = _best(self._versions, hello.versions)
        suite = _best(self._suites, hello.suites)
        admitted = ADMITTED if self._admits(hello, frame) else 0
        return Retry(
            RETRY,
            admitted | version << 3 | self._mode(hello),
            hello.nonce[:ECHO_OF_NONCE_BYTES],
            bytes(NONCE_BYTES),
            suite << 5 | (0 if admitted else min(self.stamp_bits, MAX_HANDSHAKE_BITS)),
            min(self._context.link.mtu, MAX_MTU),
        )

    def _rtag(self, wish: int, nonce: bytes) -> bytes:
        if not wish & NAMED:
            return bytes(RTAG_BYTES)
        return rtag_of(self._context.identity.peer_id, nonce)

    def _admits(self, hello: Hello, frame: bytes) -> bool:
        if not hello.wish & ADMITTED or self._admission_keys is None:
            return False
        for number, key in enumerate(self._admission_keys()):
            if number == ADMISSION_KEYS:
                break
            if equal(hello.admission, admission(key, frame)):
                return True
        return False

    def _mode(self, hello: Hello) -> int:
        mode = hello.mode()
        keyring = self._keyring
        if mode == HS_K and keyring is not None and keyring.own(hello.credential) is not None:
            return HS_K
        if (mode == HS_S or hello.wish & ANY_MODE) and self.strangers():
            return HS_S
        return NO_MODE

    def strangers(self) -> bool:
        """Whether HS-S is answered here, as well from those of whom we hold no credential."""
        if self._floors is None:
            return self._context.link.point_to_point
        return self._floors.strangers()


def _hello_of(echo: Echo, rtag: bytes) -> Hello:
    admission = echo.proof if echo.wish & ADMITTED else bytes(ADMISSION_BYTES)
    return Hello(
        HELLO,
        echo.wish,
        echo.versions,
        echo.suites,
        rtag,
        echo.nonce_i,
        echo.credential,
        admission,
    )


def _retry_of(echo: Echo) -> Retry:
    return Retry(
        RETRY,
        echo.chosen,
        echo.nonce_i[:ECHO_OF_NONCE_BYTES],
        echo.nonce_r,
        echo.terms,
        echo.mtu,
    )
