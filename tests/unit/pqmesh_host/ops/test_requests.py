# SPDX-License-Identifier: MIT OR Apache-2.0
"""Requests are checked field by field, and a short name means exactly one node."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqmesh_host.ops.control_socket import BadRequest
from pqmesh_host.ops.requests import Known, SendRequest, read_send

GOOD = {"to": "a1a1", "command": "led", "args": {"on": True}, "timeout_s": 2}
ALICE, ALAN = bytes.fromhex("a1a1" + "00" * 30), bytes.fromhex("a1ff" + "00" * 30)


def test_a_whole_request_is_taken() -> None:
    assert read_send(GOOD) == SendRequest(
        to="a1a1", command="led", arguments={"on": True}, timeout_s=2
    )


def test_arguments_and_timeout_have_defaults() -> None:
    assert read_send({"to": "a1a1", "command": "ping"}) == SendRequest(
        to="a1a1", command="ping", arguments={}, timeout_s=10
    )


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("to", None, "must be texts"),
        ("to", 5, "must be texts"),
        ("command", "", "must be texts"),
        ("args", [], "must be an object"),
        ("timeout_s", "soon", "must be a number"),
        ("timeout_s", True, "must be a number"),
        ("timeout_s", 0, "above 0"),
        ("timeout_s", -1, "above 0"),
        ("timeout_s", 1e9, "above 0"),
        ("timeout_s", float("nan"), "above 0"),
    ],
)
def test_every_field_is_checked(field: str, value: object, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        read_send({**GOOD, field: value})


def test_all_digits_name_anyone() -> None:
    assert Known([]).resolve("B0" * 32) == b"\xb0" * 32


def test_the_first_digits_name_someone_we_know() -> None:
    known = Known([ALICE, ALAN])
    assert known.resolve("a1a1") == ALICE
    assert known.resolve("A1FF00") == ALAN


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a PeerId"),
        ("bob!", "not a PeerId"),
        ("0" * 65, "not a PeerId"),
        ("a1a", "too short"),
        ("beef", "knows nobody"),
    ],
)
def test_any_other_text_is_refused(text: str, words: str) -> None:
    with pytest.raises(BadRequest, match=words) as caught:
        Known([ALICE]).resolve(text)
    assert caught.value.advice


def test_digits_that_several_share_are_refused_with_their_names() -> None:
    near = bytes.fromhex("a1a1" + "11" * 30)
    with pytest.raises(BadRequest, match="could be any of a1a1000000000000, a1a1111111111111"):
        Known([ALICE, near]).resolve("a1a1")


def test_who_is_known_is_told() -> None:
    with pytest.raises(BadRequest) as caught:
        Known([]).resolve("beef")
    assert "nobody yet" in caught.value.advice


@settings(deadline=None)
@given(st.text(max_size=70))
def test_resolving_raises_nothing_else(text: str) -> None:
    try:
        assert len(Known([ALICE, ALAN]).resolve(text)) == 32
    except BadRequest:
        return
