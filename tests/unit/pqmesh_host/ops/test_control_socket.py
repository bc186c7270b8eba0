# SPDX-License-Identifier: MIT OR Apache-2.0
"""The control socket: private, bounded, one answer per request, and never in the node's way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pqmesh_host.errors import AddressUnavailable, OperatorError
from pqmesh_host.events import Event, EventBus
from pqmesh_host.ops import control_socket as subject
from pqmesh_host.ops.control_socket import LINE_BYTES, ControlServer


@pytest.fixture
def path() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    yield folder / "c.sock"
    shutil.rmtree(folder)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def list_folder(path: Path) -> list[str]:
    return [entry.name for entry in path.iterdir()]


def put(path: Path, text: str) -> None:
    path.write_text(text)


def text_of(path: Path) -> str:
    return path.read_text()


class Refused(OperatorError):
    exit_code = 42


async def echo(request: Mapping[str, Any]) -> Any:
    return request.get("say")


async def slow(request: Mapping[str, Any]) -> Any:
    await asyncio.sleep(60)


async def refuse(_request: Mapping[str, Any]) -> Any:
    raise Refused("No.", "Ask nicely.")


HANDLERS = {"echo": echo, "slow": slow, "refuse": refuse}


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, line: object) -> Any:
        self.write(line)
        return await self.next()

    def write(self, line: object) -> None:
        text = line if isinstance(line, bytes) else json.dumps(line).encode()
        self.writer.write(text + b"\n")

    async def next(self) -> Any:
        async with asyncio.timeout(5):
            return json.loads(await self.reader.readline())


@contextlib.asynccontextmanager
async def client(path: Path) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def test_a_request_gets_the_answer_with_its_number(path: Path) -> None:
    async with ControlServer(HANDLERS, EventBus()).serve(path), client(path) as one:
        assert await one.ask({"id": 7, "op": "echo", "say": [1, "a"]}) == {
            "id": 7,
            "ok": True,
            "result": [1, "a"],
        }


async def test_a_refusal_carries_advice_and_code(path: Path) -> None:
    async with ControlServer(HANDLERS, EventBus()).serve(path), client(path) as one:
        answer = await one.ask({"id": 1, "op": "refuse"})
        assert answer["error"] == {"message": "No.", "advice": "Ask nicely.", "code": 42}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"not json", "one line of JSON"),
        (b"[" * 30_000, "one line of JSON"),
        (b"[1]", 'an object with an "op"'),
        (b'{"op": 1}', 'an object with an "op"'),
        (b'{"op": "dance"}', "unknown operation 'dance'"),
    ],
)
async def test_nonsense_is_refused_and_the_client_may_go_on(
    path: Path, line: bytes, words: str
) -> None:
    async with ControlServer(HANDLERS, EventBus()).serve(path), client(path) as one:
        assert words in (await one.ask(line))["error"]["message"]
        assert (await one.ask({"op": "echo", "say": 1}))["result"] == 1


async def test_a_line_that_is_too_long_ends_the_connection(path: Path) -> None:
    async with ControlServer(HANDLERS, EventBus()).serve(path), client(path) as one:
        assert "at most" in (await one.ask(b"x" * (LINE_BYTES + 1)))["error"]["message"]
        with contextlib.suppress(ConnectionError):
            assert await one.reader.read() == b""


async def test_a_slow_request_does_not_hold_up_the_next(path: Path) -> None:
    async with ControlServer(HANDLERS, EventBus()).serve(path), client(path) as one:
        one.write({"id": 1, "op": "slow"})
        assert (await one.ask({"id": 2, "op": "echo"}))["id"] == 2


async def test_requests_being_worked_on_are_bounded(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "MAX_REQUESTS", 2)
    async with ControlServer(HANDLERS, EventBus()).serve(path), client(path) as one:
        for ident in range(2):
            one.write({"id": ident, "op": "slow"})
        one.write({"id": 2, "op": "echo"})
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await one.reader.readline()


async def test_a_subscriber_gets_events_as_they_happen(path: Path) -> None:
    bus = EventBus()
    async with ControlServer(HANDLERS, bus).serve(path), client(path) as one:
        assert (await one.ask({"id": 1, "op": "subscribe"}))["ok"]
        bus.publish(Event(kind="reading", peer=b"\xa1" * 32, ms=5))
        event = await one.next()
        assert (event["event"], event["peer"], event["ms"]) == ("reading", "a1" * 32, 5)
        assert (await one.ask({"id": 2, "op": "echo"}))["id"] == 2


async def test_a_subscriber_that_does_not_read_loses_events_and_is_told(path: Path) -> None:
    bus = EventBus(limit=4)
    async with ControlServer(HANDLERS, bus).serve(path), client(path) as one:
        await one.ask({"op": "subscribe"})
        for number in range(20):
            bus.publish(Event(kind="reading", ms=number))
        seen = [await one.next()]
        while seen[-1].get("ms") != 19:
            seen.append(await one.next())
        lost = sum(event["count"] for event in seen if event["event"] == "lost")
        assert lost + sum(event["event"] == "reading" for event in seen) == 20
        assert lost > 0


async def test_a_subscriber_that_leaves_is_forgotten(path: Path) -> None:
    bus = EventBus()
    async with ControlServer(HANDLERS, bus).serve(path):
        async with client(path) as one:
            await one.ask({"op": "subscribe"})
            await asyncio.sleep(0)
            assert len(bus._listeners) == 1
        async with asyncio.timeout(5):
            while bus._listeners:
                await asyncio.sleep(0.001)


async def test_too_many_clients_are_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "MAX_CLIENTS", 1)
    server = ControlServer(HANDLERS, EventBus())
    async with server.serve(path), client(path) as one:
        await one.ask({"op": "echo"})
        async with client(path) as two:
            assert "connected already" in (await two.next())["error"]["message"]
        assert (await one.ask({"op": "echo", "say": 1}))["result"] == 1


async def test_the_socket_is_private_and_removed_afterwards(path: Path) -> None:
    old = os.umask(0)
    try:
        async with ControlServer(HANDLERS, EventBus()).serve(path):
            assert mode_of(path) == 0o600
    finally:
        os.umask(old)
    assert list_folder(path.parent) == []


async def test_the_umask_is_as_before(path: Path) -> None:
    old = os.umask(0o027)
    try:
        async with ControlServer(HANDLERS, EventBus()).serve(path):
            assert os.umask(0o027) == 0o027
    finally:
        os.umask(old)


async def test_a_socket_left_by_a_killed_node_is_replaced(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as killed:
        killed.bind(str(path))
    async with ControlServer(HANDLERS, EventBus()).serve(path), client(path) as one:
        assert (await one.ask({"op": "echo", "say": 1}))["result"] == 1


async def test_a_running_node_keeps_its_socket(path: Path) -> None:
    async with ControlServer(HANDLERS, EventBus()).serve(path):
        with pytest.raises(AddressUnavailable, match="Another pqmesh node listens"):
            await ControlServer(HANDLERS, EventBus()).serve(path).__aenter__()
        async with client(path) as one:
            assert (await one.ask({"op": "echo", "say": 1}))["result"] == 1


async def test_a_file_in_the_way_is_left_alone(path: Path) -> None:
    put(path, "precious")
    with pytest.raises(AddressUnavailable):
        await ControlServer(HANDLERS, EventBus()).serve(path).__aenter__()
    assert text_of(path) == "precious"


async def test_a_place_one_may_not_write_to_is_said_plainly(path: Path) -> None:
    put(path, "")
    with pytest.raises(AddressUnavailable, match="Cannot make the control socket"):
        await ControlServer(HANDLERS, EventBus()).serve(path / "c.sock").__aenter__()


async def test_stopping_ends_open_connections(path: Path) -> None:
    async with client_of_stopped_server(path) as one:
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionError):
                assert await one.reader.read() == b""


@contextlib.asynccontextmanager
async def client_of_stopped_server(path: Path) -> AsyncIterator[Client]:
    serving = ControlServer(HANDLERS, EventBus()).serve(path)
    await serving.__aenter__()
    async with client(path) as one:
        await one.ask({"op": "echo"})
        one.write({"op": "slow"})
        await serving.__aexit__(None, None, None)
        yield one
