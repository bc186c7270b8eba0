# SPDX-License-Identifier: MIT OR Apache-2.0
"""The composition root: builds a node from its configuration, runs it, stops it in order.

A gateway is a node with links, a peer is one without; there is no other difference. Opening
goes from what fails most cheaply to what others can see: identity file, state database, control
socket, UDP port, links. Stopping goes back the same way, and says goodbye before it hangs up.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from pqmesh.conversation.session import Session
from pqmesh.errors import UsageError
from pqmesh.identity import Identity
from pqmesh.record import Record

from .config import Config
from .crypto import HostCrypto
from .driver import now_ms
from .errors import AddressUnavailable, OperatorError
from .events import Event, EventBus, plain
from .identity_file import load_seed
from .mesh.link_runner import Trust
from .mesh.quic_runner import Endpoint, QuicRunner
from .mesh.radio_air import clock_in
from .mesh.router import Unreachable
from .mesh.switchboard import Switchboard
from .node_links import Links, provider_of
from .node_snapshot import (
    address_snapshots,
    host_port,
    known_snapshots,
    link_snapshot,
    neighbour_snapshots,
    reach_counters,
)
from .ops import metrics
from .ops.control_socket import BadRequest, ControlServer
from .ops.requests import Known, read_forget, read_send
from .ops.snapshot import NodeSnapshot
from .primitives.choice import best
from .quic.endpoint import QuicEndpoint
from .quic.errors import AddressUnavailable as UdpUnavailable
from .quic.nat.finder import Finder
from .quic.nat.traverse import Traversal
from .quic.relay.budget import Allowance
from .quic.relay.service import RelayService
from .quic.reports import Refusal
from .quic.udp import bind
from .store import AddressStore, Store
from .transports.base import Provider

RELAY_SOCKET_BYTES = 256 * 1024


class CommandUnreachable(OperatorError):
    """Nobody can carry the command to its destination."""

    exit_code = 1


class CommandTimeout(OperatorError):
    """No reply came in time."""

    exit_code = 9


class Node:
    """A running node. Use ``Node.open``."""

    def __init__(
        self,
        config: Config,
        identity: Identity,
        store: Store,
        bus: EventBus,
        providers: Sequence[Provider],
    ) -> None:
        self.bus = bus
        self.peer_id = identity.peer_id
        self.role = "gateway" if providers else "peer"
        self.quic_address = ("", 0)
        self._traversal: Traversal | None = None
        self._relay: RelayService | None = None
        self._config = config
        self._identity = identity
        self._store = store
        self._started_ms = now_ms()
        self._addresses = AddressStore(store)
        handlers = {
            "status": self._on_status,
            "send": self._on_send,
            "peers": self._on_peers,
            "forget": self._on_forget,
        }
        self._control = ControlServer(handlers, bus)
        commanders = config.quic.commands
        self._switchboard = Switchboard(
            self.peer_id,
            store,
            bus,
            secrets.token_bytes,
            named=config.named_peers - {self.peer_id},
            commanders=None if commanders is None else commanders | config.named_peers,
        )
        links = Links(identity, HostCrypto(), store, self._switchboard, bus, config)
        self._tickets = links.tickets
        self._links = links.runners(providers)

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls,
        config: Config,
        *,
        bus: EventBus | None = None,
        providers: Sequence[Provider] | None = None,
    ) -> AsyncIterator[Node]:
        """Start everything ``config`` names; leaving the block stops it in order.

        While the block runs, a failure of the node cancels it and is raised from here.

        :param bus: listens from the first event on; a fresh one when absent
        :param providers: links in place of the configured devices, one per ``[[link]]``
        :raises OperatorError: something is missing, taken or damaged; says what to do
        """
        try:
            async with contextlib.AsyncExitStack() as stack:
                node = await cls._start(config, bus or EventBus(), providers, stack)
                yield node
        except BaseExceptionGroup as group:
            raise _root_cause(group) from None

    @classmethod
    async def _start(
        cls,
        config: Config,
        bus: EventBus,
        providers: Sequence[Provider] | None,
        stack: contextlib.AsyncExitStack,
    ) -> Node:
        seed = load_seed(config.identity.path)
        store = stack.enter_context(Store.open(config.store.path))
        identity = Identity(seed, HostCrypto())
        if providers is None:
            providers = [provider_of(link, config.radio) for link in config.link]
        node = cls(config, identity, store, bus, providers)
        await stack.enter_async_context(node._control.serve(config.control.socket))
        if config.metrics.listen is not None:
            await stack.enter_async_context(metrics.serve(config.metrics.listen, node.snapshot))
        endpoint = await stack.enter_async_context(node._open_quic())
        reaching = await stack.enter_async_context(node._reaching(endpoint))
        await stack.enter_async_context(node._running(reaching))
        return node

    @contextlib.asynccontextmanager
    async def _open_quic(self) -> AsyncIterator[QuicEndpoint]:
        host, port = self._config.quic.listen
        opening = QuicEndpoint.open(
            *(self._identity, host, port),
            trust=self._trust(),
            on_refused=self._on_refused,
            nat_frames=self._config.quic.traverse,
            primitives=best(),
        )
        async with contextlib.AsyncExitStack() as stack:
            try:
                endpoint = await stack.enter_async_context(opening)
            except UdpUnavailable as error:
                raise AddressUnavailable(
                    f"Cannot listen on {host}, UDP port {port}: {error}.",
                    "Choose another [quic].listen (port 0 takes any free port), or stop the "
                    f"program that has the port: `ss -ulpn 'sport = :{port}'` shows it.",
                ) from error
            self.quic_address = endpoint.local_address
            yield endpoint

    @contextlib.asynccontextmanager
    async def _reaching(self, endpoint: QuicEndpoint) -> AsyncIterator[Endpoint]:
        """The endpoint, with what ``[quic]`` switches on: relay and traversal."""
        quic = self._config.quic
        async with contextlib.AsyncExitStack() as stack:
            if quic.relay != frozenset():
                relay = RelayService(
                    endpoint,
                    lambda peer: Allowance() if quic.relay is None or peer in quic.relay else None,
                    lambda: bind(quic.listen[0], 0, RELAY_SOCKET_BYTES),
                    public_host=quic.relay_host or None,
                )
                stack.callback(relay.close)
                self._relay = relay
            if quic.traverse:
                self._traversal = await stack.enter_async_context(Traversal.open(endpoint))
                yield Finder(endpoint, self._traversal)
            else:
                yield endpoint

    @contextlib.asynccontextmanager
    async def _running(self, endpoint: Endpoint) -> AsyncIterator[None]:
        quic = QuicRunner(
            *(endpoint, self._config.peer, self._switchboard, self.bus, self._addresses)
        )
        async with asyncio.TaskGroup() as tasks:
            running: list[asyncio.Task[None]] = [
                tasks.create_task(link.run()) for link in self._links
            ]
            running.append(tasks.create_task(quic.run()))
            for link in self._links:
                await link.ready.wait()
            host, port = self.quic_address
            where = {"quic": host_port(host, port), "links": [link.name for link in self._links]}
            self.bus.publish(
                Event(kind="started", peer=self.peer_id, details={"role": self.role, **where})
            )
            try:
                yield
            finally:
                for link in self._links:
                    await link.shutdown()
                await quic.shutdown()
                for task in running:
                    task.cancel()
        self.bus.publish(Event(kind="stopped", peer=self.peer_id))

    async def command(
        self, to: str, name: str, arguments: dict[str, Any], timeout_s: float
    ) -> dict[str, Any]:
        """Send a command and wait for its reply, as ``pqmesh send`` does.

        :param to: a PeerId, or the first digits of one this node knows
        :raises CommandUnreachable: nobody can carry it
        :raises CommandTimeout: no reply in time
        :raises BadRequest: no or several nodes match ``to``, or the arguments do not fit
        """
        destination = self._known().resolve(to)
        self._check_airtime(destination, timeout_s)
        begun = now_ms()
        try:
            done = await self._switchboard.call(destination, name, arguments, timeout_s)
        except Unreachable as error:
            raise CommandUnreachable(
                f"The command was not sent: {error}.",
                "`pqmesh status` shows who is connected; check the cable or the [[peer]] entry.",
            ) from error
        except TimeoutError as error:
            raise CommandTimeout(
                f"No reply within {timeout_s:g} s.",
                "The command may still be carried out; wait longer with --timeout.",
            ) from error
        except (UsageError, OverflowError) as error:
            raise BadRequest(f"The command was not sent: {error}.") from error
        return {
            "ok": done.ok,
            "result": plain(done.result),
            "from": done.answered_by.hex(),
            "via": done.via.hex(),
            "ms": now_ms() - begun,
        }

    def _check_airtime(self, destination: bytes, timeout_s: float) -> None:
        """:raises CommandUnreachable: the radio to it may send nothing in that time"""
        for link in self._links:
            wait_ms = 0 if link.air is None else link.air.wait_ms()
            if link.air is None or wait_ms <= timeout_s * 1000 or not link.carries(destination):
                continue
            raise CommandUnreachable(
                f"The command was not sent: {link.name} has no airtime for another "
                f"{wait_ms / 1000:,.0f} s ({link.air.where}: {link.air.account()}).",
                f"Next possible {clock_in(wait_ms)}; a longer --timeout waits for it.",
            )

    def session(
        self,
        peer: bytes | None = None,
        timeout_ms: int | None = None,
        on_event: Callable[[Record], None] | None = None,
    ) -> Session:
        """A session of a program's own with a board or a QUIC peer: ``async with`` it.

        The verbs and errors are those of a board (pqmesh.conversation, docs/board-guide.md). It is
        a session that this node keeps anyway; leaving the block does not close it. Entering waits
        until ``peer`` is connected: whom the node dials, its configuration says.

        :param peer: a PeerId; None takes whoever is connected
        :param timeout_ms: how long entering may wait
        :param on_event: gets the events of pqmesh.engine.events about it; must not wait
        """
        return self._switchboard.programs.session(peer, timeout_ms, on_event)

    def snapshot(self) -> NodeSnapshot:
        """Return the state of everything, at this moment."""
        return NodeSnapshot(
            peer=self.peer_id.hex(),
            role=self.role,
            quic=host_port(*self.quic_address),
            uptime_s=(now_ms() - self._started_ms) // 1000,
            links=[link_snapshot(link) for link in self._links],
            neighbours=neighbour_snapshots(self._switchboard),
            known=known_snapshots(self._store),
            waiting={target.hex(): count for target, count in self._switchboard.waiting().items()},
            clients=self._control.clients,
            duplicates=self._switchboard.duplicates,
            events=dict(self.bus.counts),
            tickets=len(self._tickets),
            reach=reach_counters(self._traversal, self._relay),
        )

    async def _on_status(self, _request: Mapping[str, Any]) -> dict[str, Any]:
        return self.snapshot().as_json()

    async def _on_send(self, request: Mapping[str, Any]) -> dict[str, Any]:
        send = read_send(request)
        return await self.command(send.to, send.command, send.arguments, send.timeout_s)

    async def _on_peers(self, _request: Mapping[str, Any]) -> list[dict[str, Any]]:
        connected = {one.hop.peer_id for one in self._switchboard.neighbours()}
        return address_snapshots(self._addresses.all(), connected)

    async def _on_forget(self, request: Mapping[str, Any]) -> dict[str, Any]:
        peer_id = self._known().resolve(read_forget(request))
        return {"peer": peer_id.hex(), "addresses": self._addresses.forget(peer_id)}

    def _known(self) -> Known:
        here = {one.hop.peer_id for one in self._switchboard.neighbours()}
        stored = {one.peer_id for one in self._store.peers()}
        stored |= {one.peer_id for one in self._addresses.all()}
        return Known(here | stored | set(self._switchboard.router.origins()))

    def _trust(self) -> Trust | None:
        trusted = self._config.quic.trust
        if trusted is None:
            return None
        named = trusted | self._config.named_peers
        return lambda peer_id: peer_id in named

    def _on_refused(self, refusal: Refusal) -> None:
        where = f"quic {host_port(*refusal.address)}"
        text = f"{refusal.text or 'handshake refused'} (alert {refusal.alert})"
        self.bus.publish(Event(kind="peer-refused", over=where, text=text))


def _root_cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What to raise for a group: an operator's error in it, its only error, or the group."""
    leaves = list(_leaves(group))
    for leaf in leaves:
        if isinstance(leaf, OperatorError):
            return leaf
    return leaves[0] if len(leaves) == 1 else group


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found.extend(_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    return found
