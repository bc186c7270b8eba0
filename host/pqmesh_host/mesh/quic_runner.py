# SPDX-License-Identifier: MIT OR Apache-2.0
"""Keeps the QUIC side alive: dials the configured peers, takes those who dial us, serves each.

A message stays in the peer's mailbox until the peer has accepted it (ACK-v2, ant-quic-wire
section 4.3): queued for its application, not only received by its UDP socket. A peer that does
not speak ACK-v2 gets the message once, and it counts as handed over when it is queued here.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from typing import NoReturn, Protocol

from pqmesh.errors import ProtocolError
from pqmesh.identity import short

from ..config import PeerConfig
from ..driver import now_ms
from ..events import Event, EventBus
from ..quic.errors import EndpointClosed, NotAcknowledged, PeerClosed, QuicError
from ..quic.lifecycle import SHUTDOWN
from ..quic.virtual import VirtualAddress
from .allowance import Allowance
from .backoff import Backoff
from .board_session import serials
from .conversations import Conversations
from .mailbox import Mailbox
from .router import Hop
from .speech import Speech
from .switchboard import Switchboard

IN_FLIGHT = 32
"""Messages per peer that may wait for their acceptance at a time."""

ACCEPT_S = 10.0
"""How long a peer may take to accept a message before it is offered again."""

OFFER_AGAIN_S = 1.0
"""Pause before a message that was not accepted is offered again."""

DIAL_S = 10.0
DRAIN_S = 3.0
"""How long ``shutdown`` waits for connections to close and their last messages to be taken."""


class QuicPeer(Protocol):
    """The part of quic.peer.Peer used here."""

    @property
    def peer_id(self) -> bytes: ...
    @property
    def address(self) -> tuple[str, int]: ...
    @property
    def initiator(self) -> bool: ...
    @property
    def handshake_ms(self) -> float: ...
    @property
    def bytes_sent(self) -> int: ...
    @property
    def bytes_received(self) -> int: ...
    @property
    def takes_ack_requests(self) -> bool: ...

    async def send(self, payload: bytes) -> None: ...
    async def send_acknowledged(
        self, payload: bytes, timeout_s: float = ..., request_id: bytes | None = ...
    ) -> None: ...
    async def recv(self) -> bytes: ...
    async def close(self, code: int = ..., reason: str = ...) -> None: ...
    async def wait_closed(self) -> PeerClosed: ...


class Endpoint(Protocol):
    """The part of quic.endpoint.QuicEndpoint used here."""

    async def connect(
        self, address: tuple[str, int], *, expect: bytes | None = ..., timeout_s: float = ...
    ) -> QuicPeer: ...
    async def accept(self) -> QuicPeer: ...


class Known(Protocol):
    """Of store.addresses.KnownAddress."""

    @property
    def address(self) -> tuple[str, int]: ...


class Addresses(Protocol):
    """The part of store.addresses.AddressStore used here."""

    def of(self, peer_id: bytes) -> Sequence[Known]: ...
    def worked(self, peer_id: bytes, address: tuple[str, int], how: str) -> None: ...
    def failed(self, peer_id: bytes, address: tuple[str, int]) -> None: ...


class PeerSession:
    """A connected QUIC peer; a switchboard.Neighbour."""

    def __init__(self, peer: QuicPeer, programs: Conversations) -> None:
        host, port = peer.address
        self.peer = peer
        self.serial = next(serials)
        self.hop = Hop(peer.peer_id, on_link=False)
        self.over = f"quic [{host}]:{port}" if ":" in host else f"quic {host}:{port}"
        self.opened_ms = now_ms()
        self.mailbox: Mailbox
        self.work = asyncio.Event()
        self.speech = Speech(peer, self)
        self._programs = programs

    def wake(self) -> None:
        self.work.set()

    def say(self, payload: bytes, priority: int, deadline_ms: int | None) -> int:
        return self.speech.put(payload, priority, deadline_ms)

    def delivered(self, number: int, rtt_ms: int) -> None:
        self._programs.delivered(self, number, rtt_ms)

    def expired(self, number: int) -> None:
        self._programs.expired(self, number)


class QuicRunner:
    """Serves every QUIC peer of the node."""

    def __init__(
        self,
        endpoint: Endpoint,
        dial: tuple[PeerConfig, ...],
        switchboard: Switchboard,
        bus: EventBus,
        addresses: Addresses,
    ) -> None:
        self._endpoint = endpoint
        self._dial = dial
        self._switchboard = switchboard
        self._bus = bus
        self._addresses = addresses
        self._tasks: asyncio.TaskGroup
        self._doors: list[asyncio.Task[None]] = []  # those that bring new peers
        self._serving: dict[QuicPeer, PeerSession] = {}
        self._empty = asyncio.Event()
        self._stopping = False

    async def run(self) -> None:
        """Serve until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            self._doors.append(self._tasks.create_task(self._accept()))
            for peer in self._dial:
                self._doors.append(self._tasks.create_task(self._keep_dialling(peer)))
            await asyncio.get_running_loop().create_future()  # until cancelled

    async def shutdown(self) -> None:
        """Close every connection and take what had arrived; ``run`` may be cancelled afterwards.

        What a peer was told we have accepted is thereby stored before we are gone.
        """
        self._stopping = True
        for door in self._doors:
            door.cancel()
        try:
            async with asyncio.timeout(DRAIN_S):
                await asyncio.gather(*(peer.close() for peer in self._serving))
                while self._serving:
                    self._empty.clear()
                    await self._empty.wait()
        except TimeoutError:
            return

    def sessions(self) -> list[PeerSession]:
        return list(self._serving.values())

    async def _accept(self) -> None:
        while True:
            self._begin(await self._endpoint.accept())

    async def _keep_dialling(self, config: PeerConfig) -> None:
        backoff = Backoff()
        for attempt in itertools.count():
            peer = self._connected(config.id) or await self._dialled(config, attempt, backoff)
            if peer is None:
                continue
            self._begin(peer)
            await peer.wait_closed()
            backoff.reset()
            await asyncio.sleep(backoff.next_ms() / 1000)

    async def _dialled(
        self, config: PeerConfig, attempt: int, backoff: Backoff
    ) -> QuicPeer | None:
        """Dial one of the peer's addresses; None after a pause when it did not come about."""
        addresses = self._addresses_of(config)
        if not addresses:
            text = "no address is known; give [[peer]] one, or wait for the peer to call"
            await self._refused(config, "quic", text, backoff)
            return None
        address = addresses[attempt % len(addresses)]
        try:
            return await self._endpoint.connect(address, expect=config.id, timeout_s=DIAL_S)
        except EndpointClosed:
            raise
        except QuicError as error:
            if config.id is not None:
                self._addresses.failed(config.id, address)
            await self._refused(config, f"quic {address[0]}:{address[1]}", str(error), backoff)
            return None

    def _addresses_of(self, config: PeerConfig) -> list[tuple[str, int]]:
        """The configured address first, then those at which this PeerId was reached before."""
        found = [] if config.address is None else [config.address]
        if config.id is not None:
            found += [known.address for known in self._addresses.of(config.id)]
        return list(dict.fromkeys(found))

    async def _refused(self, config: PeerConfig, name: str, text: str, backoff: Backoff) -> None:
        pause_ms = backoff.next_ms()
        self._publish("peer-refused", config.id, name, text, pause_ms)
        await asyncio.sleep(pause_ms / 1000)

    def _connected(self, peer_id: bytes | None) -> QuicPeer | None:
        """The connection this peer may have opened to us already."""
        for peer in self._serving:
            if peer.peer_id == peer_id:
                return peer
        return None

    def _begin(self, peer: QuicPeer) -> None:
        if peer not in self._serving and not self._stopping:
            session = PeerSession(peer, self._switchboard.programs)
            self._serving[peer] = session
            if not isinstance(peer.address, VirtualAddress):  # a relay's far end is nobody's
                how = "dialled" if peer.initiator else "accepted"
                self._addresses.worked(peer.peer_id, peer.address, how)
            self._tasks.create_task(self._serve(session))

    async def _serve(self, session: PeerSession) -> None:
        peer = session.peer
        session.mailbox = self._switchboard.attach(session)
        self._bus.publish(
            Event(
                kind="peer-open",
                peer=peer.peer_id,
                over=session.over,
                wire_bytes=peer.bytes_sent + peer.bytes_received,
                ms=round(peer.handshake_ms),
                details={"initiator": peer.initiator},
            )
        )
        session.wake()
        self._switchboard.programs.opened(session)
        kind, reason = "peer-lost", ""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._receive(session))
                tasks.create_task(self._send(session))
                tasks.create_task(session.speech.run())
        except* PeerClosed as group:
            closed = _first(group)
            kind, reason = _kind_of(closed), str(closed)
            if isinstance(closed, PeerClosed):
                programs = self._switchboard.programs
                programs.closed(session, closed.code, by_peer=closed.by_peer)
        finally:
            del self._serving[peer]
            self._empty.set()
            self._switchboard.detach(session)
            self._switchboard.programs.lost(session, reason or "this node stops")
            if session.mailbox.session_ended(session.serial):
                self._switchboard.wake(session.hop.peer_id)  # a newer connection takes over
        self._publish(kind, peer.peer_id, session.over, reason)

    async def _receive(self, session: PeerSession) -> NoReturn:
        allowance = Allowance(now_ms())
        while True:
            payload = await session.peer.recv()
            pause_ms = 0 if self._stopping else allowance.take(now_ms())
            await asyncio.sleep(pause_ms / 1000)  # yields even when it is 0
            try:
                self._switchboard.take(payload, session, len(payload))
            except ProtocolError as error:
                text = f"no mesh message: {error}"
                self._publish("dropped", session.hop.peer_id, session.over, text)

    async def _send(self, session: PeerSession) -> NoReturn:
        room = asyncio.Semaphore(IN_FLIGHT)
        async with asyncio.TaskGroup() as tasks:
            number = 0
            while True:
                session.work.clear()
                while (waiting := session.mailbox.waiting()) is not None:
                    await room.acquire()
                    number += 1
                    session.mailbox.sent(waiting[0], session.serial, number)
                    tasks.create_task(self._hand_over(session, number, waiting[1], room))
                await session.work.wait()

    async def _hand_over(
        self, session: PeerSession, number: int, payload: bytes, room: asyncio.Semaphore
    ) -> None:
        try:
            while not await self._offer(session, payload):
                pass
        finally:
            room.release()
        handed = session.mailbox.delivered(session.serial, number, now_ms())
        if handed is not None:
            self._switchboard.handed_over(session, handed, len(payload))

    async def _offer(self, session: PeerSession, payload: bytes) -> bool:
        """Send once; False when the peer did not accept it in time and should get it again."""
        peer = session.peer
        if not peer.takes_ack_requests:
            await peer.send(payload)
            return True
        try:
            await peer.send_acknowledged(payload, timeout_s=ACCEPT_S)
        except (TimeoutError, NotAcknowledged) as error:
            text = f"{short(peer.peer_id)} did not accept a message, offering it again: {error}"
            self._publish("dropped", peer.peer_id, session.over, text)
            await asyncio.sleep(OFFER_AGAIN_S)
            return False
        return True

    def _publish(
        self, kind: str, peer: bytes | None, over: str, text: str, retry_in_ms: int | None = None
    ) -> None:
        details = {} if retry_in_ms is None else {"retry_in_ms": retry_in_ms}
        self._bus.publish(Event(kind=kind, peer=peer, over=over, text=text, details=details))


def _kind_of(closed: BaseException) -> str:
    orderly = isinstance(closed, PeerClosed) and closed.code == SHUTDOWN
    return "peer-closed" if orderly else "peer-lost"


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first single exception in a tree of groups."""
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
