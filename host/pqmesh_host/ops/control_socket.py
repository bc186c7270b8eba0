# SPDX-License-Identifier: MIT OR Apache-2.0
"""The control socket: how other programs of the same user talk to a running node.

A unix socket of mode 0600; JSON objects, one per line, UTF-8, at most LINE_BYTES long.

    -> {"id": 1, "op": "status"}
    <- {"id": 1, "ok": true, "result": {...}}
    -> {"id": 2, "op": "send", "to": "3f2a", "command": "led", "args": {"on": true}}
    <- {"id": 2, "ok": false, "error": {"message": "...", "advice": "...", "code": 9}}
    -> {"id": 3, "op": "subscribe"}
    <- {"id": 3, "ok": true, "result": {}}
    <- {"event": "reading", ...}            from then on, one line per event

Requests of one client may overlap; answers carry the request's id. A client that does not read
loses the oldest events (it gets ``{"event": "lost", "count": n}``), never the node's time.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from ..errors import AddressUnavailable, OperatorError
from ..events import EventBus

LINE_BYTES = 65_536
MAX_CLIENTS = 16
"""Clients at a time; a further one is told so and disconnected."""

MAX_REQUESTS = 32
"""Requests of one client being worked on at a time; reading stops until one is answered."""

PROBE_S = 1.0
"""How long the socket we find at our path may take to show that someone listens on it."""

Handler = Callable[[Mapping[str, Any]], Awaitable[Any]]


class BadRequest(OperatorError):
    """The client's request makes no sense; nothing was done."""

    exit_code = 2


class ControlServer:
    """Serves ``handlers`` (by operation name) and subscriptions to ``bus``."""

    def __init__(self, handlers: Mapping[str, Handler], bus: EventBus) -> None:
        self._handlers = handlers
        self._bus = bus
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def clients(self) -> int:
        """Connections at this moment."""
        return len(self._connections)

    @contextlib.asynccontextmanager
    async def serve(self, path: Path) -> AsyncIterator[None]:
        """Listen at ``path`` until the block is left; the socket is then removed.

        :raises AddressUnavailable: another node listens there, or the place cannot be used
        """
        listener = _bind(path)
        server = await asyncio.start_unix_server(self._connected, sock=listener, limit=LINE_BYTES)
        try:
            yield
        finally:
            server.close()
            for connection in list(self._connections):
                connection.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)
            _remove(path)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
        try:
            if len(self._connections) > MAX_CLIENTS:
                refusal = BadRequest(f"{MAX_CLIENTS} clients are connected already.", "Try later.")
                await _write(writer, asyncio.Lock(), _failure(None, refusal))
            else:
                await _Client(self._handlers, self._bus, reader, writer).run()
        except asyncio.CancelledError:
            pass  # the node stops; this is the top of the task
        finally:
            if task is not None:
                self._connections.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


class _Client:
    """One connection."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        bus: EventBus,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._handlers = handlers
        self._bus = bus
        self._reader = reader
        self._writer = writer
        self._turn = asyncio.Lock()
        self._room = asyncio.Semaphore(MAX_REQUESTS)

    async def run(self) -> None:
        """Serve until the client hangs up."""
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._read(tasks)
                raise ConnectionResetError  # ends the client's other tasks
        except* OSError:
            pass  # the client is gone; nobody is left to tell

    async def _read(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            try:
                line = await self._reader.readline()
            except ValueError:  # longer than LINE_BYTES; the rest cannot be found again
                text = f"a request has at most {LINE_BYTES} bytes"
                await self._answer(_failure(None, BadRequest(text)))
                return
            if not line.endswith(b"\n"):
                return
            await self._room.acquire()
            tasks.create_task(self._handle(line, tasks))

    async def _handle(self, line: bytes, tasks: asyncio.TaskGroup) -> None:
        ident: Any = None
        try:
            request = _parse(line)
            ident = request.get("id")
            if request["op"] == "subscribe":
                await self._answer({"id": ident, "ok": True, "result": {}})
                tasks.create_task(self._stream())
                return
            result = await self._handler(request["op"])(request)
            await self._answer({"id": ident, "ok": True, "result": result})
        except OperatorError as error:
            await self._answer(_failure(ident, error))
        finally:
            self._room.release()

    def _handler(self, name: str) -> Handler:
        if name not in self._handlers:
            known = ", ".join(sorted([*self._handlers, "subscribe"]))
            raise BadRequest(f"unknown operation {name!r}", f"Known: {known}.")
        return self._handlers[name]

    async def _stream(self) -> NoReturn:
        subscription = self._bus.subscribe()
        try:
            while True:
                event = await subscription.next()
                if subscription.lost:
                    lost, subscription.lost = subscription.lost, 0
                    await self._answer({"event": "lost", "count": lost})
                await self._answer(event.as_json())
        finally:
            self._bus.unsubscribe(subscription)

    async def _answer(self, message: dict[str, Any]) -> None:
        await _write(self._writer, self._turn, message)


async def _write(
    writer: asyncio.StreamWriter, turn: asyncio.Lock, message: dict[str, Any]
) -> None:
    async with turn:
        writer.write(json.dumps(message).encode() + b"\n")
        await writer.drain()


def _parse(line: bytes) -> dict[str, Any]:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"a request is one line of JSON: {error}") from error
    if not isinstance(request, dict) or not isinstance(request.get("op"), str):
        raise BadRequest('a request is an object with an "op"')
    return request


def _failure(ident: Any, error: OperatorError) -> dict[str, Any]:
    told = {"message": error.message, "advice": error.advice, "code": error.exit_code}
    return {"id": ident, "ok": False, "error": told}


def _bind(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _clear_stale(path)
        # Made private before it is reachable: bind() applies the umask, chmod would be too late.
        old_mask = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(old_mask)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise AddressUnavailable(
                f"Another pqmesh node listens on {path}.",
                "Stop it first, or give this one its own [control].socket (and [store].path).",
            ) from error
        raise AddressUnavailable(
            f"Cannot make the control socket {path}: {error.strerror}.",
            "Choose a [control].socket in a folder you may write to.",
        ) from error
    return listener


def _remove(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()


def _clear_stale(path: Path) -> None:
    """Remove the socket of a node that was killed; leave anything that answers, or is no socket.

    :raises OSError: EADDRINUSE when it is not ours to remove
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISSOCK(mode):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(PROBE_S)
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()
                return
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
