# SPDX-License-Identifier: MIT OR Apache-2.0
"""Real nodes on this machine for integration tests: gateways, peers, and boards under CPython."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from pqmesh.identity import Identity
from pqmesh.limits import SERIAL_LINK
from pqmesh_host.config import (
    Config,
    ControlConfig,
    IdentityConfig,
    LinkConfig,
    PeerConfig,
    QuicConfig,
    StoreConfig,
)
from pqmesh_host.crypto import HostCrypto
from pqmesh_host.events import Event, EventBus, Subscription
from pqmesh_host.identity_file import create_seed, load_seed
from pqmesh_host.node import Node
from pqmesh_host.transports.base import LinkBroken, LinkClosed, LinkUnavailable
from pqmesh_host.transports.memory import MemoryCable, MemoryLink, MemoryProvider
from pqmesh_node import settings as board_settings
from pqmesh_node.app import Node as BoardNode
from pqmesh_node.store import Directory
from pqmesh_node.store import Store as BoardStore

SOON_S = 15.0
FEW = 40
"""Kinds of events with more than these are only counted in what a failed wait says."""


def make_config(folder: Path, **sections: Any) -> Config:
    """A configuration whose files live in ``folder``; the identity is made if missing."""
    folder.mkdir(parents=True, exist_ok=True)
    seed = folder / "identity.seed"
    if not seed.exists():
        create_seed(seed)
    config = Config(
        identity=IdentityConfig(path=seed),
        control=ControlConfig(socket=folder / "c.sock"),
        store=StoreConfig(path=folder / "state.sqlite"),
    )
    return dataclasses.replace(config, **sections)


def peer_id_in(folder: Path) -> bytes:
    """The PeerId of the identity that ``make_config`` put into ``folder``."""
    return Identity(load_seed(folder / "identity.seed"), HostCrypto()).peer_id


def any_link(**settings: Any) -> LinkConfig:
    """A ``[[link]]`` for a provider that is handed in."""
    return LinkConfig(device="handed in", **settings)


class Watched:
    """A node's events, collected, and waited for."""

    def __init__(self, bus: EventBus) -> None:
        self.seen: list[Event] = []
        self._events: Subscription = bus.subscribe()

    async def wait(self, kind: str, *, count: int = 1, **details: Any) -> list[Event]:
        """Wait until ``count`` events of ``kind`` with these details have happened, in all."""
        try:
            async with asyncio.timeout(SOON_S):
                while len(found := self.of(kind, **details)) < count:
                    self.seen.append(await self._events.next())
        except TimeoutError:
            raise AssertionError(self._account(kind, count, details)) from None
        return found

    def _account(self, kind: str, count: int, details: dict[str, Any]) -> str:
        """What was seen instead: how many of each kind, and the last of those that are few."""
        kinds = Counter(event.kind for event in self.seen)
        few = [event for event in self.seen if kinds[event.kind] <= FEW][-FEW:]
        lines = "\n".join(str(event.as_json()) for event in few)
        lost = f", {self._events.lost} lost" if self._events.lost else ""
        return f"no {kind} x{count} {details} among {dict(kinds)}{lost}\n{lines}"

    def of(self, kind: str, **details: Any) -> list[Event]:
        """The events of ``kind`` collected so far."""
        return [
            event
            for event in self.seen
            if event.kind == kind and details.items() <= {**event.details, **vars(event)}.items()
        ]

    def drain(self) -> None:
        """Collect what has happened without waiting."""
        self.seen.extend(self._events.drain())


@contextlib.asynccontextmanager
async def running(
    config: Config, *, providers: list[Any] | None = None
) -> AsyncIterator[tuple[Node, Watched]]:
    """Start a node; ``providers`` stand in for the configured devices."""
    bus = EventBus()
    watched = Watched(bus)
    async with Node.open(config, bus=bus, providers=providers) as node:
        yield node, watched
    watched.drain()


def joining(gateway: Node, peer_folder: Path) -> Config:
    """A peer's configuration that dials ``gateway``."""
    return make_config(
        peer_folder,
        peer=(PeerConfig(address=gateway.quic_address, id=gateway.peer_id),),
    )


def trusting(*peers: bytes) -> QuicConfig:
    return QuicConfig(trust=frozenset(peers))


class BoardLink:
    """A board's link on a memory cable: like a UART, it only goes quiet when the cable is out."""

    mtu = SERIAL_LINK.mtu

    def __init__(self, provider: MemoryProvider) -> None:
        self.bytes_in = self.bytes_out = self.dropped = 0
        self._provider = provider
        self._link: MemoryLink | None = None
        self._stack = contextlib.AsyncExitStack()

    async def receive(self) -> bytes:
        while True:
            link = await self._plugged()
            try:
                frame = await link.receive()
            except (LinkBroken, LinkClosed):
                self._link = None
            else:
                self.bytes_in += len(frame)
                return frame

    async def send(self, frame: bytes) -> None:
        link = await self._plugged()
        with contextlib.suppress(LinkBroken, LinkClosed):
            await link.send(frame)
            self.bytes_out += len(frame)

    async def aclose(self) -> None:
        await self._stack.aclose()

    async def _plugged(self) -> MemoryLink:
        while self._link is None:
            with contextlib.suppress(LinkUnavailable):
                self._link = await self._stack.enter_async_context(self._provider.open())
                break
            await asyncio.sleep(0.01)
        return self._link


def _flash(folder: Path) -> BoardStore:
    folder.mkdir(parents=True, exist_ok=True)
    return BoardStore(Directory(str(folder)))


@contextlib.asynccontextmanager
async def board(
    cable: MemoryCable,
    folder: Path,
    *,
    expect: bytes | None = None,
    interval_ms: int = 200,
    on_event: Callable[[Any], None] | None = None,
) -> AsyncIterator[BoardNode]:
    """Run the board's own program at the right end of ``cable``; leaving is pulling its power."""
    settings = board_settings.changed(
        board_settings.default(), expect=expect, interval_ms=interval_ms
    )
    link = BoardLink(cable.right)
    node = BoardNode(
        link,
        BoardStore(Directory(str(folder))),
        HostCrypto(),
        settings=settings,
        on_event=on_event,
    )
    task = asyncio.create_task(node.run())
    try:
        yield node
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task  # a board that failed must fail the test
        await link.aclose()
