# SPDX-License-Identifier: MIT OR Apache-2.0
"""Where nothing goes before M1: what is said of it, and what such a node does not import."""

import subprocess
import sys

import pytest

from pqmesh.engine.context import Context
from pqmesh.engine.floors import NEVER, Floors, Policy
from pqmesh.engine.front import NO_FRONT
from pqmesh.engine.handshake import Handshake
from pqmesh.engine.straight import Straight
from pqmesh.errors import Unexpected
from pqmesh.limits import BOARD, SERIAL_LINK
from pqmesh.wire.handshake import HS_K, HS_S
from support.model_crypto import CountingEntropy
from support.simulation import CRYPTO, NAMES

PEER = NAMES[1].peer_id

ON_A_CABLE = """
import sys
from pqmesh.engine import Engine
from pqmesh.identity import Identity
from pqmesh.limits import SERIAL_LINK
from support.model_crypto import CountingEntropy, ModelCrypto
from pqmesh.engine.tickets import MemoryTickets

crypto = ModelCrypto()
identity = Identity(bytes(32), crypto)
engine = Engine(identity, crypto, CountingEntropy(b"e"), SERIAL_LINK, tickets=MemoryTickets(2))
engine.connect(0)
engine.handle_timeout(0)
print(*sorted(name for name in sys.modules if name.startswith("pqmesh.")))
"""

NOT_THERE = (
    "airtime coding credentials wire.entry wire.hs_k wire.healing engine.entry engine.caller "
    "engine.cookies engine.stamps engine.entrances engine.floors engine.hs_k engine.hs_k_steps "
    "engine.hs_k_schedule engine.hs_rk engine.heals engine.headless engine.repeater"
)


def straight(floors=None):
    context = Context(NAMES[0], CRYPTO, CountingEntropy(b"e"), SERIAL_LINK, BOARD)
    return context, Straight(context, floors)


def test_nothing_lies_before_an_offer():
    context, way = straight()
    handshake = Handshake(context, True, 0)
    assert way.kinds(lambda frame, now: None) == {}
    assert (way.front_bytes(HS_S), way.offer_bytes(HS_S)) == (0, 1_206)
    assert way.call(handshake, 0)
    assert handshake.front is NO_FRONT
    assert way.ready(handshake)
    assert way.admit(HS_S, b"", 0) is None


def test_no_retry_is_waited_for():
    context, way = straight()
    with pytest.raises(Unexpected, match="no HELLO"):
        way.on_retry(Handshake(context, True, 0), bytes(24), 0)
    assert not way.turns_down(bytes(24))


@pytest.mark.parametrize(("mtu", "fits"), [(221, True), (220, False), (20, False)])
def test_hs_s_needs_room_for_its_longest_message(mtu, fits):
    assert straight()[1].fits(HS_S, mtu) is fits


def test_without_floors_hs_s_is_good_enough():
    way = straight()[1]
    assert way.strangers()
    assert (way.full_mode(None, False), way.full_mode(PEER, True)) == (HS_S, HS_K)
    assert "no credential" in way.refusal(PEER, False)
    assert way.objection(PEER, HS_S) is None


def test_the_floors_decide_where_there_are_some():
    floors = Floors(SERIAL_LINK, Policy(NEVER, HS_K, {PEER: HS_S}))
    way = straight(floors)[1]
    assert way.strangers()
    assert way.full_mode(PEER, True) == HS_S
    assert way.full_mode(NAMES[0].peer_id, True) == HS_K
    assert "HS-K is below HS-S" in way.objection(PEER, HS_K)
    assert way.refusal(PEER, False) == floors.refusal(PEER, False)


def test_a_node_on_a_cable_imports_nothing_of_what_it_does_not_speak():
    command = [sys.executable, "-c", ON_A_CABLE]
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    imported = set(found.stdout.split())
    assert "pqmesh.engine.resumes" in imported
    for name in NOT_THERE.split():
        assert not [one for one in imported if f"{one}.".startswith(f"pqmesh.{name}.")], name
