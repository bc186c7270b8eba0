# SPDX-License-Identifier: MIT OR Apache-2.0
"""Both sides connect at once on a link that others share: each keeps the same session.

Continues test_handshakes_crossed. Which one stays is decided in sessions.py; here whole engines
cross under loss, in both orders, by name and without.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqmesh.engine.events import Established, Received
from pqmesh.limits import RADIO_LINK, SERIAL_LINK, replace
from support.handshakes import both_established, same_session
from support.known_pair import PEERS, KnownPair
from support.simulation import Medium, OpenHouse, Pair

SHARED = replace(SERIAL_LINK, point_to_point=False)
LATER = st.integers(0, 50) | st.integers(0, 2_500)
MEDIA = st.builds(
    Medium, loss=st.sampled_from([0.0, 0.05, 0.15]), jitter_ms=st.sampled_from([0, 100, 400])
)
FAST = replace(RADIO_LINK, bits_per_second=50_000, frame_ms=0)


def cross(pair, first, later, named):
    """Both connect, the second a while after the first; then nothing is under way any more."""
    for count, side in enumerate((first, 1 - first)):
        pair.run_for(later * count)
        pair.connect(side, PEERS[1 - side] if named else None)
    pair.run_until(lambda: both_established(pair), 400_000)
    pair.run_for(150_000)


@pytest.mark.parametrize("jitter", [100, 400])
def test_frames_that_overtake_each_other_part_nobody(jitter):
    """The newer session of either side alone would leave one pair in eight with two halves."""
    for seed in range(40):
        pair = Pair(seed, Medium(jitter_ms=jitter), link=SHARED, floors=OpenHouse())
        pair.boots = [seed, seed]
        for side in (0, 1):
            pair.reboot(side)
        cross(pair, seed % 2, seed % 40, False)
        assert same_session(pair), seed


def reach_each_other(pair):
    """What either side sends in the session it holds arrives at the other."""
    for side in (0, 1):
        seen = len(pair.of(1 - side, Received))
        handle = pair.last(side, Established).session
        pair.send(side, handle, b"from %d" % side)
        pair.run_until(lambda: len(pair.of(1 - side, Received)) > seen, 200_000)  # noqa: B023


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    first=st.integers(0, 1),
    later=LATER,
    medium=MEDIA,
    named=st.booleans(),
)
def test_crossed_hs_s_leave_one_session_on_both_sides(seed, first, later, medium, named):
    pair = Pair(seed, medium, link=SHARED, floors=OpenHouse())
    pair.boots = [seed, seed]
    for side in (0, 1):
        pair.reboot(side)
    cross(pair, first, later, named)
    assert same_session(pair)
    reach_each_other(pair)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    first=st.integers(0, 1),
    later=LATER,
    medium=MEDIA,
)
def test_crossed_hs_k_leave_one_session_on_both_sides(seed, first, later, medium):
    pair = KnownPair(seed, medium, link=FAST)
    cross(pair, first, later, True)
    assert same_session(pair)
    reach_each_other(pair)
