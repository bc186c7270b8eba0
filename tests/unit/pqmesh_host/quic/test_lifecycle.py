# SPDX-License-Identifier: MIT OR Apache-2.0
"""Both ends of two connections decide alike which one lives."""

import itertools

import pytest

from pqmesh_host.quic import lifecycle


def wins(newer_initiator, newer_id, newer_started, older_initiator, older_id, older_confirmed):
    return lifecycle.newer_wins(
        newer_initiator=newer_initiator,
        newer_id=newer_id,
        newer_started=newer_started,
        older_initiator=older_initiator,
        older_id=older_id,
        older_confirmed=older_confirmed,
    )


@pytest.mark.parametrize(
    ("ids", "order"), list(itertools.product([(b"a", b"b"), (b"b", b"a")], [0, 1, 2, 3]))
)
def test_crossed_dials_have_the_same_survivor_whatever_order_each_end_saw(ids, order):
    """Connection 0 dialled by alice, 1 by bob; each end may confirm either first."""

    def survivor(alice, first):
        second = 1 - first
        initiator = [alice, not alice]
        newer = wins(initiator[second], ids[second], 0.0, initiator[first], ids[first], 1.0)
        return second if newer else first

    assert survivor(True, order & 1) == survivor(False, order >> 1) == ids.index(max(ids))


def test_a_second_dial_of_the_same_side_replaces_the_first():
    assert wins(True, b"a", 0.0, True, b"b", 1.0)
    assert wins(False, b"a", 0.0, False, b"b", 1.0)


def test_a_dial_long_after_the_other_direction_replaces_it():
    """The peer restarted and dials us while we still hold our old dial to it."""
    assert wins(False, b"a", 1.0 + lifecycle.CROSSING_S, True, b"b", 1.0)
    assert not wins(False, b"a", 0.9 + lifecycle.CROSSING_S, True, b"b", 1.0)


def test_close_codes_are_ant_quics():
    assert lifecycle.SUPERSEDED == 0x4E5B00
    assert lifecycle.NO_READER == 0x4E5B06
    assert len(set(lifecycle.NAMES)) == 8
