# SPDX-License-Identifier: MIT OR Apache-2.0
"""pqmesh send: arguments become values, the answer becomes a line and an exit code."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.fake_control import FakeNode, run

ANSWER = {"ok": True, "result": True, "from": "b0" * 32, "via": "a1" * 32, "ms": 1234}


def test_arguments_become_json_values() -> None:
    node = FakeNode(send=ANSWER)
    run(node, "send", "--to", "b0b0", "led", "on=true", "level=7", "name=kitchen", "n=1=2")
    assert node.requests == [
        {
            "op": "send",
            "to": "b0b0",
            "command": "led",
            "args": {"on": True, "level": 7, "name": "kitchen", "n": "1=2"},
            "timeout_s": 10.0,
        }
    ]


def test_the_answer_says_what_who_and_how_long() -> None:
    result = run(FakeNode(send=ANSWER), "send", "--to", "b0b0", "led")
    assert result.output == "done: True   b0b0b0b0b0b0b0b0 via a1a1a1a1a1a1a1a1, 1,234 ms\n"
    assert result.exit_code == 0


def test_a_refusal_has_its_exit_code() -> None:
    answer = {**ANSWER, "ok": False, "result": "no \x1bsuch command", "via": "b0" * 32}
    result = run(FakeNode(send=answer), "send", "--to", "b0b0", "dance")
    assert result.exit_code == 1
    assert result.output.startswith("refused: no \N{REPLACEMENT CHARACTER}such command   b0b0")
    assert " via " not in result.output


@pytest.mark.parametrize("ok", [True, False])
def test_json_is_the_answer_itself(ok: bool) -> None:
    answer: dict[str, Any] = {**ANSWER, "ok": ok}
    result = run(FakeNode(send=answer), "send", "--to", "b0b0", "led", "--json")
    assert json.loads(result.output) == answer
    assert result.exit_code == (0 if ok else 1)


@pytest.mark.parametrize("argument", ["on", "=true"])
def test_an_argument_without_a_name_is_wrong_usage(argument: str) -> None:
    node = FakeNode(send=ANSWER)
    result = run(node, "send", "--to", "b0b0", "led", argument)
    assert result.exit_code == 2
    assert "is not NAME=VALUE" in result.output
    assert node.requests == []


def test_someone_must_be_named() -> None:
    assert run(FakeNode(), "send", "led").exit_code == 2


@pytest.mark.parametrize("timeout", ["0", "-1", "99999"])
def test_a_timeout_is_within_reason(timeout: str) -> None:
    assert run(FakeNode(), "send", "--to", "b0b0", "led", "--timeout", timeout).exit_code == 2
