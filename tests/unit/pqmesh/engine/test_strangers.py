# SPDX-License-Identifier: MIT OR Apache-2.0
"""Whose airtime a frame is: who has proved nothing is a stranger, until the handshake is done."""

import pytest

from pqmesh.engine.floors import ALWAYS, Floors, Policy
from pqmesh.limits import RADIO_LINK
from pqmesh.wire.handshake import HS_K, HS_S
from support.known_pair import KnownPair


def watched(pair):
    """Note for each frame of each end whether it was for a stranger."""
    notes = ([], [])

    def note(side, frame):
        notes[side].append(pair.ends[side].for_stranger)
        return [frame]

    pair.intercept = note
    return notes


@pytest.mark.parametrize("mode", [HS_K, HS_S])
def test_a_responder_s_frames_are_a_stranger_s_until_it_is_proved(mode):
    floors = Floors(RADIO_LINK, Policy(ALWAYS, mode, {}))
    pair = KnownPair(floors=floors)
    caller, answerer = watched(pair)
    handles = pair.meet()
    assert not any(caller)
    assert answerer[0]  # RETRY
    assert answerer.count(True) > 5
    del answerer[:]
    pair.send(1, handles[1], b"a reading")
    pair.run_for(60_000)
    assert answerer
    assert not any(answerer)


def test_who_shows_the_network_s_key_is_no_stranger():
    pair = KnownPair(network_key=b"n" * 32)
    caller, answerer = watched(pair)
    pair.meet()
    assert len(answerer) > 5
    assert not any(caller + answerer)
