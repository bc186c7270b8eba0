# SPDX-License-Identifier: MIT OR Apache-2.0
"""The cryptography of HS-RK and HS-RP: HS-R with one fresh KEM secret taken in after RS_n.

No timers, no tables: whole messages in, whole messages out (constrained-design 4.4). HS-RK sends
a key of this handshake alone and gets a ciphertext back; HS-RP sends a ciphertext to a one-time
prekey that the responder has handed out before.

    ticket = D(RS_n,"id")[8]
    check  = HMAC(D(RS_n,"gate",flags), Heal without check || PeerId_I || PeerId_R)[0:8]
    mac_1  = HMAC(D(RS_n,"bind",flags), R1 without mac_1 || PeerId_I || PeerId_R)[0:16]
    th     = SHA-256("pqmesh1 HS-RK v1" || lp(R1) || lp(R2 without mac_2) || PeerId_I || PeerId_R)
             "pqmesh1 HS-RP v1" in HS-RP

    Z0     = Extract(0^32, RS_n)
    Z1     = Extract(D(Z0,"d"), nI || nR)
    Z2     = Extract(D(Z1,"d"), ss)
    mac_2  = HMAC(D(Z2,"fin r",th), th)[0:16]
    traffic, session id, exporter, RS_n+1: D(Z2, label, th)

The mode is in ``flags``, in the domain of th, and in the context of both keys of R1: no message
of one mode is one of another. A wrong ciphertext gives another ss and so a wrong mac_2, like any
other forgery. The initiator accepts R2 by mac_2, the responder R3 by its tag, as in HS-R.
"""

from ..compat import TYPE_CHECKING
from ..errors import BadTag, Malformed, Unexpected
from ..kdf import (
    DOMAIN_HS_RK,
    DOMAIN_HS_RP,
    LABEL_BIND,
    LABEL_CHAIN_I2R,
    LABEL_CHAIN_R2I,
    LABEL_GATE,
    LABEL_NEXT,
    derive,
    equal,
    extract,
    hmac_sha256,
)
from ..wire.handshake import HS_RK, HS_RP, MAC_BYTES
from ..wire.healing import (
    CHECK_BYTES,
    Heal,
    HealCiphertext,
    Healed,
    HealKey,
    decode_heal,
    heal_flags,
)
from ..wire.layout import decode
from ..wire.resumption import CID_BYTES, HEAL_BYTES, R1_BYTES, RESUMED, Resumed
from .hs_r import Schedule, nonces_extracted, ticket_of

if TYPE_CHECKING:
    from ..compat import Buffer
    from ..crypto import Crypto
    from .hs_r import Names
    from .hs_s import Outcome

_DOMAINS = {HS_RK: DOMAIN_HS_RK, HS_RP: DOMAIN_HS_RP}


def _mac(secret: bytes, label: bytes, clear: "Buffer", names: "Names", flags: int) -> bytes:
    key = derive(secret, label, bytes((flags,)))
    return hmac_sha256(key, clear, names.initiator, names.responder)


def peek(secret: bytes, names: "Names", head: bytes, mode: int) -> Heal:
    """Check how R1 begins, with two HMACs. Nothing else of it is looked at, or proved.

    :param head: the first octets of the message, HEAL_BYTES or more
    :param mode: that of the fragments
    :raises BadTag: it is not by the holder of this generation, or not meant for us
    :raises ProtocolError: it does not parse
    """
    heal = decode_heal(head, mode)
    clear = head[: HEAL_BYTES - CHECK_BYTES]
    if not equal(heal.check, _mac(secret, LABEL_GATE, clear, names, heal.flags)[:CHECK_BYTES]):
        raise BadTag("R1 is not by the holder of this generation")
    return heal


class _Side:
    """What both roles share: the schedule of one mode, from the generation to the outcome."""

    def __init__(self, crypto: "Crypto", secret: bytes, names: "Names") -> None:
        self.mode = 0
        self.r1 = b""
        self._crypto = crypto
        self._secret = secret
        self._names = names

    def _schedule(self, nonces: bytes, shared: bytes, clear: "Buffer") -> Schedule:
        z1 = nonces_extracted(self._secret, nonces)
        z2 = extract(derive(z1, LABEL_NEXT), shared)
        return Schedule(_DOMAINS[self.mode], z2, self._names, self.r1, clear)


class Initiator(_Side):
    """Our side of one that we begin: one of the two offers, then verify().

    :param secret: the generation to go on from
    :param nonce: fresh, of hs_r.draw_nonce()
    """

    def __init__(self, crypto: "Crypto", secret: bytes, names: "Names", nonce: bytes) -> None:
        super().__init__(crypto, secret, names)
        self.cid = int.from_bytes(nonce[:CID_BYTES], "big")
        self.peer_cid = 0  # after verify()
        self._nonce = nonce
        self._seed = b""  # of the ephemeral key, in HS-RK
        self._shared = b""  # in HS-RP

    def offer_key(self, seed: bytes) -> bytes:
        """Return R1 of HS-RK. One key generation.

        :param seed: 64 fresh random octets
        """
        self._seed = seed
        return self._offer(HS_RK, 0, self._crypto.kem_keypair(seed))

    def offer_ciphertext(self, index: int, prekey: bytes, coins: bytes) -> bytes:
        """Return R1 of HS-RP. One encapsulation.

        :param index: of the responder's one-time prekey, which must never be used again
        :param coins: 32 fresh random octets
        :raises BadKey: the prekey is not one
        """
        ciphertext, self._shared = self._crypto.kem_encapsulate(prekey, coins)
        return self._offer(HS_RP, index, ciphertext)

    def _offer(self, mode: int, index: int, body: bytes) -> bytes:
        secret, names, flags = self._secret, self._names, heal_flags(mode)
        heal = Heal(ticket_of(secret), self._nonce, flags, index, bytes(CHECK_BYTES)).encode()
        head = heal[:-CHECK_BYTES]
        head += _mac(secret, LABEL_GATE, head, names, flags)[:CHECK_BYTES]
        clear = head + body
        self.mode = mode
        self.r1 = clear + _mac(secret, LABEL_BIND, clear, names, flags)[:MAC_BYTES]
        return self.r1

    def verify(self, r2: bytes) -> "Outcome":
        """Take R2 and return what the session needs; one decapsulation in HS-RK.

        A forged R2 changes nothing.

        :raises ProtocolError: it is not an answer to our R1 by the peer
        """
        answer: "Healed | Resumed"
        if self.mode == HS_RK:
            answer = decode(Healed, r2)
        elif self.mode == HS_RP:
            answer = decode(Resumed, r2)
        else:
            raise Unexpected("R2 before our R1")  # a late one, to a number that was used before
        if answer.to != self.cid:
            raise Unexpected("R2 of another resumption")
        shared = self._shared
        if isinstance(answer, Healed):
            shared = self._crypto.kem_decapsulate(self._seed, answer.ciphertext)
        schedule = self._schedule(self._nonce + answer.nonce, shared, r2[:-MAC_BYTES])
        if not equal(answer.mac, schedule.mac()):
            raise BadTag("R2 is not by the holder of this generation")
        self.peer_cid = answer.cid
        names = self._names
        return schedule.outcome(names.responder, names.params, LABEL_CHAIN_I2R, LABEL_CHAIN_R2I)


class Responder(_Side):
    """Our side of one that a peer begins. Made once R1 is whole, and has verified: no public-key
    work is done before that.

    :raises BadTag: R1 is not by the peer, or not meant for us
    :raises ProtocolError: it does not parse
    """

    def __init__(
        self, crypto: "Crypto", secret: bytes, names: "Names", r1: bytes, mode: int
    ) -> None:
        super().__init__(crypto, secret, names)
        if len(r1) != R1_BYTES[mode]:
            raise Malformed("R1 of %d octets" % len(r1))
        heal = peek(secret, names, r1, mode)
        clear = memoryview(r1)[:-MAC_BYTES]
        mac = _mac(secret, LABEL_BIND, clear, names, heal.flags)[:MAC_BYTES]
        if not equal(r1[-MAC_BYTES:], mac):
            raise BadTag("R1 is not by the holder of this generation")
        self.mode = mode
        self.r1 = r1
        self.nonce = heal.nonce
        self.index = heal.index
        self.peer_cid = heal.cid()

    def answer_key(self, cid: int, nonce: bytes, coins: bytes) -> "tuple[bytes, Outcome]":
        """Return R2 of HS-RK, and what the session needs once R3 has come. One encapsulation.

        :param cid: where we want frames of the session
        :param nonce: 16 fresh random octets
        :param coins: 32 fresh random octets
        :raises BadKey: the peer's ephemeral key is not one
        """
        body = decode(HealKey, memoryview(self.r1)[HEAL_BYTES:])
        ciphertext, shared = self._crypto.kem_encapsulate(body.ephemeral_key, coins)
        whole = Healed(self.peer_cid, cid, nonce, ciphertext, bytes(MAC_BYTES)).encode()
        return self._answer(whole, nonce, shared)

    def answer_ciphertext(self, cid: int, nonce: bytes, seed: bytes) -> "tuple[bytes, Outcome]":
        """Return R2 of HS-RP, and what the session needs once R3 has come. One decapsulation.

        :param seed: of our prekey ``index``
        """
        body = decode(HealCiphertext, memoryview(self.r1)[HEAL_BYTES:])
        shared = self._crypto.kem_decapsulate(seed, body.ciphertext)
        whole = Resumed(RESUMED, self.peer_cid, cid, nonce, bytes(MAC_BYTES)).encode()
        return self._answer(whole, nonce, shared)

    def _answer(self, whole: bytes, nonce: bytes, shared: bytes) -> "tuple[bytes, Outcome]":
        clear = whole[:-MAC_BYTES]
        schedule = self._schedule(self.nonce + nonce, shared, clear)
        names = self._names
        outcome = schedule.outcome(names.initiator, names.params, LABEL_CHAIN_R2I, LABEL_CHAIN_I2R)
        return clear + schedule.mac(), outcome
