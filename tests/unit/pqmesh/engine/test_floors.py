# SPDX-License-Identifier: MIT OR Apache-2.0
"""Floors: no attacker, and no forgetting, brings a pair below what it must meet with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.engine import floors as f
from pqmesh.engine.floors import ALWAYS, FAST, NEVER, Floors, Policy, hs_s_ms, strength
from pqmesh.engine.tickets import Ticket
from pqmesh.errors import UsageError
from pqmesh.limits import (
    FULL_HANDSHAKE_AGE_S,
    RADIO_LINK,
    RESUMPTION_AGE_S,
    RESUMPTIONS,
    SERIAL_LINK,
    replace,
)
from pqmesh.wire.entry import NO_MODE
from pqmesh.wire.handshake import HS_K, HS_RK, HS_RP, HS_S
from pqmesh.wire.resumption import HS_R

ALICE, BOB = b"A" * 32, b"B" * 32
ORDER = [HS_R, HS_RP, HS_RK, HS_K, HS_S]
NOW = 1_000_000_000
modes = st.sampled_from(ORDER)


def floors(link=RADIO_LINK, strangers=NEVER, minimum=HS_R, **minimums):
    peers = {"alice": ALICE, "bob": BOB}
    policy = Policy(strangers, minimum, {peers[name]: mode for name, mode in minimums.items()})
    return Floors(link, policy)


def ticket(resumptions=0, healed_s=NOW, full_s=NOW, epoch=0):
    return Ticket(BOB, bytes(32), None, resumptions, bytes(8), healed_s, full_s, epoch)


def test_the_order_of_strength():
    assert sorted(ORDER, key=strength) == ORDER
    assert set(f.MODE_NAMES) == set(ORDER)
    for nothing in (NO_MODE, 5, -1):
        with pytest.raises(UsageError):
            strength(nothing)


# HS-S on a shared link


def test_hs_s_is_not_for_a_shared_link_unless_the_switch_is_on():
    assert not Floors(RADIO_LINK).strangers()
    assert Floors(SERIAL_LINK).strangers()
    assert Floors(replace(RADIO_LINK, point_to_point=True)).strangers()


LINKS = {  # bits per second, ms of every frame, and whether HS-S takes less than a minute
    "LoRa SF7": (5_508, 47, True),
    "LoRa SF7, 500 kHz": (22_033, 27, True),
    "LoRa SF8": (3_125, 67, True),
    "LoRa SF9": (1_766, 122, False),
    "LoRa SF10": (967, 193, False),
    "LoRa SF11, 250 kHz": (1_069, 205, False),
    "LoRa SF12": (241, 712, False),
    "AX.25": (1_165, 471, False),
}


@pytest.mark.parametrize(("rate", "frame_ms", "fast"), LINKS.values(), ids=LINKS)
def test_the_switch_is_for_the_fast_ones(rate, frame_ms, fast):
    link = replace(RADIO_LINK, bits_per_second=rate, frame_ms=frame_ms)
    assert (hs_s_ms(link) < f.FAST_MS) == fast
    assert floors(link, FAST).strangers() == fast
    assert floors(link, ALWAYS).strangers()
    assert not floors(link, NEVER).strangers()


def test_a_link_that_cannot_carry_hs_s_is_not_fast():
    narrow = replace(RADIO_LINK, mtu=100)
    with pytest.raises(UsageError):
        hs_s_ms(narrow)
    assert not floors(narrow, FAST).strangers()


# Which full handshake


def test_a_known_peer_is_met_with_hs_k_and_a_stranger_with_hs_s_or_not_at_all():
    shut, wide = floors(), floors(strangers=ALWAYS)
    assert [shut.full_mode(ALICE, known) for known in (True, False)] == [HS_K, None]
    assert [wide.full_mode(ALICE, known) for known in (True, False)] == [HS_K, HS_S]
    assert (shut.full_mode(None, True), wide.full_mode(None, True)) == (None, HS_S)


def test_a_refusal_says_why():
    assert floors().refusal(None, False) == "HS-S with whoever is there is not for this link"
    assert "no credential of 4141414141414141" in floors().refusal(ALICE, False)
    strict = floors(alice=HS_S)
    assert strict.full_mode(ALICE, True) is None
    assert "must be met with HS-S" in strict.refusal(ALICE, True)


def test_what_comes_after_what():
    shut, wide = floors(), floors(strangers=ALWAYS)
    for weak in (HS_R, HS_RP, HS_RK):
        assert shut.after(weak, ALICE, True) == HS_K
        assert shut.after(weak, ALICE, False) is None
        assert wide.after(weak, ALICE, False) == HS_S
    assert (shut.after(HS_K, ALICE, True), wide.after(HS_K, ALICE, True)) == (None, HS_S)
    assert wide.after(HS_S, ALICE, True) is None


@given(modes, st.booleans(), modes, st.sampled_from([NEVER, FAST, ALWAYS]), st.booleans())
def test_property_06_failures_only_ever_lead_upwards(begin, known, minimum, strangers, named):
    """Whatever is dropped or forged: each attempt is stronger than the one before it."""
    here = floors(strangers=strangers, minimum=minimum)
    peer_id = ALICE if named else None
    seen, mode = [], begin
    while mode is not None:
        seen.append(mode)
        mode = here.after(mode, peer_id, known)
    ranks = [strength(each) for each in seen]
    assert ranks == sorted(set(ranks))
    assert all(rank >= strength(minimum) for rank in ranks[1:])
    first = here.full_mode(peer_id, known)
    assert first in (None, HS_K, HS_S)
    assert first is None or strength(first) >= strength(minimum)


@given(modes, modes, modes, st.booleans())
def test_property_06_what_is_begun_is_what_is_admitted(minimum, bobs, mode, known):
    here = floors(strangers=ALWAYS, minimum=minimum, bob=bobs)
    least = here.minimum(BOB)
    assert strength(least) == max(strength(minimum), strength(bobs))
    begun = here.full_mode(BOB, known)
    assert here.objection(BOB, begun) is None
    admitted = here.objection(BOB, mode, ticket(), NOW) is None
    assert admitted == (strength(mode) >= strength(least))


# The operator's minimum


def test_the_stricter_of_two_minimums_counts():
    here = floors(minimum=HS_RK, alice=HS_S, bob=HS_R)
    assert here.minimum() == here.minimum(b"C" * 32) == here.minimum(BOB) == HS_RK
    assert here.minimum(ALICE) == HS_S
    assert here.objection(ALICE, HS_K) == "HS-K is below HS-S"
    assert here.objection(BOB, HS_R, ticket(), NOW) == "HS-R is below HS-RK"
    assert here.objection(BOB, HS_RK, ticket(), NOW) is None


def test_a_policy_with_a_mode_that_there_is_not_is_refused():
    with pytest.raises(UsageError):
        floors(minimum=NO_MODE)
    with pytest.raises(UsageError):
        floors(bob=6)


# What a session goes on from


def test_a_resumption_goes_on_from_a_ticket():
    for mode in (HS_R, HS_RP, HS_RK):
        assert "from nothing" in floors().objection(BOB, mode)
        assert floors().objection(BOB, mode, ticket(), NOW) is None
    for mode in (HS_K, HS_S):
        assert floors().objection(BOB, mode) is None


def test_property_06_hs_r_ends_after_256_resumptions_or_30_days():
    here = floors()
    assert here.objection(BOB, HS_R, ticket(RESUMPTIONS - 1), NOW) is None
    old = NOW + RESUMPTION_AGE_S
    assert here.objection(BOB, HS_R, ticket(), old - 1) is None
    for worn, now_s in ((ticket(RESUMPTIONS), NOW), (ticket(), old)):
        assert "too long" in here.objection(BOB, HS_R, worn, now_s)
        for healing in (HS_RP, HS_RK):
            assert here.objection(BOB, healing, worn, now_s) is None
    assert (RESUMPTIONS, RESUMPTION_AGE_S) == (256, 30 * 86_400)


def test_property_06_a_full_handshake_is_due_after_90_days_or_with_a_new_epoch():
    here = floors()
    healed = ticket(healed_s=NOW + FULL_HANDSHAKE_AGE_S, epoch=3)
    late = NOW + FULL_HANDSHAKE_AGE_S
    for mode in (HS_R, HS_RP, HS_RK):
        assert here.objection(BOB, mode, healed, late - 1, 3) is None
        assert "is due" in here.objection(BOB, mode, healed, late, 3)
        assert "is due" in here.objection(BOB, mode, healed, NOW, 4)
    for mode in (HS_K, HS_S):
        assert here.objection(BOB, mode, healed, late, 4) is None
    assert FULL_HANDSHAKE_AGE_S == 90 * 86_400


def test_without_a_clock_counts_alone_are_the_bound():
    assert floors().objection(BOB, HS_R, ticket(), 0) is None
    assert floors().objection(BOB, HS_R, ticket(RESUMPTIONS), 0) is not None
