# SPDX-License-Identifier: MIT OR Apache-2.0
# Credentials handed over in pieces, keys that rotate, a revocation, and one-time prekeys.
from pqmesh.credentials.keyring import Keyring, PeerState
from pqmesh.credentials.own import certify, plan, restore
from pqmesh.credentials.prekeys import MemoryShelf, PeerPrekeys, PrekeyChain, Prekeys, block_hash
from pqmesh.errors import MeshError
from pqmesh.identity import Identity
from pqmesh.record import replace
from support.model_crypto import CountingEntropy
from support.scenario import CRYPTO, brief

ALICE, BOB = [Identity(bytes([n]) * 32, CRYPTO) for n in (1, 2)]
START = 1_800_000_000
entropy = CountingEntropy(b"bob")
stored = []
theirs = Keyring(ALICE, CRYPTO, 2, lambda: START, lambda what, value: stored.append((what, value)))


def epoch(number, **changes):
    wanted = replace(plan(number, START), slots=2)
    return certify(BOB, CRYPTO, entropy, replace(wanted, **changes))


def learn(title, blob, piece=214):
    try:
        intake = theirs.intake(CRYPTO, BOB.peer_id)
        view = memoryview(blob)
        for at in range(0, len(blob), piece):
            intake.feed(view[at : at + piece])
        key = theirs.take(intake)
        print(title, key, brief(key.public), brief(key.credential_id))
    except MeshError as error:
        print(title, type(error).__name__, error)


mine = Keyring(BOB, CRYPTO, 2, lambda: START)
first = epoch(1)
mine.adopt(first)
blob = mine.credential()
print(len(blob), brief(blob), len(first.public_part()), len(first.secret_part()))
learn("first", blob)
learn("again", blob, 1000)
learn("short", blob[:6000])
learn("spoilt", blob[:5400] + bytes((blob[5400] ^ 1,)) + blob[5401:])
mine.rotate()
learn("second slot", mine.credential())
learn("first slot", blob)
back = restore(BOB.peer_id, first.public_part(), first.secret_part())
print(back, brief(back.leaf(CRYPTO)) == brief(first.leaf(CRYPTO)))
mine.adopt(epoch(2, leaves={8: b"block"}))
learn("second epoch", mine.credential())
print([mine.own(key.credential_id) is not None for key in first.keys(CRYPTO)])
learn("revoked", BOB.public_key + epoch(3, slots=1, flags=0x8000).object)
learn("too late", mine.credential())
for what, value in stored:
    print(
        what, len(value.encode()), brief(value.encode()), PeerState.decode(value.encode()) == value
    )

chain = PrekeyChain(bytes(range(32)))
keys = list(chain.publics(CRYPTO, 0, 8))
print(brief(block_hash(0, keys)), [brief(key) for key in keys[:2]])
ours, hers = Prekeys(1), Prekeys(1)
ours.set_chain(ALICE.peer_id, chain)
stock = PeerPrekeys(MemoryShelf())
stock.add(0, keys)
hers.set_stock(BOB.peer_id, stock)
for lost in (False, True, True, False, False):
    index, key = hers.take(BOB.peer_id)
    ciphertext, shared = CRYPTO.kem_encapsulate(key, bytes([index]) * 32)
    if not lost:
        seed = ours.seed(ALICE.peer_id, index)
        print(index, CRYPTO.kem_decapsulate(seed, ciphertext) == shared, brief(seed))
        ours.used(ALICE.peer_id, index)
    state = ours.chain(ALICE.peer_id)
    print(state, len(state.encode()), brief(state.encode()), hers.stocked(BOB.peer_id))
