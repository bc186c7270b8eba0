# SPDX-License-Identifier: MIT OR Apache-2.0
# HELLO and RETRY between two nodes, with stamps, members, keys that change, and what is refused.
from pqmesh.credentials.keyring import Keyring
from pqmesh.credentials.own import certify, plan
from pqmesh.engine.caller import Caller
from pqmesh.engine.context import Context
from pqmesh.engine.entry import Doorman, admission_key
from pqmesh.engine.floors import ALWAYS, FAST, Floors, Policy
from pqmesh.errors import MeshError
from pqmesh.identity import Identity
from pqmesh.limits import BOARD, RADIO_LINK, SERIAL_LINK
from pqmesh.record import replace
from pqmesh.wire.handshake import HS_K, HS_S
from pqmesh.wire.resumption import HS_R
from support.model_crypto import CountingEntropy
from support.scenario import CRYPTO, brief

ALICE, BOB = [Identity(bytes([n]) * 32, CRYPTO) for n in (1, 2)]
KEY = admission_key(b"network" + bytes(25))
ring = Keyring(BOB, CRYPTO, 2)
ring.adopt(
    certify(BOB, CRYPTO, CountingEntropy(b"epoch"), replace(plan(3, 1_800_000_000), slots=2))
)
CREDENTIAL = ring.current().credential_id


def context(identity, name):
    return Context(identity, CRYPTO, CountingEntropy(name), RADIO_LINK, BOARD)


def door(name=b"bob", **options):
    return Doorman(context(BOB, name), ring, **options)


def call(**options):
    mode = options.pop("mode", HS_K)
    peer_id = options.pop("peer_id", BOB.peer_id)
    return Caller(context(ALICE, b"alice"), mode, peer_id, CREDENTIAL, **options)


def meet(title, one, other, now=0, late=0):
    try:
        while True:
            retry = other.on_hello(one.hello, b"there", now)
            print(
                title, "HELLO", len(one.hello), brief(one.hello), "RETRY", len(retry), brief(retry)
            )
            if one.on_retry(retry):
                break
        while one.stamp is not None and not one.stamp.step(7):
            pass
        entry = other.admit(one.echo(), b"there", now + late)
        print(title, "echo", brief(one.echo()), entry == one.entry, entry.mode, entry.version)
        print(title, entry.suite, entry.admitted, entry.mtu, one.stamp and one.stamp.tries)
    except MeshError as error:
        print(title, type(error).__name__, error)


meet("plain", call(), door())
meet("stamp", call(), door(stamp_bits=6))
meet("member", call(admission_key=KEY), door(stamp_bits=6, admission_keys=lambda: (KEY,)))
meet("unknown member", call(admission_key=KEY), door(stamp_bits=6))
meet("future", call(versions=(2, 1), suites=(2, 1)), door())
meet("both future", call(versions=(2, 1)), door(versions=(2, 1)))
meet("far future", call(versions=(2,)), door())
meet("another", call(peer_id=ALICE.peer_id), door())
meet("stranger", call(mode=HS_S, peer_id=None), door())
meet("let in", call(mode=HS_S), door(floors=Floors(RADIO_LINK, Policy(ALWAYS, HS_R, {}))))
meet("slow", call(), door(), 5, 2 * RADIO_LINK.handshake_ms)
meet("too slow", call(), door(), 5, 4 * RADIO_LINK.handshake_ms)
for link in (RADIO_LINK, SERIAL_LINK):
    for floors in (Floors(link), Floors(link, Policy(FAST, HS_S, {}))):
        for known in (True, False):
            mode = floors.full_mode(BOB.peer_id, known)
            print(mode, floors.after(HS_R, BOB.peer_id, known))
            if mode is None:
                print(floors.refusal(BOB.peer_id, known))
