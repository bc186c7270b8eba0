# SPDX-License-Identifier: MIT OR Apache-2.0
"""The demonstration itself, in five steps. A line says who, over what, how many bytes, how long.

1  the board is switched on                4  five readings up, one command down, its effect
2  gateway and mesh peer start             5  everything stops in order
3  the handshakes
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from pqmesh.identity import short
from tools.demo_lib.boards import Board
from tools.demo_lib.mesh import Event, MeshNode, gateway_config, peer_config, pqmesh

READINGS = 5
INTERVAL_MS = 1_000
NEW_INTERVAL_MS = 400

Say = Callable[[str], None]


class Story:
    """One run of the demonstration with one board, in one folder."""

    def __init__(self, board: Board, folder: Path, say: Say) -> None:
        self._board = board
        self._say = say
        self._began = time.monotonic()
        self._gateway = MeshNode("gateway", folder / "gateway")
        self._peer = MeshNode("peer", folder / "peer")
        self._ids: dict[str, bytes] = {}

    async def tell(self, keep: bool = False) -> None:
        """Run all steps. Raises FirmwareError when one of them does not come about."""
        board = self._board
        self._ids["board"] = await board.peer_id()
        self._line(1, f"{self._who('board')} is on. {board.rung}")
        self._ids["gateway"], self._ids["peer"] = await asyncio.gather(
            self._gateway.identity(), self._peer.identity()
        )
        async with self._peer.running(peer_config(self._ids["gateway"])):
            address = self._peer.events[0]["quic"]
            self._line(
                2, f"{self._who('peer')} listens on udp {address}, admits the gateway alone"
            )
            await board.start(self._ids["gateway"], INTERVAL_MS)
            config = gateway_config(board.link, self._ids["board"], address, self._ids["peer"])
            async with self._gateway.running(config):
                self._line(2, f"{self._who('gateway')} opens the board's cable, the board pinned")
                await self._handshakes()
                await self._readings_up()
                await self._command_down()
                if keep:
                    await self._keep()
                await self._stop_board()
        self._line(5, "the gateway and the peer have stopped in order")

    async def _handshakes(self) -> None:
        joined = await self._peer.wait(_kind("peer-open"), 30.0)
        self._line(
            3,
            f"{self._who('gateway')} and {self._who('peer')}: QUIC, TLS 1.3 with ML-KEM-768 and "
            f"ML-DSA-65, both sides proved; {_cost(joined)}",
        )
        opened = await self._gateway.wait(_kind("session-open"), self._board.patience_s)
        self._line(
            3,
            f"{self._who('board')} and {self._who('gateway')}: HS-S over the cable, ML-KEM-768 "
            f"and ML-DSA-65, both sides proved; {_cost(opened)}",
        )

    async def _readings_up(self) -> None:
        arrived = 0
        seen = 0
        while arrived < READINGS:
            event = await self._peer.wait(_kind("reading"), self._board.patience_s, seen)
            seen = self._peer.events.index(event) + 1
            arrived += 1
            ident = event["id"]
            at_gateway = await self._gateway.wait(_kind("reading", id=ident), 10.0)
            took = event["at_ms"] - at_gateway["at_ms"]
            self._line(
                4,
                f"reading {arrived}: {event['name']} = {event['value']:,} {event['unit']}".ljust(
                    34
                )
                + f"{self._who('board')} > cable, {at_gateway['wire_bytes']} B > gateway > quic, "
                f"{event['wire_bytes']} B, {took} ms > {self._who('peer')}",
            )

    async def _command_down(self) -> None:
        seen = len(self._peer.events)
        sent = time.monotonic()
        words = ("--config", str(self._peer.config), "--to", self._ids["board"].hex())
        answer = await pqmesh(
            *("send", *words, "--timeout", str(self._board.patience_s)),
            *("interval", f"ms={NEW_INTERVAL_MS}", "--json"),
        )
        ident = (await self._peer.wait(_kind("command"), 10.0, seen))["id"]
        down = await self._peer.wait(_kind("forwarded", id=ident), 10.0, seen)
        cable = await self._gateway.wait(_kind("forwarded", id=ident), 10.0)
        back = await self._peer.wait(_kind("reply", re=ident), 10.0, seen)
        self._line(
            4,
            f"command: interval ms={NEW_INTERVAL_MS}".ljust(40)
            + f"{self._who('peer')} > quic, {down['wire_bytes']} B > gateway > cable, "
            f"{cable['wire_bytes']} B > {self._who('board')}",
        )
        self._line(
            4,
            f"reply: {'done' if answer['ok'] else 'refused'}, {answer['result']} ms".ljust(40)
            + f"{self._who('board')} > cable > gateway > quic, {back['wire_bytes']} B > "
            f"{self._who('peer')}, {answer['ms']} ms after the command "
            f"({1000 * (time.monotonic() - sent):.0f} ms for the whole `pqmesh send`)",
        )
        before, after = await self._effect(self._peer.events.index(back) + 1)
        self._line(
            4,
            f"effect: the board's own clock puts {after['t'] - before['t']} ms between its next "
            f"two readings, where it was {INTERVAL_MS:,}",
        )

    async def _effect(self, seen: int) -> tuple[Event, Event]:
        """Two readings of the uptime, one round apart, both taken after the command."""
        # The round that the new interval begins with starts a fresh count: measure from it.
        found: list[Event] = []
        while len(found) < 2:
            event = await self._peer.wait(
                _kind("reading", name="uptime"), self._board.patience_s, seen
            )
            seen = self._peer.events.index(event) + 1
            found.append(event)
        return found[0], found[1]

    async def _stop_board(self) -> None:
        seen = len(self._gateway.events)
        await self._board.stop()
        event = await self._gateway.wait(_kind("session-lost"), 10.0, seen)
        self._line(5, f"{self._who('board')} has stopped; the gateway heard: {event['text']}")

    async def _keep(self) -> None:
        config = self._peer.config
        self._say("")
        self._say("Everything keeps running. In another terminal:")
        for words in (
            f"status --config {config}",
            f"listen --config {config}",
            f"send --config {config} --to {short(self._ids['board'])} status",
        ):
            self._say(f"  .venv/bin/pqmesh {words}")
        self._say("Ctrl-C stops it all.")
        await asyncio.Event().wait()

    def _who(self, role: str) -> str:
        return f"{role} {short(self._ids[role])}"

    def _line(self, step: int, text: str) -> None:
        self._say(f"{time.monotonic() - self._began:6.2f} s  {step}  {text}")


def _kind(kind: str, **details: object) -> Callable[[Event], bool]:
    """Whether an event is of this kind and has these details."""

    def wanted(event: Event) -> bool:
        return event["event"] == kind and all(
            event.get(name) == value for name, value in details.items()
        )

    return wanted


def _cost(event: Event) -> str:
    return f"{event['wire_bytes']:,} B on the wire, {event['ms']:,} ms"
