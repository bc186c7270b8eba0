# SPDX-License-Identifier: MIT OR Apache-2.0
"""The cryptography of HS-S: SIGMA-I with an ephemeral ML-KEM-768 key and ML-DSA-65 signatures.

No timers, no fragments: whole messages in, whole messages out (constrained-design 4.3, 4.4).

    th0 = SHA-256("pqmesh1 HS-S v1" || lp(HELLO) || lp(RETRY))     both empty where skipped
    th1 = SHA-256(th0 || lp(M1) || lp(clear part of M2))     M1: with its echo, if any
    th2 = SHA-256(th1 || lp(sealed part of M2))
    th3 = SHA-256(th2 || lp(sealed part of M3))

    Z0  = Extract(0^32, 0^32)          the slot of a pre-shared secret, zero in HS-S
    Z1  = Extract(D(Z0,"d"), ss)
    M2: key || nonce = D(Z1,"m2",th1), mac_R = HMAC(D(Z1,"fin r",th1), th1 || PeerId_R)[0:16]
        sig_R over "pqmesh1 sig R" || th1 || PeerId_R
    M3: key || nonce = D(Z1,"m3",th2), mac_I = HMAC(D(Z1,"fin i",th2), th2 || PeerId_I)[0:16]
        sig_I over "pqmesh1 sig I" || th2 || PeerId_I || PeerId_R
    traffic, session id, exporter, resumption: D(Z1, label, th3)

Each class is used once. A message that does not verify raises and changes nothing, so a
forged one cannot spoil the handshake for the genuine one.
"""

import hashlib

from ..compat import TYPE_CHECKING, const
from ..crypto import (
    AEAD_KEY_BYTES,
    AEAD_NONCE_BYTES,
    DSA_PUBLIC_BYTES,
    DSA_RANDOM_BYTES,
    DSA_SIGNATURE_BYTES,
    KEM_COINS_BYTES,
    KEM_SEED_BYTES,
)
from ..errors import BadTag, Unexpected, UnknownKind, UsageError
from ..identity import peer_id_of
from ..kdf import (
    CONTEXT_SIGN_I,
    CONTEXT_SIGN_R,
    DOMAIN_HS_S,
    DOMAIN_SIGN_I,
    DOMAIN_SIGN_R,
    HASH_BYTES,
    LABEL_CHAIN_I2R,
    LABEL_CHAIN_R2I,
    LABEL_EXPORTER,
    LABEL_M2,
    LABEL_M3,
    LABEL_MAC_I,
    LABEL_MAC_R,
    LABEL_NEXT,
    LABEL_RESUMPTION,
    LABEL_SESSION,
    PREFIX,
    derive,
    domain_hash,
    equal,
    extract,
    hmac_sha256,
    update_lp,
)
from ..record import Record
from ..wire.handshake import (
    ANSWER_BYTES,
    CREDENTIAL_BYTES,
    FINISH_BYTES,
    HS_S,
    MAC_BYTES,
    NONCE_BYTES,
    SEAL_TAG_BYTES,
    SUITE,
    VERSION,
    Answer,
    Finish,
    Offer,
    Params,
)
from ..wire.layout import decode
from .front import NO_FRONT, Front

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..compat import Buffer
    from ..crypto import Crypto
    from ..identity import Identity

SESSION_ID_BYTES = const(8)


class Outcome(Record):
    """What both sides hold after a handshake. Secrets except for ``peer_id`` and ``params``."""

    FIELDS = (
        "peer_id",
        "params",
        "session_id",
        "send_chain",
        "receive_chain",
        "exporter",
        "resumption",
    )

    peer_id: bytes
    params: Params  # the peer's
    session_id: bytes
    send_chain: bytes  # chain keys of the two directions
    receive_chain: bytes
    exporter: bytes
    resumption: bytes


def transcript_start(hello: bytes, retry: bytes) -> bytes:
    """Return th0. HELLO and RETRY are empty on links that skip them."""
    digest = domain_hash(DOMAIN_HS_S)
    update_lp(digest, hello)
    update_lp(digest, retry)
    return digest.digest()


def transcript(before: bytes, *parts: "Buffer") -> bytes:
    """Return the next transcript hash after ``before``."""
    digest = hashlib.sha256(before)
    for part in parts:
        update_lp(digest, part)
    return digest.digest()


# What differs between the two Credentials: (seal label, MAC label, domain, context).
_RESPONDER = (LABEL_M2, LABEL_MAC_R, DOMAIN_SIGN_R, CONTEXT_SIGN_R)
_INITIATOR = (LABEL_M3, LABEL_MAC_I, DOMAIN_SIGN_I, CONTEXT_SIGN_I)


class _Rest(Record):
    """What a Credential needs besides its side: randomness and our Params."""

    FIELDS = ("rnd", "params")

    rnd: bytes
    params: Params


class _Secrets:
    """The key schedule from Z1 on, and the sealing of Credentials under it."""

    def __init__(self, identity: "Identity", crypto: "Crypto", shared: bytes) -> None:
        z0 = extract(bytes(HASH_BYTES), bytes(HASH_BYTES))
        self._z1 = extract(derive(z0, LABEL_NEXT), shared)
        self._identity = identity
        self._crypto = crypto

    def prove(
        self, side: "tuple[bytes, bytes, bytes, bytes]", th: bytes, tail: bytes, rest: _Rest
    ) -> bytes:
        """Return our sealed Credential and Params. ``tail`` is what the signature names last."""
        seal_label, mac_label, domain, context = side
        me = self._identity.peer_id
        plaintext = b"".join(
            (
                self._identity.public_key,
                self._identity.sign(PREFIX + domain + th + me + tail, context, rest.rnd),
                self._mac(mac_label, th, me),
                rest.params.encode(),
            )
        )  # in one expression: a name would keep the signature's 3 KB alive while we seal
        key, nonce = self._seal_key(seal_label, th)
        return self._crypto.seal(key, nonce, th, plaintext, SEAL_TAG_BYTES)

    def check(
        self, side: "tuple[bytes, bytes, bytes, bytes]", th: bytes, tail: bytes, sealed: "Buffer"
    ) -> "tuple[bytes, Params]":
        """Open the peer's Credential; return (PeerId, Params) once all of it verifies.

        :raises BadTag: seal, MAC or signature is not right
        :raises Unexpected: the peer is ourselves
        """
        seal_label, mac_label, domain, context = side
        key, nonce = self._seal_key(seal_label, th)
        # Views, not Credential: its fields would hold the 5 KB a second time on a board.
        view: Buffer = memoryview(self._crypto.open(key, nonce, th, sealed, SEAL_TAG_BYTES))
        public_key = view[:DSA_PUBLIC_BYTES]
        signature = view[DSA_PUBLIC_BYTES : DSA_PUBLIC_BYTES + DSA_SIGNATURE_BYTES]
        mac = bytes(view[CREDENTIAL_BYTES - MAC_BYTES : CREDENTIAL_BYTES])
        params = decode(Params, bytes(view[CREDENTIAL_BYTES:]))
        peer_id = peer_id_of(public_key)
        if peer_id == self._identity.peer_id:
            raise Unexpected("a handshake with ourselves")
        if not equal(mac, self._mac(mac_label, th, peer_id)):
            raise BadTag("the credential is of another handshake")
        text = PREFIX + domain + th + peer_id + tail
        if not self._crypto.verify(public_key, text, context, signature):
            raise BadTag("the signature does not verify")
        return peer_id, params

    def outcome(
        self, th3: bytes, peer: "tuple[bytes, Params]", send: bytes, receive: bytes
    ) -> Outcome:
        """Return what the session needs, bound to the whole transcript.

        ``send`` and ``receive`` are the labels of our two directions.
        """
        peer_id, params = peer
        return Outcome(
            peer_id,
            params,
            derive(self._z1, LABEL_SESSION, th3, SESSION_ID_BYTES),
            derive(self._z1, send, th3),
            derive(self._z1, receive, th3),
            derive(self._z1, LABEL_EXPORTER, th3),
            derive(self._z1, LABEL_RESUMPTION, th3),
        )

    def _seal_key(self, label: bytes, th: bytes) -> "tuple[bytes, bytes]":
        both = derive(self._z1, label, th, AEAD_KEY_BYTES + AEAD_NONCE_BYTES)
        return both[:AEAD_KEY_BYTES], both[AEAD_KEY_BYTES:]

    def _mac(self, label: bytes, th: bytes, peer_id: bytes) -> bytes:
        return hmac_sha256(derive(self._z1, label, th), th, peer_id)[:MAC_BYTES]


class Initiator:
    """Our side of a handshake we begin. ``offer``, ``verify``, ``finish``, in this order."""

    def __init__(
        self,
        identity: "Identity",
        crypto: "Crypto",
        entropy: "Callable[[int], bytes]",
        params: Params,
    ) -> None:
        self.nonce = entropy(NONCE_BYTES)
        self.peer_cid = 0  # after verify()
        self.peer_id = b""  # after verify()
        self._identity = identity
        self._crypto = crypto
        self._entropy = entropy
        self._params = params
        self._seed = entropy(KEM_SEED_BYTES)
        self._th0 = b""
        self._m1 = b""
        self._th2 = b""
        self._peer_params = params
        self._secrets: "_Secrets | None" = None

    def offer(self, cid: int, front: Front = NO_FRONT) -> bytes:
        """Return M1. One key generation."""
        key = self._crypto.kem_keypair(self._seed)
        self._th0 = transcript_start(front.hello, front.retry)
        offer = Offer(VERSION, HS_S, SUITE, 0, cid, self.nonce, key)
        self._m1 = front.octets + offer.encode()
        return self._m1

    def verify(self, m2: bytes) -> None:
        """Take M2. One decapsulation, one verification.

        :raises ProtocolError: it is not an answer to our M1 by anybody with a name
        """
        view = memoryview(m2)
        clear = view[:ANSWER_BYTES]
        sealed = view[ANSWER_BYTES:]
        answer = decode(Answer, bytes(clear))
        if answer.version != VERSION or answer.suite != SUITE:
            raise UnknownKind("answer of version %d, suite %d" % (answer.version, answer.suite))
        th1 = transcript(self._th0, self._m1, clear)
        shared = self._crypto.kem_decapsulate(self._seed, answer.ciphertext)
        secrets = _Secrets(self._identity, self._crypto, shared)
        self.peer_id, self._peer_params = secrets.check(_RESPONDER, th1, b"", sealed)
        self._secrets = secrets
        self.peer_cid = answer.cid
        self._th2 = transcript(th1, sealed)

    def finish(self) -> "tuple[bytes, Outcome]":
        """Return M3 and what the session needs. One signature."""
        if self._secrets is None:
            raise UsageError("finish() before verify()")
        rest = _Rest(self._entropy(DSA_RANDOM_BYTES), self._params)
        sealed = self._secrets.prove(_INITIATOR, self._th2, self.peer_id, rest)
        outcome = self._secrets.outcome(
            transcript(self._th2, sealed),
            (self.peer_id, self._peer_params),
            LABEL_CHAIN_I2R,
            LABEL_CHAIN_R2I,
        )
        return Finish(self.peer_cid).encode() + sealed, outcome


class Responder:
    """Our side of a handshake that a peer begins. ``answer``, then ``admit``."""

    def __init__(
        self,
        identity: "Identity",
        crypto: "Crypto",
        entropy: "Callable[[int], bytes]",
        params: Params,
    ) -> None:
        self.peer_cid = 0  # after answer()
        self._identity = identity
        self._crypto = crypto
        self._entropy = entropy
        self._params = params
        self._th2 = b""
        self._secrets: "_Secrets | None" = None

    def answer(self, m1: bytes, cid: int, front: Front = NO_FRONT) -> bytes:
        """Take M1 and return M2. One encapsulation, one signature.

        :raises ProtocolError: M1 speaks another version, or its key is not one
        """
        offer = read_offer(memoryview(m1)[len(front.octets) :])
        nonce = self._entropy(NONCE_BYTES)
        ciphertext, shared = self._crypto.kem_encapsulate(
            offer.ephemeral_key, self._entropy(KEM_COINS_BYTES)
        )
        clear = Answer(offer.cid, cid, VERSION, SUITE, nonce, ciphertext).encode()
        th1 = transcript(transcript_start(front.hello, front.retry), m1, clear)
        secrets = _Secrets(self._identity, self._crypto, shared)
        rest = _Rest(self._entropy(DSA_RANDOM_BYTES), self._params)
        sealed = secrets.prove(_RESPONDER, th1, b"", rest)
        self.peer_cid = offer.cid
        self._secrets = secrets
        self._th2 = transcript(th1, sealed)
        return clear + sealed

    def admit(self, m3: bytes) -> Outcome:
        """Take M3 and return what the session needs. One verification.

        :raises ProtocolError: it is not by the one who sent M1, or has no name
        """
        if self._secrets is None:
            raise UsageError("admit() before answer()")
        sealed = memoryview(m3)[FINISH_BYTES:]
        me = self._identity.peer_id
        peer = self._secrets.check(_INITIATOR, self._th2, me, sealed)
        th3 = transcript(self._th2, sealed)
        return self._secrets.outcome(th3, peer, LABEL_CHAIN_R2I, LABEL_CHAIN_I2R)


def read_offer(m1: "Buffer") -> Offer:
    """Parse M1.

    :raises UnknownKind: a version, mode or suite we do not speak
    """
    offer = decode(Offer, m1)
    if offer.version != VERSION or offer.mode != HS_S or offer.suite != SUITE:
        raise UnknownKind(
            "offer of version %d, mode %d, suite %d" % (offer.version, offer.mode, offer.suite)
        )
    return offer
