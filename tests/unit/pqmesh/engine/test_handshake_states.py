# SPDX-License-Identifier: MIT OR Apache-2.0
"""The product of all states and inputs: forgotten cases cannot hide."""

import itertools
import pathlib

import pytest

from pqmesh.engine import handshake_states as table
from pqmesh.errors import Unexpected

STATES = (
    "START",
    "CALLING",
    "OFFERED",
    "YIELDED",
    "PROVED",
    "ASKED",
    "ANSWERED",
    "OPEN",
    "FAILED",
)
INPUTS = ("CALL", "CONNECT", "M1", "ASK", "M2", "M3", "CONFIRM", "YIELD", "FAIL")
DOC = pathlib.Path(__file__).parents[4] / "docs/handshake.md"


@pytest.mark.parametrize(("state", "what"), list(itertools.product(STATES, INPUTS)))
def test_every_pair_moves_or_is_refused(state, what):
    pair = getattr(table, state), getattr(table, what)
    if pair in table.TRANSITIONS:
        assert table.allows(*pair)
        assert table.advance(*pair) == table.TRANSITIONS[pair]
    else:
        assert not table.allows(*pair)
        with pytest.raises(Unexpected):
            table.advance(*pair)


def test_there_are_no_other_states_and_inputs():
    numbers = {name: value for name, value in vars(table).items() if isinstance(value, int)}
    assert set(numbers) == set(STATES) | set(INPUTS)
    assert len(set(numbers.values())) == len(numbers)


def test_the_ends_are_ends_and_everything_else_can_fail():
    for state in STATES:
        moves = [pair for pair in table.TRANSITIONS if pair[0] == getattr(table, state)]
        if state in ("OPEN", "FAILED"):
            assert not moves
        else:
            assert (getattr(table, state), table.FAIL) in moves


def test_the_page_draws_this_table():
    named = {getattr(table, name): name for name in STATES + INPUTS}
    drawn = set()
    for line in DOC.read_text().splitlines():
        cells = [cell.strip(" `") for cell in line.split("|")[1:-1]]
        if len(cells) == 4 and cells[0] in STATES and cells[1] in INPUTS:
            drawn.add(tuple(cells[:3]))
    real = {(named[a], named[b], named[c]) for (a, b), c in table.TRANSITIONS.items()}
    assert drawn == real
