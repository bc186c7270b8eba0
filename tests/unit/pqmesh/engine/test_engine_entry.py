# SPDX-License-Identifier: MIT OR Apache-2.0
"""Whole engines against somebody who changes, forges and delays what precedes a handshake."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqmesh.credentials.own import certify, plan
from pqmesh.engine.events import Established, Refused
from pqmesh.engine.floors import ALWAYS, NEVER, Floors, Policy, strength
from pqmesh.limits import RADIO_LINK, SERIAL_LINK
from pqmesh.record import replace
from pqmesh.wire.entry import HELLO, NO_MODE, RETRY, decode_retry
from pqmesh.wire.fragment import CLASS_FRAGMENT
from pqmesh.wire.handshake import HS_K, HS_S
from pqmesh.wire.resumption import HS_R
from support.known_pair import PEERS, KnownPair, keyring
from support.model_crypto import CountingEntropy
from support.simulation import CRYPTO, NAMES


def pair(strangers=NEVER, minimum=HS_R, link=RADIO_LINK, **options):
    return KnownPair(link=link, floors=Floors(link, Policy(strangers, minimum, {})), **options)


def modes_of(two):
    """The modes of all messages that were sent."""
    frames = [frame for sent in two.sent for frame in sent]
    return {frame[0] & 7 for frame in frames if frame[0] >> 6 == CLASS_FRAGMENT}


def met(two):
    return [bool(two.of(side, Established)) for side in (0, 1)]


class Meddler:
    """Changes the first ``times`` frames of a kind on their way."""

    def __init__(self, two, kind, change, times=1):
        self.left = times
        self._kind = kind
        self._change = change
        two.intercept = self

    def __call__(self, side, frame):
        if frame[0] != self._kind or not self.left:
            return [frame]
        self.left -= 1
        return [self._change(frame)]


def with_octet(at, value):
    return lambda frame: frame[:at] + bytes((value,)) + frame[at + 1 :]


def test_undisturbed_they_meet_by_hs_k():
    two = pair()
    two.meet()
    assert modes_of(two) == {HS_K}


@settings(max_examples=25)
@given(st.integers(1, 41), st.integers(1, 255))
def test_property_06_a_changed_hello_never_makes_a_session(at, flips):
    """Whatever octet is changed, and however: no session from it; the next attempt is whole."""
    two = pair(strangers=ALWAYS)
    meddler = Meddler(two, HELLO, lambda f: f[:at] + bytes((f[at] ^ flips,)) + f[at + 1 :], 99)
    two.call()
    two.run_for(3 * RADIO_LINK.handshake_ms)
    assert met(two) == [False, False]
    meddler.left = 0
    two.meet()
    assert HS_R not in modes_of(two)


@settings(max_examples=25)
@given(st.integers(0, 127), st.integers(0, 255), st.sampled_from([NEVER, ALWAYS]))
def test_property_06_a_forged_retry_never_lowers_the_mode(chosen, terms, strangers):
    two = pair(strangers)

    def forged(frame):
        return replace(decode_retry(frame), chosen=chosen, terms=terms).encode()

    Meddler(two, RETRY, forged, 99)
    two.call()
    two.run_for(3 * RADIO_LINK.handshake_ms)
    allowed = {HS_K} if strangers == NEVER else {HS_K, HS_S}
    assert modes_of(two) <= allowed
    genuine = chosen == 1 << 3 | HS_K and terms == 1 << 5
    assert met(two) == [genuine, genuine]


def test_property_06_no_mode_is_followed_by_hs_s_or_by_nothing():
    for strangers in (NEVER, ALWAYS):
        two = pair(strangers)
        Meddler(two, RETRY, with_octet(1, 1 << 3 | NO_MODE), 99)
        two.call()
        two.run_for(3 * RADIO_LINK.handshake_ms)
        assert met(two) == [False, False]
        assert two.of(0, Refused)
        assert all(strength(mode) > strength(HS_K) for mode in modes_of(two))


def test_property_06_one_forged_retry_costs_one_attempt_at_most():
    two = pair()
    Meddler(two, RETRY, with_octet(10, 0))  # the cookie
    two.call()
    two.run_for(3 * RADIO_LINK.handshake_ms)
    if met(two) == [False, False]:
        two.meet()
    assert met(two) == [True, True]


def test_property_06_the_operators_minimum_binds_both_sides():
    two = pair(strangers=ALWAYS, minimum=HS_S)
    two.meet()
    assert modes_of(two) == {HS_S}
    strict = pair(minimum=HS_S)
    strict.call()
    strict.run_for(RADIO_LINK.handshake_ms)
    assert "must be met with HS-S" in strict.last(0, Refused).reason
    assert modes_of(strict) == set()


@pytest.mark.parametrize("before_ms", [1, 60, 400, 2_000, 8_000])
def test_property_15_the_cookie_keys_change_in_the_middle_of_a_handshake(before_ms):
    """The HELLO is answered with one key, M1 comes when the next one is in use already."""
    life = RADIO_LINK.cookie_ms()
    two = pair()
    two.run_for(3 * life - before_ms)
    two.meet()
    assert modes_of(two) == {HS_K}


def test_property_15_an_m1_that_is_as_late_as_a_handshake_may_be():
    two = pair()
    held = []

    def hold(side, frame):
        if side == 0 and frame[0] >> 6 == CLASS_FRAGMENT and two.now < 20_000:
            held.append(frame)
            return []
        return [frame]

    two.intercept = hold
    two.meet()
    assert held
    assert two.now > 20_000


def test_property_13_they_meet_while_both_move_on():
    """Slots and epochs change on either side; what is still named is still honoured."""
    two = pair()
    for round_number, change in enumerate(("rotate", "rotate", "epoch", "rotate"), 1):
        for side in (0, 1):
            ring = two.keyrings[side]
            if change == "rotate":
                ring.rotate()
            else:
                draw = CountingEntropy(b"epoch 2 of %d" % side)
                ring.adopt(certify(NAMES[side], CRYPTO, draw, plan(2, 0)))
            starter = 1 - side
            two.reboot(starter)
            seen = len(two.of(0, Established)) + len(two.of(1, Established))
            two.call(starter)
            two.run_until(
                lambda seen=seen: (
                    len(two.of(0, Established)) + len(two.of(1, Established)) == seen + 2
                ),
                400_000,
            )
        for side in (0, 1):  # what they tell each other once they have met
            blob = two.keyrings[1 - side].credential()
            two.keyrings[side].learn(blob, CRYPTO)
        assert modes_of(two) == {HS_K}, round_number


def test_a_credential_that_is_two_slots_old_draws_a_plain_answer():
    two = pair()
    two.keyrings[1].rotate()
    two.keyrings[1].rotate()
    two.call()
    two.run_for(3 * RADIO_LINK.handshake_ms)
    assert met(two) == [False, False]
    assert two.of(0, Refused)
    retries = [frame for frame in two.sent[1] if frame[0] == RETRY]
    assert {decode_retry(frame).mode() for frame in retries} == {NO_MODE}


def test_on_a_cable_a_stale_credential_leads_to_hs_s():
    two = pair(link=SERIAL_LINK)
    two.keyrings[1].rotate()
    two.keyrings[1].rotate()
    two.meet()
    assert two.last(0, Established).peer_id == PEERS[1]
    assert HS_S in modes_of(two)


def test_a_revoked_peer_is_not_called_by_hs_k():
    two = pair()
    killed = certify(
        NAMES[1],
        CRYPTO,
        CountingEntropy(b"kill"),
        replace(plan(9, 0), flags=0x8000, slots=1),
    )
    blob = NAMES[1].public_key + killed.object
    with pytest.raises(Exception, match="revoked"):
        two.keyrings[0].learn(blob, CRYPTO)
    two.call()
    two.run_for(1_000)
    assert "no credential" in two.last(0, Refused).reason
    assert modes_of(two) == set()
    assert keyring(1).current() is not None
