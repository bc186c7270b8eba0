# SPDX-License-Identifier: MIT OR Apache-2.0
# HS-K with a peer in a new epoch: its credential is asked for, comes in halves, and is kept.
import gc

from pqmesh.credentials.keyring import Keyring
from pqmesh.credentials.own import certify, plan
from pqmesh.identity import Identity
from pqmesh.limits import RADIO_LINK, replace
from support.scenario import CRYPTO, CountingEntropy, Line, brief

names = [Identity(bytes([side + 1]) * 32, CRYPTO) for side in (0, 1)]


def keyring(side, epoch):
    own = Keyring(names[side], CRYPTO, 2)
    entropy = CountingEntropy(b"epoch %d of %d" % (epoch, side))
    own.adopt(certify(names[side], CRYPTO, entropy, replace(plan(epoch, 0), slots=1)))
    return own


rings = [keyring(side, 1) for side in (0, 1)]
rings[1].learn(rings[0].credential(), CRYPTO)
rings[0] = keyring(0, 2)  # which side 1 has not seen
rings[0].learn(rings[1].credential(), CRYPTO)
gc.collect()

line = Line(link=RADIO_LINK, keyrings=rings)
line.lose[1].add(1)  # NeedCredential
line.ends[0].connect(0, names[1].peer_id)
line.run(60000)
line.summary()
key = rings[1].peer(names[0].peer_id)
print(key.epoch, brief(key.public))
print([end.stats.frames_retransmitted for end in line.ends])
