# SPDX-License-Identifier: MIT OR Apache-2.0
"""One running ant-quic node: started, listened to, stopped.

Its standard output mixes JSON events with log lines; both are kept, bounded. The node is
told to keep to itself: no bootstrap nodes, no port mapping, no mDNS, its files in a
directory that is removed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

Event = dict[str, Any]

QUIET = ("--no-default-bootstrap", "--no-port-mapping", "--no-mdns", "--json", "--full-key")
MAX_LINES = 5000
START_S = 20.0
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class NodeFailed(Exception):
    """The node did not start, or stopped by itself; carries its last lines."""


class AntQuicNode:
    """Use ``AntQuicNode.start``. ``address`` is where it listens on loopback."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.port = port
        self.events: list[Event] = []
        self.log: deque[str] = deque(maxlen=MAX_LINES)
        self._process = process
        self._news = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    @contextlib.asynccontextmanager
    async def start(cls, program: Path, *options: str) -> AsyncIterator[AntQuicNode]:
        """Run until the block is left, then stop it with SIGINT as an operator would."""
        port = free_port()
        with tempfile.TemporaryDirectory(prefix="pqmesh-interop-") as home:
            process = await asyncio.create_subprocess_exec(
                program,
                "--listen",
                f"127.0.0.1:{port}",
                *QUIET,
                *options,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, "HOME": home, "XDG_CACHE_HOME": home, "TMPDIR": home},
            )
            node = cls(process, port)
            try:
                await node.wait("local_identity", within_s=START_S)
                yield node
            finally:
                await node.stop()

    @property
    def address(self) -> tuple[str, int]:
        """Its loopback address."""
        return "127.0.0.1", self.port

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def peer_id(self) -> bytes:
        """The PeerId it says it has."""
        return bytes.fromhex(str(self.of_kind("local_identity")[0]["peer_id"]))

    def of_kind(self, kind: str) -> list[Event]:
        """Every event of a kind so far."""
        return [event for event in self.events if event.get("event") == kind]

    async def wait(
        self, kind: str, *, count: int = 1, within_s: float = 10.0, **fields: object
    ) -> list[Event]:
        """Wait for ``count`` events of a kind with these fields; NodeFailed if none come."""

        def matching() -> list[Event]:
            wanted = fields.items()
            return [e for e in self.of_kind(kind) if all(e.get(k) == v for k, v in wanted)]

        await self.until(lambda: len(matching()) >= count, within_s, f"{count} x {kind} {fields}")
        return matching()

    async def until(self, condition: Callable[[], bool], within_s: float, what: str) -> None:
        """Wait until ``condition`` holds, looking whenever the node prints a line."""
        try:
            async with asyncio.timeout(within_s):
                while not condition():
                    if self._reader.done():
                        raise NodeFailed(f"the node stopped before {what}: {self.tail()}")
                    self._news.clear()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(0.1):
                            await self._news.wait()
        except TimeoutError:
            raise NodeFailed(f"not within {within_s:g} s: {what}: {self.tail()}") from None

    def logged(self, text: str) -> list[str]:
        """The log lines that contain ``text``."""
        return [line for line in self.log if text in line]

    def tail(self, lines: int = 3) -> str:
        """Its last log lines."""
        return " / ".join(list(self.log)[-lines:])

    async def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it; kill it when it does not within five seconds. Idempotent."""
        if self._process.returncode is None:
            self._process.send_signal(how)
            try:
                async with asyncio.timeout(5):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        await self._reader

    async def _read(self) -> None:
        if self._process.stdout is None:
            raise NodeFailed("the node has no output")
        async for raw in self._process.stdout:
            line = _COLOURS.sub("", raw.decode(errors="replace")).rstrip()
            if line.startswith("{"):
                with contextlib.suppress(ValueError):
                    self.events.append(json.loads(line))
            self.log.append(line)
            self._news.set()


def free_port() -> int:
    """A UDP port nobody uses now, on any address (the node binds the wildcard)."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("::", 0))
        port: int = sock.getsockname()[1]
        return port
