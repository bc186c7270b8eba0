# SPDX-License-Identifier: MIT OR Apache-2.0
# HS-K on a radio: certified keys on both sides; then heads, tails, RETRY and M3 are lost.
from pqmesh.credentials.keyring import Keyring
from pqmesh.credentials.own import certify, plan
from pqmesh.identity import Identity
from pqmesh.limits import RADIO_LINK
from support.scenario import CRYPTO, CountingEntropy, Line

names = [Identity(bytes([side + 1]) * 32, CRYPTO) for side in (0, 1)]


def keyring(side, epoch):
    own = Keyring(names[side], CRYPTO, 2)
    entropy = CountingEntropy(b"epoch %d of %d" % (epoch, side))
    own.adopt(certify(names[side], CRYPTO, entropy, plan(epoch, 0)))
    return own


rings = [keyring(side, 1) for side in (0, 1)]
for side in (0, 1):
    rings[side].learn(rings[1 - side].credential(), CRYPTO)

line = Line(link=RADIO_LINK, keyrings=rings)
session = line.ends[0].connect(0, names[1].peer_id)
line.run(20000)
line.summary()
line.ends[0].send(session, b"reading", line.now)
line.run(line.now + 3000)
line.summary()

line = Line(link=RADIO_LINK, keyrings=rings)
line.lose[0].update((1, 12, 13, 15))
line.lose[1].update((0, 2, 13))
line.ends[1].connect(0, names[0].peer_id)
line.run(60000)
line.summary()
