# SPDX-License-Identifier: MIT OR Apache-2.0
"""Resumptions and the operator's floors, each side by its own. Continues test_resumes."""

import pytest

from pqmesh.engine.events import Established
from pqmesh.engine.floors import ALWAYS, Floors, Policy
from pqmesh.limits import FULL_HANDSHAKE_AGE_S, RADIO_LINK, replace
from pqmesh.wire.handshake import HS_K, HS_RK, HS_S
from pqmesh.wire.resumption import HS_R
from support.resumption import PEERS, R1, R2, established, ready, ticket

NOW = 1_000_000_000
ALONE = replace(RADIO_LINK, point_to_point=True)
RK = 0x4B  # octet 0 of the fragments of HS-RK
M_S = 0x48  # of HS-S


def with_floors(minimum, sides=(0, 1), link=RADIO_LINK):
    pair = ready(link)
    for side in sides:
        floors = Floors(link, Policy(ALWAYS, HS_R, {PEERS[1 - side]: minimum}))
        pair.ends[side]._resumes._floors = floors
    return pair


def test_without_a_floor_hs_r_it_is():
    pair = ready()
    for end in pair.ends:
        end._resumes._floors = None
    pair.resume(0)
    established(pair)
    assert pair.kinds(0)[0] == R1


def test_property_06_a_minimum_above_hs_r_is_met_by_healing():
    pair = with_floors(HS_RK)
    pair.resume(0)
    established(pair)
    assert R1 not in pair.kinds(0)
    assert RK in pair.kinds(0)


@pytest.mark.parametrize("minimum", [HS_K, HS_S])
def test_property_06_a_minimum_above_resumption_is_met_by_a_full_handshake(minimum):
    pair = with_floors(minimum)
    pair.resume(0)
    pair.run_for(400_000)
    assert not {R1, RK} & set(pair.kinds(0))
    assert M_S in pair.kinds(0)
    assert pair.of(1, Established)


def test_property_06_a_responder_holds_an_r1_against_its_own_floor():
    pair = with_floors(HS_RK, sides=(1,))
    pair.resume(0)
    pair.run_for(RADIO_LINK.handshake_ms)
    assert R1 in pair.kinds(0)
    assert R2 not in pair.kinds(1)
    assert "below HS-RK" in str(pair.errors[1][0])


def test_property_06_ninety_days_after_a_full_handshake_a_responder_wants_another():
    pair = with_floors(HS_R, sides=(1,), link=ALONE)
    late = NOW + FULL_HANDSHAKE_AGE_S
    old = replace(ticket(PEERS[0], pair.ticket(1).current, None, 1), full_s=NOW, healed_s=late)
    pair.flash[1].save(old)
    pair.ends[1]._resumes._tickets.now_s = lambda: late
    pair.resume(0)
    pair.run_for(60_000)
    assert R1 in pair.kinds(0)
    assert R2 not in pair.kinds(1)
    assert "full handshake is due" in str(pair.errors[1][0])


def test_property_06_ninety_days_after_a_full_handshake_an_initiator_begins_another():
    pair = ready(ALONE)
    late = NOW + FULL_HANDSHAKE_AGE_S
    old = replace(ticket(PEERS[1], pair.ticket(0).current, None, 1), full_s=NOW, healed_s=late)
    pair.flash[0].save(old)
    pair.ends[0]._resumes._tickets.now_s = lambda: late
    pair.resume(0)
    established(pair)
    assert R1 not in pair.kinds(0)
    assert M_S in pair.kinds(0)
