# SPDX-License-Identifier: MIT OR Apache-2.0
"""Static KEM keys for tests of HS-K, and the two sides of one handshake as pure messages."""

from pqmesh.credentials.keyring import OwnKey, PeerKey, credential_id_of
from pqmesh.engine.front import Front
from pqmesh.engine.hs_k import Initiator, Responder
from pqmesh.wire.handshake import Params

from .model_crypto import CountingEntropy, ModelCrypto

CRYPTO = ModelCrypto()
PARAMS_I = Params(4096, 8, 0, bytes(4))
PARAMS_R = Params(9999, 4, 0, bytes(4))
CID_I, CID_R = 0x1111, 0x2222
FRONT = Front(b"the HELLO", b"the RETRY", b"the echo that begins M1", CID_I)


def own_key(peer_id, seed, crypto=CRYPTO, epoch=3, slot=1):
    """The key of ``peer_id`` that comes of a 64-octet seed."""
    public = crypto.kem_keypair(seed)
    return OwnKey(slot, epoch, seed, public, credential_id_of(peer_id, epoch, slot, public))


def as_peer(peer_id, own):
    """What a peer keeps of a key."""
    return PeerKey(peer_id, own.epoch, own.public, own.credential_id)


class Side:
    """Somebody with a name and a static key."""

    def __init__(self, number, crypto=CRYPTO):
        self.crypto = crypto
        self.peer_id = bytes([number]) * 32
        self.own = own_key(self.peer_id, bytes([number]) * 64, crypto)

    def known(self):
        """What others keep of us."""
        return as_peer(self.peer_id, self.own)

    def initiator(self, to, name=b"i", own=None):
        entropy = CountingEntropy(name)
        return Initiator(self.peer_id, own or self.own, to, self.crypto, entropy, PARAMS_I)

    def responder(self, name=b"r", own=None):
        entropy = CountingEntropy(name)
        return Responder(self.peer_id, own or self.own, self.crypto, entropy, PARAMS_R)


ALICE, BOB, EVE = Side(1), Side(2), Side(3)


def up_to_m2(initiator=None, responder=None):
    """Alice calls Bob, who answers; returns both, and M2."""
    i = initiator or ALICE.initiator(BOB.known())
    r = responder or BOB.responder()
    r.open(FRONT, i.offer(FRONT))
    return i, r, r.answer(ALICE.known(), CID_R)
