# SPDX-License-Identifier: MIT OR Apache-2.0
"""How to come to a peer that is known by its PeerId: directly, punched, or through a relay.

    known addresses --nothing--> coordinated punch --nothing--> relay --nothing--> Unreachable
         |                            |                           |
       DIRECT                      PUNCHED <-----upgraded----- RELAYED

A coordinator is any live peer that is connected to the target too; both ends then dial all
admitted addresses of the other at once. A relay is any live peer that serves us; we bind there and
the target dials the address it gives us. Whatever came about, the two authenticate each other with
a whole handshake of their own; who helped sees ciphertext.

Dials that got no answer are abandoned when another succeeded; those that did are left to the
endpoint's rule for crossed connections, which both ends apply alike.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from functools import partial
from weakref import WeakKeyDictionary

from .. import lifecycle
from ..addresses import numeric, resolve
from ..endpoint import QuicEndpoint
from ..errors import EndpointFull, NoStream, PeerClosed, RelayRefused, UnknownHost, Unreachable
from ..frames import Address
from ..lifecycle import Phase
from ..peer import Peer
from ..relay.tunnel import Tunnel
from ..virtual import VirtualAddress
from .announcer import Announcer
from .aqcc import MAX_ADDRESSES
from .coordinator import PAIR_INTERVAL_MS
from .interfaces import Interfaces
from .outcome import How, Outcome, TraversalLimits
from .participant import Denied, Punch
from .rendezvous import Rendezvous

MAX_OUTCOMES = 256


class _Attempt:
    """What one ``connect`` has done so far, and a future of the peer's arrival by whichever
    side's doing; ``direct_only``: an arrival through a relay does not count."""

    def __init__(self, peer_id: bytes, direct_only: bool) -> None:
        self.peer_id = peer_id
        self.direct_only = direct_only
        self.arrival: asyncio.Future[Peer] = asyncio.get_running_loop().create_future()
        self.rounds = 0
        self.tried: list[str] = []
        self.how = How.DIRECT


class Traversal:
    """Use ``Traversal.open``. Every coroutine may be cancelled at any point."""

    def __init__(
        self,
        endpoint: QuicEndpoint,
        limits: TraversalLimits,
        interfaces: Interfaces,
    ) -> None:
        self._endpoint = endpoint
        self._limits = limits
        self._interfaces = interfaces
        interfaces.refresh()
        self._loop = asyncio.get_running_loop()
        self._rendezvous = Rendezvous(
            endpoint,
            self._on_invited,
            self._own_addresses,
            own_networks=interfaces.networks,
            serve=limits.coordinate,
        )
        self._attempts: dict[bytes, set[_Attempt]] = {}
        self._invited: dict[bytes, list[Peer]] = {}
        self._family = _family(endpoint.local_address[0])
        self._how: WeakKeyDictionary[Peer, How] = WeakKeyDictionary()
        self._tunnels: dict[Peer, Tunnel] = {}
        self._relaying = 0
        self._counts: Counter[str] = Counter()
        self.outcomes: deque[Outcome] = deque(maxlen=MAX_OUTCOMES)
        endpoint.services.admitted = self._on_admitted

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls,
        endpoint: QuicEndpoint,
        limits: TraversalLimits | None = None,
        interfaces: Interfaces | None = None,
    ) -> AsyncIterator[Traversal]:
        """Traverse, coordinate and be found on this endpoint until the block is left.

        :param interfaces: where this machine is reachable, and in which networks it is; what the
            system says if None
        """
        made = cls(endpoint, limits or TraversalLimits(), interfaces or Interfaces())
        tasks = [
            asyncio.create_task(made._upgrade_for_ever()),
            asyncio.create_task(made._announce_for_ever()),
        ]
        try:
            yield made
        finally:
            for task in tasks:
                task.cancel()
            await made._close()
            for task in tasks:
                with contextlib.suppress(asyncio.CancelledError):
                    await task  # a defect of ours comes out here

    async def connect(
        self, peer_id: bytes, addresses: Iterable[tuple[str, int]] = (), timeout_s: float = 20.0
    ) -> tuple[Peer, How]:
        """Return the live peer with this PeerId, connecting to it if need be, and how.

        Cancelling abandons the dials that nobody answered; it closes no connection. Peers that
        others' requests brought here, and upgraded ones, come from the endpoint's ``accept``.

        :param addresses: where it may be reached; names are looked up
        :raises Unreachable: nothing worked within ``timeout_s``; ``tried`` says what was tried
        """
        live = self._endpoint.peer(peer_id)
        if live is not None and live.is_open:
            return live, self.how(live)
        began = self._loop.time()
        with self._attempting(peer_id) as attempt:
            found: How | None = None
            try:
                async with asyncio.timeout(timeout_s):
                    await self._attempt(attempt, addresses)
                peer = self._endpoint.peer(peer_id) or attempt.arrival.result()
                found = self.how(peer)
            except TimeoutError:
                attempt.tried.append(f"gave up after {timeout_s:g} s")
                raise Unreachable(peer_id, tuple(attempt.tried)) from None
            finally:
                elapsed_ms = (self._loop.time() - began) * 1000
                tried = tuple(attempt.tried)
                self._counts[found.value if found else "failed"] += 1
                self.outcomes.append(Outcome(peer_id, found, elapsed_ms, attempt.rounds, tried))
        return peer, found

    def how(self, peer: Peer) -> How:
        """How the connection to a peer came about; one that came in from outside is direct."""
        if peer.relayed:
            return How.RELAYED
        return self._how.get(peer, How.DIRECT)

    def stats(self) -> dict[str, int]:
        """Connections by how, upgrades, and the coordination's own counters."""
        return {**self._counts, **self._rendezvous.stats(), "tunnels": len(self._tunnels)}

    async def _attempt(self, attempt: _Attempt, addresses: Iterable[tuple[str, int]]) -> None:
        """Go through the ways until the peer has arrived; raises Unreachable."""
        known = await self._resolved(attempt, addresses)
        if known:
            await self._dial(attempt, known, self._limits.direct_s)
        if attempt.arrival.done():
            return
        coordinator = await self._punch(attempt)
        if coordinator is not None and not attempt.arrival.done():
            self._relaying += 1
            try:
                await self._relay(attempt, coordinator)
            finally:
                self._relaying -= 1
        if not attempt.arrival.done():
            raise Unreachable(attempt.peer_id, tuple(attempt.tried))

    async def _resolved(
        self, attempt: _Attempt, addresses: Iterable[tuple[str, int]]
    ) -> list[Address]:
        found: list[Address] = []
        for address in addresses:
            try:
                found += await resolve(address, self._family)
            except UnknownHost as error:
                attempt.tried.append(str(error))
        return found[:MAX_ADDRESSES]

    async def _punch(self, attempt: _Attempt) -> Peer | None:
        """Round 1. Return the coordinator that brought the two together, if any did."""
        for coordinator in self._helpers(attempt.peer_id):
            attempt.how = How.PUNCHED
            punch = await self._ask(attempt, coordinator, self._own_addresses(), relayed=False)
            if punch is not None:
                await self._dial(attempt, self._numeric(punch.addresses), self._limits.punch_s)
            if punch is not None or attempt.arrival.done():
                return coordinator
        return None

    async def _relay(self, attempt: _Attempt, coordinator: Peer) -> None:
        """Round 2: bind at a relay and have the target dial there."""
        others = [peer for peer in self._helpers(attempt.peer_id) if peer is not coordinator]
        for relay in [coordinator, *others][: self._limits.helpers]:
            try:
                tunnel = await self._tunnel(relay)
            except (RelayRefused, NoStream, PeerClosed, TimeoutError) as error:
                attempt.tried.append(f"relay {_name(relay)}: {error or 'no answer'}")
                continue
            punch = await self._ask(attempt, coordinator, [tunnel.address], relayed=True)
            if punch is not None:
                await asyncio.wait([attempt.arrival], timeout=self._limits.relay_s)
                attempt.tried.append(f"through relay {_name(relay)}")
            if attempt.arrival.done():
                return

    async def _ask(
        self, attempt: _Attempt, helper: Peer, addresses: Sequence[Address], *, relayed: bool
    ) -> Punch | None:
        ask = partial(
            self._rendezvous.ask,
            *(helper, attempt.peer_id, addresses, self._limits.answer_s),
            relayed=relayed,
        )
        answer = await ask()
        if isinstance(answer, Denied) and answer.reason == "RateLimited":
            # One request per pair in two seconds (ant-quic-wire §4.6): it is our own that counts.
            await asyncio.wait([attempt.arrival], timeout=PAIR_INTERVAL_MS / 1000)
            answer = answer if attempt.arrival.done() else await ask()
        if isinstance(answer, Punch):
            attempt.rounds += 1
            return answer
        why = answer.reason if isinstance(answer, Denied) else "no answer"
        attempt.tried.append(f"coordinator {_name(helper)}: {why}")
        return None

    async def _dial(self, attempt: _Attempt, addresses: Sequence[Address], for_s: float) -> None:
        """Dial all at once and wait for the peer, whichever side's dial brings it."""
        dials = self._start_dials(attempt.peer_id, addresses)
        try:
            await asyncio.wait([attempt.arrival], timeout=for_s)
        finally:
            _abandon(dials)
        if not attempt.arrival.done():
            named = ", ".join(f"{address[0]} port {address[1]}" for address in addresses)
            attempt.tried.append(f"no connection to {named} within {for_s:g} s")

    def _start_dials(
        self, peer_id: bytes, addresses: Sequence[Address], *, relayed: bool = False
    ) -> list[Peer]:
        dials = []
        for address in addresses:
            try:
                dials.append(self._endpoint.start_dial(address, peer_id, relayed))
            except EndpointFull:
                self._counts["endpoint_full"] += 1
                break
        self._counts["dials"] += len(dials)
        return dials

    def _on_invited(self, punch: Punch) -> None:
        """Somebody asked for us through a coordinator: dial as agreed, now."""
        self._counts["invited"] += 1
        addresses = self._numeric(punch.addresses)
        dials = self._start_dials(punch.peer_id, addresses, relayed=punch.relayed)
        self._invited.setdefault(punch.peer_id, []).extend(dials)
        patience = self._limits.relay_s if punch.relayed else self._limits.punch_s
        self._loop.call_later(patience, self._uninvite, punch.peer_id, dials)

    def _uninvite(self, peer_id: bytes, dials: list[Peer]) -> None:
        _abandon(dials)
        left = [dial for dial in self._invited.pop(peer_id, []) if dial not in dials]
        if left:
            self._invited[peer_id] = left

    def _on_admitted(self, peer: Peer) -> bool:
        taken = False
        for attempt in list(self._attempts.get(peer.peer_id, ())):
            self._how.setdefault(peer, attempt.how)
            if not attempt.arrival.done() and not (attempt.direct_only and peer.relayed):
                attempt.arrival.set_result(peer)
                # An upgrade is news to who holds the relayed peer: ``accept`` delivers it.
                taken |= not attempt.direct_only
        invited = self._invited.get(peer.peer_id)
        if invited is not None:
            self._how.setdefault(peer, How.PUNCHED)
            _abandon(invited)
        for other, how in list(self._how.items()):
            if other.successor is peer and not other.relayed:  # crossed dials of one meeting
                self._how.setdefault(peer, how)
        return taken

    @contextlib.contextmanager
    def _attempting(self, peer_id: bytes, *, direct_only: bool = False) -> Iterator[_Attempt]:
        attempt = _Attempt(peer_id, direct_only)
        under_way = self._attempts.setdefault(peer_id, set())
        under_way.add(attempt)
        try:
            yield attempt
        finally:
            under_way.discard(attempt)
            if not under_way:
                self._attempts.pop(peer_id, None)

    def _helpers(self, target: bytes) -> list[Peer]:
        """Live peers to ask, those connected longest first."""
        helpers = [
            peer
            for peer in self._endpoint.peers
            if not peer.relayed and peer.is_open and peer.peer_id != target
        ]
        helpers.sort(key=lambda peer: peer.started)
        return helpers[: self._limits.helpers]

    def _own_addresses(self) -> list[Address]:
        """Where others see us, then where this machine is reachable by itself."""
        seen = [peer.addresses.observed for peer in self._endpoint.peers if not peer.relayed]
        found = [address for address in seen if address is not None]
        return list(dict.fromkeys((*found, *self._bound_at())))[:MAX_ADDRESSES]

    def _bound_at(self) -> list[Address]:
        """Where we are bound if that is one address, else the addresses of the interfaces."""
        host, port = self._endpoint.local_address
        bound = ipaddress.ip_address(host.partition("%")[0])
        if not bound.is_unspecified:
            return [(host, port)]
        return self._interfaces.addresses(4 if bound.version == 4 else None, port)

    async def _announce_for_ever(self) -> None:
        announcer = Announcer(lambda: self._endpoint.peers, self._bound_at)
        while True:
            announcer.refresh()
            await asyncio.sleep(self._limits.announce_s)

    def _numeric(self, addresses: Iterable[Address]) -> list[Address]:
        found = [numeric(address, self._family) for address in addresses]
        return [address for address in found if address is not None]

    async def _tunnel(self, relay: Peer) -> Tunnel:
        """The tunnel bound at this relay; a relay gives each client one."""
        tunnel = self._tunnels.get(relay)
        if tunnel is None or tunnel.ended:
            tunnel = await Tunnel.bind(relay, self._endpoint, self._limits.answer_s)
            tunnel.on_end = partial(self._on_tunnel_end, tunnel)
            self._tunnels[relay] = tunnel
        return tunnel

    def _on_tunnel_end(self, tunnel: Tunnel) -> None:
        """Nothing can arrive any more: better to know now than after the idle timeout."""
        for peer in self._endpoint.peers:
            if peer.connection.get_peer_address() in tunnel:
                peer.abort(lifecycle.LIVENESS_TIMEOUT, "the relay is gone")

    async def _upgrade_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._limits.upgrade_s)
            for peer in self._endpoint.peers:
                if isinstance(peer.connection.get_peer_address(), VirtualAddress):
                    await self._upgrade(peer)
            if not self._relaying:  # else somebody may be about to come through one
                self._close_idle_tunnels()

    async def _upgrade(self, relayed: Peer) -> None:
        """Punch where a relay is in use; the endpoint then prefers the direct connection."""
        self._counts["upgrade_attempts"] += 1
        with self._attempting(relayed.peer_id, direct_only=True) as attempt:
            await self._punch(attempt)
            self._counts["upgraded"] += attempt.arrival.done()

    def _close_idle_tunnels(self) -> None:
        paths = [peer.connection.get_peer_address() for peer in self._endpoint.peers]
        for relay, tunnel in list(self._tunnels.items()):
            if tunnel.ended or not any(path in tunnel for path in paths):
                del self._tunnels[relay]
                tunnel.close()

    async def _close(self) -> None:
        self._endpoint.services.admitted = None
        for tunnel in self._tunnels.values():
            tunnel.close()
        await self._rendezvous.close()


def _abandon(dials: list[Peer]) -> None:
    """End the dials nobody has answered; the others end, or are joined, by themselves."""
    for dial in dials:
        if dial.phase is Phase.HANDSHAKE and not dial.bytes_received:
            dial.abandon()


def _name(peer: Peer) -> str:
    return peer.peer_id[:8].hex()


def _family(host: str) -> socket.AddressFamily:
    version = ipaddress.ip_address(host.partition("%")[0]).version
    return socket.AF_INET if version == 4 else socket.AF_INET6
