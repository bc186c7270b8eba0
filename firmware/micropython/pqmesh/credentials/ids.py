# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a KEM key of HS-K is called, and the two forms in which the handshake is handed one.

    credential id = SHA-256("pqmesh1 cred" || PeerId || epoch 2 || slot 2 || ek)[0:8]

HELLO and M1 name keys by it. It proves nothing: the transcript holds PeerId, epoch and key.
"""

from ..compat import const
from ..identity import short
from ..kdf import DOMAIN_CREDENTIAL, domain_hash
from ..record import Record

ID_BYTES = const(8)


def credential_id_of(peer_id: bytes, epoch: int, slot: int, public: bytes) -> bytes:
    """Return the 8 octets that name one KEM key of one peer in one epoch."""
    digest = domain_hash(DOMAIN_CREDENTIAL)
    digest.update(peer_id)
    digest.update(epoch.to_bytes(2, "big"))
    digest.update(slot.to_bytes(2, "big"))
    digest.update(public)
    return digest.digest()[:ID_BYTES]


class OwnKey(Record):
    """One of our KEM keys."""

    FIELDS = ("slot", "epoch", "seed", "public", "credential_id")

    slot: int
    epoch: int
    seed: bytes  # 64 octets, d || z of FIPS 203; overwritten in place when its time is over
    public: bytes  # 1184 octets
    credential_id: bytes

    def __repr__(self) -> str:
        """Tell no secret: it may end up in a log."""
        return "OwnKey(epoch %d, slot %d)" % (self.epoch, self.slot)


class PeerKey(Record):
    """A KEM key that a peer has certified."""

    FIELDS = ("peer_id", "epoch", "public", "credential_id")

    peer_id: bytes
    epoch: int
    public: bytes  # 1184 octets
    credential_id: bytes

    def __repr__(self) -> str:
        return "PeerKey(%s, epoch %d)" % (short(self.peer_id), self.epoch)
