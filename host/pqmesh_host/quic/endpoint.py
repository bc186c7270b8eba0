# SPDX-License-Identifier: MIT OR Apache-2.0
"""One UDP socket that dials and accepts: the public face of this package.

It admits, refuses and supersedes peers; ``driver`` moves the datagrams, ``acceptor``
judges strangers, ``registry`` knows who lives under which PeerId.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from ..primitives.port import Primitives
from ..primitives.pyca import PYCA
from . import lifecycle, messages, transport_parameters
from .acceptor import Accept, Acceptor
from .addresses import readable
from .admission import Admission
from .configuration import PqConfiguration
from .connection import PqConnection
from .dialer import Dialer
from .driver import Driver
from .errors import EndpointClosed, EndpointFull, describe
from .fastpath import connection_class
from .frames import ObservedAddress
from .lifecycle import Phase
from .limits import QuicLimits
from .peer import Peer
from .rawkey import LocalKey, RawPublicKey
from .registry import Registry
from .reports import EndpointStats, Refusal
from .services import Services
from .udp import Address, UdpSocket, bind
from .virtual import VirtualAddress

if TYPE_CHECKING:
    from pqmesh.identity import Identity

log = logging.getLogger(__name__)

SERVER_NAME = "peer"
"""The SNI ant-quic sends to direct peers; nobody checks it (ant-quic-wire §1.7)."""

MAX_REFUSALS = 32
HOUSEKEEPING_S = 0.5


class QuicEndpoint:
    """See the module's docstring. Use ``QuicEndpoint.open``."""

    def __init__(
        self,
        sock: socket.socket,
        identity: Identity,
        trust: Callable[[bytes], bool] | None,
        limits: QuicLimits,
        on_refused: Callable[[Refusal], None] | None,
        nat_frames: bool,
        primitives: Primitives = PYCA,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._udp = UdpSocket(sock)
        self._key = LocalKey(identity, primitives)
        self._peer_id = identity.peer_id
        self._trust = trust
        self._limits = limits
        self._on_refused = on_refused
        self._registry = Registry()
        self._acceptor = Acceptor(limits)
        self._connection_class = connection_class(limits.fast_path)
        self._ledger = messages.AckLedger()
        self.services = Services()
        self._parameters = {
            transport_parameters.ACK_RECEIVE_V2: b"",
            transport_parameters.ADDRESS_DISCOVERY: transport_parameters.varint(2),
        }
        if nat_frames:
            self._parameters |= transport_parameters.NAT_PAIR
        self._driver = Driver(self._udp, self._registry, self)
        self._dialer = Dialer(self._udp, self._registry, self)
        self._counts: Counter[str] = Counter()
        self._handshakes: set[Peer] = set()
        self._admission = Admission(self._registry, self._driver, limits, self._counts)
        self._closed = False
        self._housekeeping = self._loop.call_later(HOUSEKEEPING_S, self._housekeep)
        self.refusals: deque[Refusal] = deque(maxlen=MAX_REFUSALS)

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls,
        identity: Identity,
        host: str = "::",
        port: int = 0,
        trust: Callable[[bytes], bool] | None = None,
        limits: QuicLimits | None = None,
        on_refused: Callable[[Refusal], None] | None = None,
        nat_frames: bool = False,
        sock: socket.socket | None = None,
        primitives: Primitives = PYCA,
    ) -> AsyncIterator[QuicEndpoint]:
        """Bind and serve until the block is left; then close every peer with code 0.

        :param host: a local IP address; ``::`` listens on every IPv6 and IPv4 address
        :param port: 0 picks a free one, see ``local_address``
        :param trust: asked with the PeerId of every peer that is not pinned by ``connect``;
            False refuses it (alert unknown_ca). None admits every identity
        :param on_refused: told about each handshake from outside that fails; must not block
        :param nat_frames: announce that we take ADD_ADDRESS, PUNCH_ME_NOW and REMOVE_ADDRESS;
            they are kept in ``Peer.addresses`` and never acted on; ``Traversal`` sends them
        :param sock: a UDP socket from ``udp.bind`` to use, and to close, instead of a new one
        :param primitives: who computes ML-KEM and ML-DSA (``primitives.choice``)
        :raises AddressUnavailable: the address is not ours, in use, or not allowed
        """
        chosen = limits or QuicLimits()
        ready = sock or bind(host, port, chosen.socket_buffer_bytes)
        endpoint = cls(ready, identity, trust, chosen, on_refused, nat_frames, primitives)
        endpoint._driver.start()
        try:
            yield endpoint
        finally:
            await endpoint.close()

    @property
    def local_address(self) -> tuple[str, int]:
        """The bound IP address and port."""
        host, port = self._udp.name[:2]
        return host, port

    @property
    def peer_id(self) -> bytes:
        """Our own PeerId."""
        return self._peer_id

    @property
    def peers(self) -> list[Peer]:
        """The live peers, one per PeerId."""
        return self._registry.live

    def peer(self, peer_id: bytes) -> Peer | None:
        """The live peer with this PeerId."""
        return self._registry.live_peer(peer_id)

    def stats(self) -> EndpointStats:
        """Read the counters."""
        counts = self._counts + self._acceptor.counts
        for peer in self._registry.peers:
            counts.update(peer.counts)
        counts["dropped_out"] = self._udp.dropped_out
        return EndpointStats(
            peers=len(self._registry.live),
            connections=len(self._registry),
            handshakes=len(self._handshakes) + len(self._dialer),
            datagrams_in=self._udp.datagrams_in,
            datagrams_out=self._udp.datagrams_out,
            reads=self._udp.calls_in,
            writes=self._udp.calls_out,
            counts=dict(counts),
        )

    async def connect(
        self, address: tuple[str, int], *, expect: bytes | None = None, timeout_s: float = 10.0
    ) -> Peer:
        """Dial, and return the peer once it has confirmed that it admits us.

        Returns the surviving connection when both sides dial at once, which ``accept`` may
        have delivered too: it is the same object then. Cancelling abandons the handshake.

        :param expect: the PeerId it must prove; None takes whom ``trust`` admits
        :raises HandshakeFailed: refused; ``alert`` and ``text`` say why
        :raises WrongPeer: another identity answered
        :raises ConnectTimeout: nobody answered in ``timeout_s``, names resolution included
        :raises UnknownHost: the name has no address this socket can reach
        :raises EndpointFull: ``limits.max_connections`` is reached
        :raises EndpointClosed: closed before or while dialling
        """
        self._check_open()
        return await self._dialer.connect(address, expect, timeout_s)

    async def accept(self) -> Peer:
        """Return the next admitted peer that no ``connect`` returned. Cancelling loses none.

        :raises EndpointClosed: closed before or while waiting
        """
        while True:
            self._check_open()
            peer = self._admission.next()
            if peer is not None:
                return peer
            await self._admission.arrived()

    async def close(self) -> None:
        """Close every peer with code 0, delivering what was sent, and release the socket.

        Takes at most ``limits.close_flush_s``. Idempotent; cancelling closes at once.
        """
        if self._closed:
            return
        self._closed = True
        self._admission.wake()
        self._housekeeping.cancel()
        self._dialer.close()
        try:
            await asyncio.gather(*(peer.close() for peer in self._registry.peers))
        finally:
            for peer in self._registry.peers:
                peer.abort(lifecycle.SHUTDOWN, "")
                peer.end(lifecycle.SHUTDOWN, lifecycle.NAMES[lifecycle.SHUTDOWN], by_peer=False)
            self._driver.close()

    def vanish(self) -> None:
        """Release the socket without a word to anyone, as a power cut would. For tests."""
        self._closed = True
        self._admission.wake()
        self._housekeeping.cancel()
        self._dialer.close()
        for peer in self._registry.peers:
            peer.end(lifecycle.SHUTDOWN, "vanished", by_peer=False)
        self._driver.close()

    # The driver's owner.

    def on_stranger(self, data: bytes, address: Address, now: float) -> Peer | None:
        """Start a handshake, answer statelessly, or drop."""
        verdict = self._acceptor.judge(
            data,
            address,
            now,
            handshakes=len(self._handshakes),
            connections=len(self._registry),
        )
        if isinstance(verdict, bytes):
            self._driver.send([(verdict, address)])
            return None
        if verdict is None or self._closed:
            return None
        return self._begin_accepting(verdict, address, now)

    def _begin_accepting(self, verdict: Accept, address: Address, now: float) -> Peer:
        connection = self._connection_class(
            configuration=self._configuration(is_client=False),
            verify_peer=self._admits,
            original_destination_connection_id=verdict.original_cid,
            retry_source_connection_id=verdict.retry_cid,
        )
        peer = self._new_peer(connection, address, initiator=False, now=now)
        self._registry.add(peer, verdict.destination_cid, connection.host_cid)
        self._handshakes.add(peer)
        return peer

    def _housekeep(self) -> None:
        self._housekeeping = self._loop.call_later(HOUSEKEEPING_S, self._housekeep)
        now = self._loop.time()
        for peer in list(self._handshakes):
            if now - peer.started > self._limits.handshake_timeout_s:
                self._counts["handshake_timeout"] += 1
                peer.abort(lifecycle.SHUTDOWN, "handshake timeout")
        self._admission.expire(now)
        if self._limits.keep_alive_s:
            for peer in self._registry.live:
                if now - max(peer.last_received, peer.last_ping) > self._limits.keep_alive_s:
                    peer.last_ping = now
                    peer.connection.send_ping(0)
                    self._driver.transmit(peer)

    def inject(self, data: bytes, address: VirtualAddress) -> None:
        """Take a datagram that came another way than over the socket."""
        if not self._closed:
            self._driver.inject(data, address)

    def start_dial(self, address: Address, expect: bytes | None, relayed: bool = False) -> Peer:
        """Send the first flight of a dial; a pinned PeerId is trust enough.

        :param relayed: the address is a relay's, so a direct connection is to be preferred
        :raises EndpointFull: ``limits.max_connections`` is reached
        """
        if len(self._registry) >= self._limits.max_connections:
            raise EndpointFull(f"all {self._limits.max_connections} connections are in use")
        now = self._loop.time()
        connection = self._connection_class(
            configuration=self._configuration(is_client=True),
            verify_peer=self._admits if expect is None else lambda key: key.peer_id == expect,
        )
        peer = self._new_peer(connection, address, initiator=True, now=now)
        peer.relayed |= relayed
        self._registry.add(peer, connection.host_cid)
        connection.connect(address, now)
        self._driver.transmit(peer)
        return peer

    def on_confirmed(self, peer: Peer, now: float) -> None:
        """Enter the peer, let one of two connections live, and hand it to who waits."""
        peer.confirmed_at = now
        peer.phase = Phase.OPEN
        self._handshakes.discard(peer)
        self._counts["dialled" if peer.initiator else "accepted"] += 1
        observed = ObservedAddress(0, peer.address)
        if peer.connection.takes_frame(observed):
            peer.send_frame(observed)  # it cannot know by itself (ant-quic-wire §2.6)
        survivor = self._admission.enter(peer, now)
        taken = self._dialer.admitted(peer, survivor)
        if self.services.admitted is not None:
            taken |= self.services.admitted(survivor)
        if survivor is peer and not taken:
            self._admission.offer(peer)

    def on_ended(self, peer: Peer) -> None:
        """Report a handshake that failed; a confirmed peer's users learn it from the peer."""
        self._registry.end(peer)
        self._admission.forget(peer)
        outcome = peer.failure
        if outcome is None or self._dialer.failed(peer, outcome):
            return
        if peer in self._handshakes:
            self._handshakes.discard(peer)
            if not self._closed:  # or it is our own doing, and no news
                what = f"{describe(outcome.code)}: {outcome.text}"
                log.warning("a handshake from %s port %d failed: %s", *peer.address, what)
                self._refused(Refusal(peer.address, outcome.alert, outcome.text, outcome.by_peer))

    def on_forgotten(self, peer: Peer) -> None:
        """Drop what is kept about a connection that is gone."""
        self._handshakes.discard(peer)
        self._admission.forget(peer)

    def _refused(self, refusal: Refusal) -> None:
        self._counts["handshake_refused"] += 1
        self.refusals.append(refusal)
        if self._on_refused is not None:
            self._on_refused(refusal)

    def _new_peer(
        self, connection: PqConnection, address: Address, *, initiator: bool, now: float
    ) -> Peer:
        return Peer(
            self._driver,
            connection,
            readable(address),
            initiator=initiator,
            started=now,
            ledger=self._ledger,
            limits=self._limits,
            services=self.services,
            relayed=isinstance(address, VirtualAddress),
        )

    def _configuration(self, *, is_client: bool) -> PqConfiguration:
        return PqConfiguration(
            is_client=is_client,
            key=self._key,
            limits=self._limits,
            server_name=SERVER_NAME if is_client else None,
            parameters=self._parameters,
        )

    def _admits(self, key: RawPublicKey) -> bool:
        return self._trust is None or self._trust(key.peer_id)

    def _check_open(self) -> None:
        if self._closed:
            raise EndpointClosed("the endpoint is closed")
