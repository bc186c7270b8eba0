# SPDX-License-Identifier: MIT OR Apache-2.0
"""The transcript and the key schedule of HS-K, as one side has come to know them.

What each step holds is drawn in hs_k.py. A schedule goes Z1 to Z3 by ``mix``, and forks before a
message that may be forged.
"""

import hashlib

from ..compat import TYPE_CHECKING, const
from ..crypto import AEAD_KEY_BYTES, AEAD_NONCE_BYTES
from ..kdf import (
    DOMAIN_HS_K,
    HASH_BYTES,
    LABEL_CHAIN_I2R,
    LABEL_CHAIN_R2I,
    LABEL_EXPORTER,
    LABEL_MAC_I,
    LABEL_NEED,
    LABEL_NEXT,
    LABEL_RESUMPTION,
    LABEL_SESSION,
    derive,
    domain_hash,
    extract,
    hmac_sha256,
    update_lp,
)
from ..record import Record
from ..wire.handshake import MAC_BYTES
from .hs_s import SESSION_ID_BYTES, Outcome

if TYPE_CHECKING:
    from ..compat import Buffer
    from ..wire.handshake import Params
    from .front import Front

_CID_BYTES = const(2)


class Party(Record):
    """A side of the handshake, by what the transcript says of it."""

    FIELDS = ("peer_id", "epoch", "public")

    peer_id: bytes
    epoch: int
    public: bytes

    def octets(self) -> bytes:
        """Return ``PeerId || SHA-256(ek) || epoch``, 66 octets."""
        digest = hashlib.sha256(self.public).digest()
        return self.peer_id + digest + self.epoch.to_bytes(2, "big")


class Schedule:
    """The key schedule of one handshake, as far as it has come."""

    def __init__(self, th1: bytes, z: bytes) -> None:
        self.th1 = th1
        self._th2 = b""
        self._z = z

    def fork(self) -> "Schedule":
        """Return a schedule that goes on from here and leaves this one as it is."""
        return Schedule(self.th1, self._z)

    def mix(self, shared: bytes) -> None:
        """Go on from Z(n) to Z(n+1)."""
        self._z = extract(derive(self._z, LABEL_NEXT), shared)

    def seal_key(self, label: bytes, context: bytes) -> "tuple[bytes, bytes]":
        """Return key and nonce of something sealed under the present Z."""
        both = derive(self._z, label, context, AEAD_KEY_BYTES + AEAD_NONCE_BYTES)
        return both[:AEAD_KEY_BYTES], both[AEAD_KEY_BYTES:]

    def need(self, cid: int) -> bytes:
        """Return the MAC of NeedCredential; the present Z is Z1."""
        key = derive(self._z, LABEL_NEED, self.th1)
        return hmac_sha256(key, self.th1, cid.to_bytes(_CID_BYTES, "big"))[:MAC_BYTES]

    def hash_answer(self, initiator: Party, sealed: "Buffer", answer: "Buffer") -> None:
        """Go on to th2. ``answer``: M2 from CID_R up to its MAC."""
        th2 = hashlib.sha256(self.th1)
        th2.update(initiator.octets())
        th2.update(sealed)
        th2.update(answer)
        self._th2 = th2.digest()

    def finished(self, label: bytes) -> bytes:
        """Return fin_R or fin_I; the present Z is Z3."""
        return hmac_sha256(derive(self._z, label, self._th2), self._th2)[:MAC_BYTES]

    def outcome(self, peer_id: bytes, params: "Params", ours: bool) -> Outcome:
        """Return what the session with ``peer_id`` needs. ``ours``: we began. Z is Z3."""
        send, receive = LABEL_CHAIN_I2R, LABEL_CHAIN_R2I
        if not ours:
            send, receive = receive, send
        both = self._th2 + self.finished(LABEL_MAC_I)
        return Outcome(
            peer_id,
            params,
            derive(self._z, LABEL_SESSION, self._th2, SESSION_ID_BYTES),
            derive(self._z, send, self._th2),
            derive(self._z, receive, self._th2),
            derive(self._z, LABEL_EXPORTER, both),
            derive(self._z, LABEL_RESUMPTION, both),
        )


def begin(front: "Front", responder: Party, offer: "Buffer") -> Schedule:
    """Return the schedule as M1 begins it: th1 and Z0. ``offer``: ek_e || ct_R."""
    th0 = domain_hash(DOMAIN_HS_K)
    update_lp(th0, front.hello)
    update_lp(th0, front.retry)
    th1 = hashlib.sha256(th0.digest())
    th1.update(responder.octets())
    th1.update(front.cid.to_bytes(_CID_BYTES, "big"))
    th1.update(offer)
    return Schedule(th1.digest(), extract(bytes(HASH_BYTES), bytes(HASH_BYTES)))
