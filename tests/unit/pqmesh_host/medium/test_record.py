# SPDX-License-Identifier: MIT OR Apache-2.0
"""A record holds what is needed to work out the same fates again, and says when they differ."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh_host.medium.modem import Air, ModemConfig
from pqmesh_host.medium.record import BadRecord, Writer, replay
from pqmesh_host.medium.settings import MediumSettings

SETTINGS = MediumSettings(
    seed=5, loss=0.2, burst=2, duplicate=0.1, delay=0.1, apart=((1, 2),), region="EU868"
)


def recorded(script: list[tuple[int, int, int]], settings: MediumSettings = SETTINGS) -> list[str]:
    """A medium that was run as a server runs it: advanced at odd moments, then given an input."""
    file, air = io.StringIO(), Air(settings.config(), ModemConfig())
    writer = Writer(file, settings)
    modems = []
    for number in range(3):
        modems.append(air.join(str(number)))
        writer.joined(0, number)
    for at_us, node, size in sorted(script):
        for moment in (at_us - 7_001, at_us):
            for reception in air.advance(moment):
                writer.ended(reception)
        modems[node].offer(bytes([node]) * size, at_us)
        writer.sent(at_us, node, bytes([node]) * size)
    for reception in air.advance(30_000_000):
        writer.ended(reception)
    return file.getvalue().splitlines()


STEPS = st.tuples(st.integers(0, 3_000_000), st.integers(0, 2), st.integers(1, 222))


@given(st.lists(STEPS, max_size=30))
def test_the_same_inputs_meet_the_same_fates(script: list[tuple[int, int, int]]) -> None:
    lines = recorded(script)
    again = replay(lines)
    assert (again.differs, again.frames) == ("", len(script))
    assert sum(again.fates.values()) == sum("fate" in line for line in lines)


CROWD = [(at * 40_000, at % 3, 100) for at in range(40)]


def test_other_dice_fall_otherwise() -> None:
    lines = recorded(CROWD)
    assert replay(lines, seed=5).differs == ""
    assert "recorded" in replay(lines, seed=6).differs


def test_a_fate_that_was_changed_or_left_out_is_found() -> None:
    lines = recorded(CROWD)
    at = next(number for number, line in enumerate(lines) if '"received"' in line)
    changed = [*lines[:at], lines[at].replace("received", "lost"), *lines[at + 1 :]]
    differs = replay(changed).differs
    assert differs.startswith("reception ")
    assert " lost, now " in differs
    assert differs.endswith(" received")
    assert replay([*lines[:at], *lines[at + 1 :]]).differs


def test_a_record_that_ends_early_is_as_good() -> None:
    lines = recorded(CROWD)
    fates = [number for number, line in enumerate(lines) if '"fate"' in line]
    assert replay(lines[: fates[10] + 1]).differs == ""
    assert replay(lines[:1]).frames == 0


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["no json"],
        ["[]"],
        ['{"medium": 2, "settings": {}}'],
        ['{"medium": 1}'],
        ['{"medium": 1, "settings": {"antenna": 1}}'],
        ['{"medium": 1, "settings": {"spreading_factor": 3}}'],
        ['{"medium": 1, "settings": {}}', "{"],
        ['{"medium": 1, "settings": {}}', '{"at_us": 0, "send": 0, "frame": "00"}'],
        ['{"medium": 1, "settings": {}}', '{"at_us": 0, "join": 0}', '{"at_us": 1, "send": 0}'],
    ],
)
def test_what_is_no_record_is_refused(lines: list[str]) -> None:
    with pytest.raises(BadRecord):
        replay(lines)


def test_a_line_is_one_json_object() -> None:
    head, *_ = recorded([])
    assert json.loads(head) == {
        "medium": 1,
        "settings": {**SETTINGS.as_json(), "apart": [[1, 2]]},
    }
