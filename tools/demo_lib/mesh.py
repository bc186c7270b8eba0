# SPDX-License-Identifier: MIT OR Apache-2.0
"""The gateway and the peer of the demonstration: the real `pqmesh` command in real processes.

Each node gets a folder with its identity and a configuration that a person could have written.
What it reports (one JSON object a line) is kept, and whoever waits for something is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from tools.firmware.errors import FirmwareError

Event = dict[str, Any]

_STOP_TIMEOUT_S = 5.0
_LINE_BYTES = 1 << 20
_COMPLAINT_CHARACTERS = 2000


class MeshNode:
    """One `pqmesh gateway run` or `pqmesh peer run`, and every event it has told."""

    def __init__(self, role: str, folder: Path) -> None:
        self.events: list[Event] = []
        self._role = role
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    @property
    def config(self) -> Path:
        """The configuration file; also what names the node to `pqmesh send` and `status`."""
        return self._folder / "pqmesh.toml"

    async def identity(self) -> bytes:
        """Make the node's identity; returns its PeerId."""
        self._folder.mkdir()
        path = self._folder / "identity.seed"
        made = await pqmesh("identity", "new", "--path", str(path), "--json")
        return bytes.fromhex(made["peer"])

    @contextlib.asynccontextmanager
    async def running(self, config: str) -> AsyncIterator[MeshNode]:
        """Run the node with this configuration; it is stopped in order when the context ends."""
        self.config.write_text(config, encoding="utf-8")
        self._process = await asyncio.create_subprocess_exec(
            *command_line(self._role, "run", "--config", str(self.config), "--json"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LINE_BYTES,
            start_new_session=True,  # Ctrl-C reaches us alone; we stop it in order
        )
        self._reader = asyncio.create_task(self._read())
        try:
            await self.wait(_is("started"), 15.0)
            yield self
        finally:
            await self._stop()

    async def wait(
        self, wanted: Callable[[Event], bool], timeout_s: float, since: int = 0
    ) -> Event:
        """The first event from number ``since`` on that is wanted, past ones included.

        Raises FirmwareError when it does not come, or the node ends.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    for event in self.events[since:]:
                        if wanted(event):
                            return event
                    if self._reader is None or self._reader.done():
                        raise FirmwareError(f"the {self._role} ended: {await self._complaint()}")
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            told = "\n".join(json.dumps(event) for event in self.events[-6:])
            raise FirmwareError(
                f"the {self._role} did not report what was waited for within {timeout_s:g} s; "
                f"it told last:\n{told}"
            ) from None

    async def _read(self) -> None:
        if self._process is None or self._process.stdout is None:
            raise RuntimeError("the process was started without pipes")
        try:
            async for line in self._process.stdout:
                self.events.append(json.loads(line))
                self._news.set()
        finally:
            self._news.set()

    async def _complaint(self) -> str:
        if self._process is None or self._process.stderr is None:
            return ""
        text = (await self._process.stderr.read()).decode("utf-8", "replace").strip()
        return text[-_COMPLAINT_CHARACTERS:]

    async def _stop(self) -> None:
        process, reader = self._process, self._reader
        if process is None or reader is None:
            return
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            try:
                async with asyncio.timeout(_STOP_TIMEOUT_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


def _is(kind: str) -> Callable[[Event], bool]:
    return lambda event: event["event"] == kind


def gateway_config(device: str, board: bytes, peer_address: str, peer: bytes) -> str:
    """The board pinned on its cable, the peer dialled and trusted."""
    return (
        f'[[link]]\nname = "cable"\ndevice = "{device}"\nexpect = "{board.hex()}"\nwait = true\n\n'
        f'[[peer]]\naddress = "{peer_address}"\nid = "{peer.hex()}"\n'
    )


def peer_config(gateway: bytes) -> str:
    """A node without links that admits the gateway alone."""
    return f'[quic]\nlisten = "127.0.0.1:0"\ntrust = ["{gateway.hex()}"]\n'


async def pqmesh(*words: str) -> dict[str, Any]:
    """Run a short `pqmesh` command with --json; returns what it printed.

    Raises FirmwareError with its advice when it fails.
    """
    process = await asyncio.create_subprocess_exec(
        *command_line(*words),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, complaint = await process.communicate()
    if process.returncode != 0:
        text = complaint.decode("utf-8", "replace").strip()
        raise FirmwareError(f"pqmesh {' '.join(words[:2])} failed: {text}")
    answer: dict[str, Any] = json.loads(printed)
    return answer


def command_line(*words: str) -> list[str]:
    # The command a user types, installed beside this Python.
    return [str(Path(sys.executable).with_name("pqmesh")), *words]
