# SPDX-License-Identifier: MIT OR Apache-2.0
# Two nodes learn each other's KEM keys by broadcast, and open a session by HS-K with them.
from pqmesh.credentials.keyring import Keyring
from pqmesh.credentials.own import certify, plan
from pqmesh.engine.stamps import dtag_of
from pqmesh.identity import Identity
from pqmesh.limits import BOARD_OBJECTS
from pqmesh.objects.beside import BroadcastEngine
from pqmesh.objects.carrier import Carrier, wants_for
from pqmesh.objects.exchange import Exchange
from pqmesh.record import replace
from support.model_crypto import CountingEntropy
from support.scenario import CRYPTO, Line, brief

START = 1_800_000_000
NODES = [Identity(bytes([side + 1]) * 32, CRYPTO) for side in (0, 1)]
NAMES = {dtag_of(node.peer_id): node.peer_id for node in NODES}
RINGS = [Keyring(node, CRYPTO, 2, lambda: START) for node in NODES]


class Cable(Line):
    def boot(self, side):
        entropy = CountingEntropy(b"side %d" % side)
        own = dtag_of(NODES[side].peer_id)
        exchange = Exchange(self.link, entropy, own, wants_for(NAMES.get), BOARD_OBJECTS)
        carrier = Carrier(exchange, RINGS[side], CRYPTO, NAMES.get)
        self.ends[side] = BroadcastEngine(
            carrier, NODES[side], CRYPTO, entropy, self.link, keyring=RINGS[side]
        )


for side in (0, 1):
    wanted = replace(plan(1, START), slots=1)
    RINGS[side].adopt(certify(NODES[side], CRYPTO, CountingEntropy(b"epoch %d" % side), wanted))

line = Cable()
line.lose[0].update((3, 4, 5, 20))
for side in (0, 1):
    line.ends[side].carrier.spread(NODES[side].peer_id, 0)
line.run(15_000)
for side in (0, 1):
    line.ends[side].carrier.retire()
handle = line.ends[0].connect(line.now, NODES[1].peer_id)
line.run(20_000)
line.ends[0].send(handle, b"reading", line.now)
line.run(40_000)
line.summary()
for side in (0, 1):
    learned = RINGS[1 - side].peer(NODES[side].peer_id)
    print(brief(learned.public), learned.public == RINGS[side].current().public)
    print(sorted(line.ends[side].stats.dropped.items()), line.ends[side].next_deadline())
