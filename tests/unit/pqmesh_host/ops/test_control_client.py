# SPDX-License-Identifier: MIT OR Apache-2.0
"""The blocking client: every way a node can be unreachable says what to do."""

from __future__ import annotations

import json
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pqmesh_host.ops.control_client import ControlClient, NodeUnreachable, RequestFailed


@pytest.fixture
def path() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    yield folder / "c.sock"
    shutil.rmtree(folder)


class ScriptedNode(threading.Thread):
    """Takes one connection, reads one line per answer, answers, hangs up."""

    def __init__(self, path: Path, *answers: bytes) -> None:
        super().__init__(daemon=True)
        self.requests: list[dict[str, object]] = []
        self._answers = answers
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen()
        self.start()

    def run(self) -> None:
        connection, _ = self._listener.accept()
        with connection, connection.makefile("rb") as lines:
            for answer in self._answers:
                self.requests.append(json.loads(lines.readline()))
                connection.sendall(answer)
        self._listener.close()

    def __enter__(self) -> ScriptedNode:
        return self

    def __exit__(self, *_: object) -> None:
        self.join(5)


def test_a_request_is_one_line_and_its_result_comes_back(path: Path) -> None:
    answer = b'{"id": 1, "ok": true, "result": {"peer": "a1"}}\n'
    with ScriptedNode(path, answer) as node, ControlClient(path) as client:
        assert client.request("send", to="a1", args={"on": True}) == {"peer": "a1"}
    assert node.requests == [{"id": 1, "op": "send", "to": "a1", "args": {"on": True}}]


def test_answers_to_others_and_events_are_passed_over(path: Path) -> None:
    answer = b'{"event": "reading"}\n{"id": 9, "ok": true}\n{"id": 1, "ok": true, "result": 5}\n'
    with ScriptedNode(path, answer), ControlClient(path) as client:
        assert client.request("status") == 5


def test_a_refusal_keeps_the_nodes_words_and_code(path: Path) -> None:
    answer = b'{"id": 1, "ok": false, "error": {"message": "No.", "advice": "Ask.", "code": 9}}\n'
    with (
        ScriptedNode(path, answer),
        ControlClient(path) as client,
        pytest.raises(RequestFailed, match=r"No\. Ask\.") as caught,
    ):
        client.request("send")
    assert caught.value.exit_code == 9


def test_events_are_yielded_until_the_node_stops(path: Path) -> None:
    answer = b'{"id": 1, "ok": true, "result": {}}\n{"event": "a"}\n{"event": "b"}\n'
    with ScriptedNode(path, answer), ControlClient(path) as client:
        assert [event["event"] for event in client.events()] == ["a", "b"]


def test_nobody_there(path: Path) -> None:
    with pytest.raises(NodeUnreachable, match="No node answers") as caught:
        ControlClient(path).request("status")
    assert "pqmesh gateway run" in caught.value.advice
    assert caught.value.exit_code == 7


def test_a_node_that_was_killed(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as killed:
        killed.bind(str(path))
    with pytest.raises(NodeUnreachable, match="No node answers"):
        ControlClient(path).request("status")


def test_a_node_that_hangs_up_before_it_answers(path: Path) -> None:
    with (
        ScriptedNode(path, b""),
        ControlClient(path) as client,
        pytest.raises(NodeUnreachable),
    ):
        client.request("status")


def test_a_node_that_does_not_answer_in_time(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as silent:
        silent.bind(str(path))
        silent.listen()
        with pytest.raises(NodeUnreachable, match="does not answer"):
            ControlClient(path).request("status", answer_s=0.05)


def test_a_socket_of_another_user(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", forbidden)
    with pytest.raises(NodeUnreachable, match="You may not use") as caught:
        ControlClient(path).request("status")
    assert "as the user who runs the node" in caught.value.advice
