# SPDX-License-Identifier: MIT OR Apache-2.0
"""The cryptography of HS-K: both sides prove themselves by a certified static ML-KEM-768 key.

No signature is made or checked, but for a credential that is new. No timers, no fragments: whole
messages in, whole messages out (constrained-design 4.3).

    th0 = SHA-256("pqmesh1 HS-K v1" || lp(HELLO) || lp(RETRY))     RETRY empty where skipped
    th1 = SHA-256(th0 || PeerId_R || SHA-256(ek_R) || epoch_R || CID_I || ek_e || ct_R)
    th2 = SHA-256(th1 || PeerId_I || SHA-256(ek_I) || epoch_I || sealed Introduction
                      || CID_R || ct_e || ct_I || params_R)

    Z0  = Extract(0^32, 0^32)          the slot of a pre-shared secret, zero in HS-K
    Z1  = Extract(D(Z0,"d"), ss_R)     ss_R: encapsulated to R's static key
    Z2  = Extract(D(Z1,"d"), ss_e)     ss_e: to I's ephemeral key
    Z3  = Extract(D(Z2,"d"), ss_I)     ss_I: to I's static key
    Introduction: key || nonce = D(Z1,"m1",th1), associated data th1
    fin_R = HMAC(D(Z3,"fin r",th2), th2)[0:16]      fin_I = HMAC(D(Z3,"fin i",th2), th2)[0:16]
    traffic, session id: D(Z3, label, th2)
    exporter, resumption: D(Z3, label, th2 || fin_I)

    need   = HMAC(D(Z1,"need",th1), th1 || CID_R)[0:16]
    part n: key || nonce = D(Z1,"part",th1 || n || CID_R), the same as associated data

I accepts R when fin_R verifies, R accepts I when fin_I does, and neither stores anything before.
A ciphertext to another key decapsulates to a random secret (implicit rejection, FIPS 203), so
it fails where and as any wrong tag fails.
"""

from ..compat import TYPE_CHECKING, const
from ..crypto import KEM_COINS_BYTES, KEM_SEED_BYTES
from ..errors import BadTag, Unexpected, UsageError
from ..kdf import LABEL_M1, LABEL_MAC_I, LABEL_MAC_R, LABEL_PART, equal
from ..wire.handshake import MAC_BYTES, PARAMS_BYTES, SEAL_TAG_BYTES, Params
from ..wire.hs_k import (
    CONFIRM,
    HALVES,
    INTRODUCTION_BYTES,
    KNOWN_ANSWER_BYTES,
    KNOWN_OFFER_BYTES,
    NEED_CREDENTIAL,
    OFFER_BYTES,
    PART_1,
    PART_FIXED_BYTES,
    Confirm,
    CredentialPart,
    Introduction,
    KnownAnswer,
    KnownOffer,
    NeedCredential,
)
from ..wire.layout import decode
from .hs_k_schedule import Party, begin

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..compat import Buffer
    from ..credentials.keyring import OwnKey, PeerKey
    from ..crypto import Crypto
    from .front import Front
    from .hs_k_schedule import Schedule
    from .hs_s import Outcome

_CID_BYTES = const(2)


def _open_or_seal(
    work: "Callable[[bytes, bytes, bytes, Buffer, int], bytes]",
    schedule: "Schedule",
    number: int,
    to: bytes,
    text: "Buffer",
) -> bytes:
    """Seal or open half ``number`` of a credential; ``to``: the responder's CID."""
    context = schedule.th1 + bytes((number,)) + to
    key, nonce = schedule.seal_key(LABEL_PART, context)
    return work(key, nonce, context, text, SEAL_TAG_BYTES)


class Initiator:
    """Our side of a handshake we begin. ``offer``, [``part``,] ``verify``, ``finish``.

    :param me: our PeerId
    :param own: our static key that the responder shall use
    :param peer: the responder's key that we hold
    :raises Unexpected: the peer is ourselves
    """

    def __init__(
        self,
        me: bytes,
        own: "OwnKey",
        peer: "PeerKey",
        crypto: "Crypto",
        entropy: "Callable[[int], bytes]",
        params: Params,
    ) -> None:
        if peer.peer_id == me:
            raise Unexpected("a handshake with ourselves")
        self.peer_id = peer.peer_id
        self.peer_cid = 0  # after verify()
        self._me = me
        self._own = own
        self._peer = peer
        self._crypto = crypto
        self._entropy = entropy
        self._params = params
        self._seed = b""
        self._sealed = b""
        self._schedule: "Schedule | None" = None  # up to Z1
        self._outcome: "Outcome | None" = None
        self._confirm = b""

    def offer(self, front: "Front") -> bytes:
        """Return M1. One key generation, one encapsulation.

        :raises BadKey: the key we hold of the responder is none
        """
        crypto = self._crypto
        peer = self._peer
        self._seed = self._entropy(KEM_SEED_BYTES)
        ciphertext, shared = crypto.kem_encapsulate(peer.public, self._entropy(KEM_COINS_BYTES))
        clear = KnownOffer(crypto.kem_keypair(self._seed), ciphertext).encode()
        schedule = begin(front, Party(peer.peer_id, peer.epoch, peer.public), clear)
        schedule.mix(shared)
        introduction = Introduction(self._me, self._own.credential_id)
        key, nonce = schedule.seal_key(LABEL_M1, schedule.th1)
        plaintext = introduction.encode() + self._params.encode()
        self._sealed = crypto.seal(key, nonce, schedule.th1, plaintext, SEAL_TAG_BYTES)
        self._schedule = schedule
        return front.octets + clear + self._sealed

    def check_need(self, need: NeedCredential) -> None:
        """:raises BadTag: it is not by the responder"""
        if not equal(need.mac, self._begun().need(need.cid)):
            raise BadTag("NeedCredential is not by the responder")

    def part(self, number: int, credential: "Buffer", cid: int) -> bytes:
        """Return the message with half ``number`` of our credential for the responder's ``cid``.

        :param credential: all 6,703 octets of it
        """
        half = bytes(credential[: HALVES[0]] if number == PART_1 else credential[HALVES[0] :])
        to = CredentialPart(cid).encode()
        return to + _open_or_seal(self._crypto.seal, self._begun(), number, to, half)

    def verify(self, m2: bytes) -> None:
        """Take M2. Two decapsulations. A forged one changes nothing.

        :raises BadTag: it is not an answer to our M1 by the holder of the key we hold
        """
        before = self._begun()
        view = memoryview(m2)
        answer = decode(KnownAnswer, view[:KNOWN_ANSWER_BYTES])
        params = decode(Params, view[KNOWN_ANSWER_BYTES : KNOWN_ANSWER_BYTES + PARAMS_BYTES])
        schedule = before.fork()
        schedule.mix(self._crypto.kem_decapsulate(self._seed, answer.ephemeral_ciphertext))
        schedule.mix(self._crypto.kem_decapsulate(self._own.seed, answer.static_ciphertext))
        me = Party(self._me, self._own.epoch, self._own.public)
        schedule.hash_answer(me, self._sealed, view[_CID_BYTES : len(view) - MAC_BYTES])
        if not equal(bytes(view[len(view) - MAC_BYTES :]), schedule.finished(LABEL_MAC_R)):
            raise BadTag("M2 is not by the holder of the key")
        self.peer_cid = answer.cid
        self._outcome = schedule.outcome(self.peer_id, params, True)
        self._confirm = Confirm(CONFIRM, answer.cid, schedule.finished(LABEL_MAC_I)).encode()

    def finish(self) -> "tuple[bytes, Outcome]":
        """Return M3, which is a frame, and what the session needs."""
        if self._outcome is None:
            raise UsageError("finish() before verify()")
        return self._confirm, self._outcome

    def _begun(self) -> "Schedule":
        if self._schedule is None:
            raise UsageError("nothing was offered")
        return self._schedule


class Responder:
    """Our side of a handshake that a peer begins: ``open``, [``ask``, ``part``,] ``answer``,
    ``admit``.

    :param me: our PeerId
    :param own: our static key, which the initiator used
    """

    def __init__(
        self,
        me: bytes,
        own: "OwnKey",
        crypto: "Crypto",
        entropy: "Callable[[int], bytes]",
        params: Params,
    ) -> None:
        self.peer_cid = 0  # after open(), as are the next three
        self.peer_id = b""  # a claim, before admit()
        self.credential_id = b""
        self._me = me
        self._own = own
        self._crypto = crypto
        self._entropy = entropy
        self._params = params
        self._peer_params = params
        self._ephemeral_key = b""
        self._sealed = b""
        self._confirm = b""  # the one M3 that we take
        self._schedule: "Schedule | None" = None  # up to Z1
        self._outcome: "Outcome | None" = None

    def open(self, front: "Front", m1: "Buffer") -> None:
        """Take M1: who claims to call, and under which credential. One decapsulation.

        :raises BadTag: it is not meant for our key, or was changed
        :raises Unexpected: the peer is ourselves
        """
        offer = memoryview(m1)[len(m1) - OFFER_BYTES :]
        clear = offer[:KNOWN_OFFER_BYTES]
        sealed = bytes(offer[KNOWN_OFFER_BYTES:])
        parsed = decode(KnownOffer, clear)
        own = self._own
        schedule = begin(front, Party(self._me, own.epoch, own.public), clear)
        schedule.mix(self._crypto.kem_decapsulate(own.seed, parsed.ciphertext))
        key, nonce = schedule.seal_key(LABEL_M1, schedule.th1)
        text = self._crypto.open(key, nonce, schedule.th1, sealed, SEAL_TAG_BYTES)
        introduction = decode(Introduction, text[:INTRODUCTION_BYTES])
        if introduction.peer_id == self._me:
            raise Unexpected("a handshake with ourselves")
        self._peer_params = decode(Params, text[INTRODUCTION_BYTES:])
        self.peer_id = introduction.peer_id
        self.credential_id = introduction.credential
        self.peer_cid = front.cid
        self._ephemeral_key = parsed.ephemeral_key
        self._sealed = sealed
        self._schedule = schedule

    def ask(self, cid: int) -> bytes:
        """Return NeedCredential, which is a frame."""
        mac = self._opened().need(cid)
        return NeedCredential(NEED_CREDENTIAL, self.peer_cid, cid, mac).encode()

    def part(self, number: int, message: "Buffer") -> bytes:
        """Return the half of a credential that a message holds.

        :raises BadTag: it is not by whoever sent M1
        """
        to = bytes(message[:PART_FIXED_BYTES])
        sealed = bytes(message[PART_FIXED_BYTES:])
        return _open_or_seal(self._crypto.open, self._opened(), number, to, sealed)

    def answer(self, peer: "PeerKey", cid: int) -> bytes:
        """Return M2, encapsulated to the key that the credential certifies. Two encapsulations.

        :raises BadKey: the ephemeral key, or the certified one, is none
        :raises Unexpected: the credential is not that of whom M1 names
        """
        schedule = self._opened()
        if peer.peer_id != self.peer_id or peer.credential_id != self.credential_id:
            raise Unexpected("the credential is not the one that M1 names")
        crypto = self._crypto
        ct_e, ss_e = crypto.kem_encapsulate(self._ephemeral_key, self._entropy(KEM_COINS_BYTES))
        ct_i, ss_i = crypto.kem_encapsulate(peer.public, self._entropy(KEM_COINS_BYTES))
        clear = KnownAnswer(self.peer_cid, cid, ct_e, ct_i).encode() + self._params.encode()
        schedule.mix(ss_e)
        schedule.mix(ss_i)
        initiator = Party(peer.peer_id, peer.epoch, peer.public)
        schedule.hash_answer(initiator, self._sealed, memoryview(clear)[_CID_BYTES:])
        self._outcome = schedule.outcome(self.peer_id, self._peer_params, False)
        self._confirm = Confirm(CONFIRM, cid, schedule.finished(LABEL_MAC_I)).encode()
        self._schedule = None  # one answer to one M1
        return clear + schedule.finished(LABEL_MAC_R)

    def admit(self, confirm: bytes) -> "Outcome":
        """Take M3 and return what the session needs.

        :raises BadTag: it is not by the holder of the key that M1 names
        """
        if self._outcome is None:
            raise UsageError("admit() before answer()")
        if not equal(confirm, self._confirm):
            raise BadTag("M3 is not by the holder of the key")
        return self._outcome

    def _opened(self) -> "Schedule":
        if self._schedule is None:
            raise UsageError("nothing was opened, or it has been answered")
        return self._schedule
