# SPDX-License-Identifier: MIT OR Apache-2.0
"""What people see: every kind of event on one line, and nothing a terminal would obey."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from pqmesh_host.cli.render import LONGEST_TEXT, STYLES, clean, event_line, short, summary, table
from pqmesh_host.events import KINDS

PEER = "a1" * 32


def test_a_reading_says_who_what_over_what_how_many_octets() -> None:
    event = {
        "event": "reading",
        "at_ms": 0,
        "peer": PEER,
        "over": "quic 127.0.0.1:4433",
        "wire_bytes": 1234,
        "ms": 7,
        "name": "temperature",
        "value": 21,
        "unit": "C",
        "via": "b0" * 32,
    }
    line = event_line(event).plain
    for part in (
        "reading",
        "a1a1a1a1a1a1a1a1 ",
        "quic 127.0.0.1:4433",
        "1,234 B",
        "7 ms",
        "temperature = 21 C",
        "via b0b0b0b0b0b0b0b0",
    ):
        assert part in line


def test_a_reading_straight_from_its_board_has_no_via() -> None:
    assert "via" not in summary({"event": "reading", "name": "t", "peer": PEER, "via": PEER})


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"event": "command", "command": "led", "args": {"on": True}, "to": PEER}, "led on=True"),
        ({"event": "reply", "ok": True, "result": 5}, "done: 5"),
        ({"event": "reply", "ok": False, "result": "no"}, "refused: no"),
        ({"event": "session-open", "initiator": True}, "we connected"),
        ({"event": "peer-open", "initiator": False}, "it connected"),
        ({"event": "link-lost", "text": "gone", "retry_in_ms": 250}, "gone; next try in 0.25 s"),
        ({"event": "wrong-key", "expected": PEER}, "expected a1a1a1a1a1a1a1a1"),
        ({"event": "forwarded", "kind": "reading"}, "reading acknowledged"),
        ({"event": "lost", "count": 3}, "3 events"),
        (
            {"event": "started", "role": "gateway", "quic": "[::1]:1", "links": ["a", "b"]},
            "gateway on udp [::1]:1, link a, link b",
        ),
    ],
)
def test_each_kind_has_its_words(event: dict[str, object], words: str) -> None:
    assert words in summary(event)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_renders_even_without_details(kind: str) -> None:
    assert kind in event_line({"event": kind}).plain


def test_only_real_kinds_have_a_style() -> None:
    assert set(STYLES) <= set(KINDS)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["peer", "over", "text", "name", "value", "unit", "result", "command"]),
        st.text() | st.integers() | st.none(),
    ),
    st.sampled_from(sorted(KINDS)),
)
def test_nothing_a_terminal_obeys_gets_through(event: dict[str, object], kind: str) -> None:
    assert event_line({**event, "event": kind}).plain.isprintable()


def test_long_text_is_cut() -> None:
    assert len(clean("x" * 10_000)) == LONGEST_TEXT
    assert clean("\x1b[2J\x07") == "\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}"
    assert short(PEER) == "a1" * 8


def test_a_table_cleans_its_cells_and_takes_no_markup() -> None:
    printed = Console(width=80, record=True, file=io.StringIO(), markup=False)
    printed.print(table("Links", ("name", "state"), [("[red]x\x1b", "open")]))
    assert "[red]x\N{REPLACEMENT CHARACTER}" in printed.export_text()
