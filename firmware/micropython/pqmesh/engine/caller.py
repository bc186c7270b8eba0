# SPDX-License-Identifier: MIT OR Apache-2.0
"""The initiator's side of the entry exchange: HELLO out, RETRY in, the stamp if one is asked.

What the exchange is for, and why a change of either frame is noticed, is told in entry.py. A
Caller offers only what its owner would take: a RETRY that chooses anything else is no answer.
"""

from ..compat import TYPE_CHECKING, const
from ..errors import Exhausted, Unexpected, UsageError
from ..wire.entry import (
    ADMISSION_BYTES,
    ADMITTED,
    ANY_MODE,
    CREDENTIAL_ID_BYTES,
    ECHO_OF_NONCE_BYTES,
    HELLO,
    NAMED,
    NO_MODE,
    RETRY,
    RTAG_BYTES,
    Echo,
    Hello,
    decode_hello,
    decode_retry,
)
from ..wire.handshake import HS_K, HS_S, NONCE_BYTES, SUITE, VERSION
from ..wire.resumption import CID_BYTES
from .entry import admission, rtag_of, settle, stamp_subject
from .stamps import MAX_HANDSHAKE_BITS, Search

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .context import Context
    from .entry import Entry

_STAMP_START_BYTES = const(4)


class NoCommonGround(Unexpected):
    """The other side says that it cannot do what we wish. A hint: nothing of it is proved."""


class Caller:
    """The initiator's side of one entry exchange.

    :param mode: HS_K or HS_S
    :param peer_id: whom to call; None calls whoever hears it, which only HS_S can
    :param credential: id of the KEM key of that peer that we hold; zeros for HS_S
    :param admission_key: of admission_key(); None: we have none
    :param any_mode: whether HS_S will do should the peer not be able to do ``mode``
    :param versions: of the handshake that we speak
    :param suites: likewise; every suite with every version
    :param nonce: 16 octets, the CID first and the others random; None: all are drawn here
    :raises UsageError: HS_K without a peer
    """

    def __init__(
        self,
        context: "Context",
        mode: int,
        peer_id: "bytes | None" = None,
        credential: bytes = bytes(CREDENTIAL_ID_BYTES),
        admission_key: "bytes | None" = None,
        any_mode: bool = False,
        versions: "tuple[int, ...]" = (VERSION,),
        suites: "tuple[int, ...]" = (SUITE,),
        nonce: "bytes | None" = None,
    ) -> None:
        if mode == HS_K and peer_id is None:
            raise UsageError("HS-K is with a peer that has a name")
        self.hello = b""  # the frame to send, and to send again
        self.entry: "Entry | None" = None  # once a RETRY is taken
        self.stamp: "Search | None" = None  # work to do before M1, if any is asked
        self._context = context
        self._modes = (mode, HS_S) if any_mode else (mode,)
        self._peer_id = peer_id
        self._credential = credential
        self._admission_key = admission_key
        self._versions = versions
        self._suites = suites
        self._begin(nonce or context.entropy(NONCE_BYTES))

    def wants(self, frame: bytes) -> bool:
        """Whether a frame looks like the RETRY to our HELLO."""
        return (
            self.entry is None and frame[:1] + frame[2 : 2 + ECHO_OF_NONCE_BYTES] == self._answer
        )

    def on_retry(self, frame: bytes) -> bool:
        """Take RETRY. False: the peer does not know our admission key; send ``hello`` anew.

        :raises NoCommonGround: the peer says that it cannot do what we wish
        :raises ProtocolError: it does not answer our HELLO; the genuine one may still come
        """
        retry = decode_retry(frame)
        if not self.wants(frame):
            raise Unexpected("RETRY to no HELLO of ours")
        if retry.mode() == NO_MODE:
            raise NoCommonGround("the peer cannot do what we wish with what we hold")
        if not (
            retry.mode() in self._modes
            and retry.version() in self._versions
            and retry.suite() in self._suites
        ):
            raise Unexpected("RETRY chooses what was not offered")
        bits = retry.stamp_bits()
        if bits > MAX_HANDSHAKE_BITS:
            raise Exhausted("a stamp of %d bits is asked for" % bits)
        if retry.admitted():
            if self._admission_key is None or bits:
                raise Unexpected("RETRY admits whom it does not know")
        elif bits and self._admission_key is not None:
            self._admission_key = None
            cid = decode_hello(self.hello).nonce[:CID_BYTES]
            self._begin(cid + self._context.entropy(NONCE_BYTES - CID_BYTES))
            return False
        self.entry = settle(self.hello, frame)
        if bits:
            subject = stamp_subject(self._peer_id or b"", self.hello[1], retry.nonce)
            self.stamp = Search(subject, bits, self._context.entropy(_STAMP_START_BYTES))
        return True

    def echo(self) -> bytes:
        """Return the first ECHO_BYTES octets of M1.

        :raises UsageError: no RETRY has been taken, or the stamp is not found yet
        """
        stamp = None if self.stamp is None else self.stamp.stamp
        if self.entry is None or (self.stamp is not None and stamp is None):
            raise UsageError("M1 is not due yet")
        hello = decode_hello(self.hello)
        retry = decode_retry(self.entry.retry)
        proof = hello.admission if stamp is None else stamp
        return Echo(
            hello.nonce,
            retry.nonce,
            hello.credential,
            proof,
            hello.wish,
            hello.versions,
            hello.suites,
            retry.chosen,
            retry.terms,
            retry.mtu,
        ).encode()

    def _begin(self, nonce: bytes) -> None:
        self._answer = bytes((RETRY,)) + nonce[:ECHO_OF_NONCE_BYTES]
        wish = self._modes[0] | (ANY_MODE if len(self._modes) > 1 else 0)
        rtag = bytes(RTAG_BYTES)
        if self._peer_id is not None:
            wish |= NAMED
            rtag = rtag_of(self._peer_id, nonce)
        if self._admission_key is not None:
            wish |= ADMITTED
        blank = Hello(
            HELLO,
            wish,
            _bitmap(self._versions),
            _bitmap(self._suites),
            rtag,
            nonce,
            self._credential,
            bytes(ADMISSION_BYTES),
        ).encode()
        if self._admission_key is not None:
            blank = blank[:-ADMISSION_BYTES] + admission(self._admission_key, blank)
        self.hello = blank


def _bitmap(numbers: "Iterable[int]") -> int:
    bits = 0
    for number in numbers:
        bits |= 1 << number
    return bits
