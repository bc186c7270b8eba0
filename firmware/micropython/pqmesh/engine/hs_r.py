# SPDX-License-Identifier: MIT OR Apache-2.0
"""The cryptography of HS-R: a session from generation RS_n of the pair's resumption secret.

No timers, no tables: whole messages in, whole messages out (constrained-design 4.4). Symmetric
work only, so a board does all of it in ``receive``.

    ticket = D(RS_n,"id")[8]
    mac_1  = HMAC(D(RS_n,"bind"), R1 without mac || PeerId_I || PeerId_R)[0:16]
    th     = SHA-256("pqmesh1 HS-R v1" || lp(R1) || lp(R2 without mac) || PeerId_I || PeerId_R)

    Z0     = Extract(0^32, RS_n)
    Z1     = Extract(D(Z0,"d"), nI || nR)
    mac_2  = HMAC(D(Z1,"fin r",th), th)[0:16]
    traffic, session id, exporter, RS_n+1: D(Z1, label, th)

I accepts R when mac_2 verifies; R accepts I when a frame under the new keys does, which needs Z1
as well. Which generation is tried, and when one is erased, is resumption.py's business.
"""

from ..compat import TYPE_CHECKING, const
from ..errors import BadTag, Unexpected
from ..kdf import (
    DOMAIN_HS_R,
    HASH_BYTES,
    LABEL_BIND,
    LABEL_CHAIN_I2R,
    LABEL_CHAIN_R2I,
    LABEL_EXPORTER,
    LABEL_MAC_R,
    LABEL_NEXT,
    LABEL_RESUMPTION,
    LABEL_SESSION,
    LABEL_TICKET,
    derive,
    domain_hash,
    equal,
    extract,
    hmac_sha256,
    update_lp,
)
from ..record import Record
from ..wire.handshake import MAC_BYTES, NONCE_BYTES
from ..wire.layout import decode
from ..wire.resumption import (
    CID_BYTES,
    RESUME,
    RESUMED,
    TICKET_BYTES,
    Resume,
    Resumed,
    resume_flags,
)
from .hs_s import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..compat import Buffer
    from ..wire.handshake import Params

_SESSION_ID_BYTES = const(8)


class Names(Record):
    """Who the two are, in their roles, and what the peer was last known to take."""

    FIELDS = ("initiator", "responder", "params")

    initiator: bytes
    responder: bytes
    params: "Params"  # the peer's, from the last full handshake


def ticket_of(secret: bytes) -> bytes:
    """Return the 8 octets that name generation ``secret`` on the wire. They reveal nothing."""
    return derive(secret, LABEL_TICKET, b"", TICKET_BYTES)


def draw_nonce(cid: int, entropy: "Callable[[int], bytes]") -> bytes:
    """Return the nonce of an R1 whose sender wants frames of the session under ``cid``."""
    return cid.to_bytes(CID_BYTES, "big") + entropy(NONCE_BYTES - CID_BYTES)


def _bind(secret: bytes, clear: bytes, names: Names) -> bytes:
    key = derive(secret, LABEL_BIND)
    return hmac_sha256(key, clear, names.initiator, names.responder)[:MAC_BYTES]


def nonces_extracted(secret: bytes, nonces: bytes) -> bytes:
    """Return Z1 of generation ``secret`` and both nonces, the initiator's first."""
    z0 = extract(bytes(HASH_BYTES), secret)
    return extract(derive(z0, LABEL_NEXT), nonces)


class Schedule:
    """Everything that follows from the last extraction, R1, and R2 without its MAC.

    :param domain: of the transcript; each mode has its own
    :param last: Z1 in HS-R, Z2 in HS-RK and HS-RP
    """

    def __init__(
        self, domain: bytes, last: bytes, names: Names, r1: bytes, clear: "Buffer"
    ) -> None:
        digest = domain_hash(domain)
        update_lp(digest, r1)
        update_lp(digest, clear)
        digest.update(names.initiator)
        digest.update(names.responder)
        self._z = last
        self._th = digest.digest()

    def mac(self) -> bytes:
        """Return the MAC of R2."""
        key = derive(self._z, LABEL_MAC_R, self._th)
        return hmac_sha256(key, self._th)[:MAC_BYTES]

    def outcome(self, peer_id: bytes, params: "Params", send: bytes, receive: bytes) -> Outcome:
        """Return what the session needs; ``send`` and ``receive`` label our two directions."""
        last, th = self._z, self._th
        return Outcome(
            peer_id,
            params,
            derive(last, LABEL_SESSION, th, _SESSION_ID_BYTES),
            derive(last, send, th),
            derive(last, receive, th),
            derive(last, LABEL_EXPORTER, th),
            derive(last, LABEL_RESUMPTION, th),
        )


def _schedule(secret: bytes, names: Names, r1: bytes, clear: bytes) -> Schedule:
    nonces = decode(Resume, r1).nonce + clear[-NONCE_BYTES:]
    return Schedule(DOMAIN_HS_R, nonces_extracted(secret, nonces), names, r1, clear)


class Initiator:
    """Our side of a resumption we begin. ``r1`` may be sent any number of times.

    :param secret: the generation to go on from
    :param nonce: fresh, of draw_nonce()
    """

    def __init__(self, secret: bytes, names: Names, nonce: bytes) -> None:
        self.cid = int.from_bytes(nonce[:CID_BYTES], "big")
        self.peer_cid = 0  # after verify()
        self._secret = secret
        self._names = names
        flags = resume_flags()
        whole = Resume(RESUME, ticket_of(secret), nonce, flags, bytes(MAC_BYTES)).encode()
        clear = whole[:-MAC_BYTES]
        self.r1 = clear + _bind(secret, clear, names)

    def verify(self, r2: bytes) -> Outcome:
        """Take R2 and return what the session needs. A forged one changes nothing.

        :raises ProtocolError: it is not an answer to our R1 by the peer
        """
        resumed = decode(Resumed, r2)
        if resumed.to != self.cid:
            raise Unexpected("R2 of another resumption")
        schedule = _schedule(self._secret, self._names, self.r1, r2[:-MAC_BYTES])
        if not equal(resumed.mac, schedule.mac()):
            raise BadTag("R2 is not by the holder of this generation")
        self.peer_cid = resumed.cid
        return schedule.outcome(
            self._names.responder, self._names.params, LABEL_CHAIN_I2R, LABEL_CHAIN_R2I
        )


class Responder:
    """Our side of a resumption that a peer begins. Made once R1 has verified.

    :raises BadTag: R1 is not by the peer, or not meant for us
    """

    def __init__(self, secret: bytes, names: Names, r1: bytes) -> None:
        resume = decode(Resume, r1)
        if not equal(resume.mac, _bind(secret, r1[:-MAC_BYTES], names)):
            raise BadTag("R1 is not by the holder of this generation")
        self.nonce = resume.nonce
        self.peer_cid = resume.cid()
        self._secret = secret
        self._names = names
        self._r1 = r1

    def answer(self, cid: int, nonce: bytes) -> "tuple[bytes, Outcome]":
        """Return R2, and what the session needs once R3 has come.

        :param cid: where we want frames of the session
        :param nonce: 16 fresh random octets
        """
        whole = Resumed(RESUMED, self.peer_cid, cid, nonce, bytes(MAC_BYTES)).encode()
        clear = whole[:-MAC_BYTES]
        schedule = _schedule(self._secret, self._names, self._r1, clear)
        names = self._names
        outcome = schedule.outcome(names.initiator, names.params, LABEL_CHAIN_R2I, LABEL_CHAIN_I2R)
        return clear + schedule.mac(), outcome
