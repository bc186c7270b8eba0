# SPDX-License-Identifier: MIT OR Apache-2.0
"""The relay's side: a UDP port of ours for a peer that cannot be reached at its own.

    client ==stream: length-prefixed datagrams== relay --UDP--> anybody the policy allows

ant-quic's is an open UDP proxy for whoever has a key. This one asks a policy who may use it and
how much (``budget``), refuses targets only it can reach, and gives each client one session. What
passes is a whole QUIC connection of the client's with somebody else: the relay sees ciphertext.

Full: 503. Not allowed: 403. A session already: 409. A form but bind-any: 501. No socket: 500.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Callable

from ..addresses import numeric, readable
from ..bytestream import ByteStream
from ..endpoint import QuicEndpoint
from ..errors import AddressUnavailable
from ..nat.candidates import AddressRefused
from ..peer import Peer
from ..udp import Address, UdpSocket
from .budget import Allowance, Budget, check_target
from .wire import (
    ALREADY_BOUND,
    AT_CAPACITY,
    BIND_ANY,
    FORBIDDEN,
    MAX_DATA_BYTES,
    MAX_REQUEST_BYTES,
    NOT_IMPLEMENTED,
    OK,
    FrameReader,
    InvalidRelayMessage,
    RelayedDatagram,
    RelayRequest,
    RelayResponse,
)

log = logging.getLogger(__name__)

INTERNAL_ERROR = 500
REQUEST_S = 10.0
"""How long a stream may take to say what it wants (ant-quic-wire §4.4)."""


class RelayService:
    """Installs itself on an endpoint until ``close``.

    :param policy: the allowance of a PeerId, or None to refuse it
    :param open_socket: opens and binds the UDP socket of one session, non-blocking
    :param public_host: the host to tell clients; None takes the socket's own address
    :param max_sessions: at the limit further clients are answered 503
    """

    def __init__(
        self,
        endpoint: QuicEndpoint,
        policy: Callable[[bytes], Allowance | None],
        open_socket: Callable[[], socket.socket],
        *,
        public_host: str | None = None,
        max_sessions: int = 64,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.sessions: dict[bytes, Session] = {}
        self.public_host = public_host
        self._endpoint = endpoint
        self._policy = policy
        self._open_socket = open_socket
        self._max_sessions = max_sessions
        endpoint.services.relay = self._on_stream

    def close(self) -> None:
        """End every session and refuse new ones. Idempotent."""
        self._endpoint.services.relay = None
        for session in list(self.sessions.values()):
            session.close("shutdown")

    def _on_stream(self, peer: Peer, stream: ByteStream) -> None:
        _Asking(stream, lambda request: self._answer(peer, stream, request))

    def _answer(self, peer: Peer, stream: ByteStream, request: RelayRequest) -> None:
        allowance = self._policy(peer.peer_id)
        refusal = self._refusal(peer, request, allowance)
        if refusal is None and allowance is not None:
            refusal = self._begin(peer, stream, allowance)
        if refusal is not None:
            status, reason = refusal
            self.counts[f"refused_{status}"] += 1
            stream.send(RelayResponse(status, reason=reason).encode())
            stream.finish()

    def _refusal(
        self, peer: Peer, request: RelayRequest, allowance: Allowance | None
    ) -> tuple[int, str] | None:
        if allowance is None:
            return FORBIDDEN, "this relay does not serve you"
        if request != BIND_ANY:
            return NOT_IMPLEMENTED, "only bind-any is served"
        if peer.peer_id in self.sessions:
            return ALREADY_BOUND, "you have a session here already"
        if len(self.sessions) >= self._max_sessions:
            return AT_CAPACITY, "all sessions of this relay are in use"
        return None

    def _begin(
        self, peer: Peer, stream: ByteStream, allowance: Allowance
    ) -> tuple[int, str] | None:
        try:
            sock = self._open_socket()
        except (OSError, AddressUnavailable) as error:
            log.warning("no socket for a relay session: %s", error)
            return INTERNAL_ERROR, "the relay has no socket to give"
        session = Session(self, peer.peer_id, stream, sock, allowance)
        self.sessions[peer.peer_id] = session
        self.counts["sessions"] += 1
        address = self.public_host or session.name[0], session.name[1]
        stream.send(RelayResponse(OK, address).encode())
        return None


class _Asking:
    """A stream whose request has not come yet."""

    def __init__(self, stream: ByteStream, answer: Callable[[RelayRequest], None]) -> None:
        self._stream = stream
        self._answer = answer
        self._reader = FrameReader(MAX_REQUEST_BYTES)
        self._patience = asyncio.get_running_loop().call_later(REQUEST_S, stream.finish)
        stream.on_data = self._on_data
        stream.on_end = self._patience.cancel

    def _on_data(self, data: bytes) -> None:
        try:
            body = next(self._reader.feed(data), None)
            request = None if body is None else RelayRequest.decode(body)
        except InvalidRelayMessage:
            self._patience.cancel()
            self._stream.finish()
            return
        if request is not None:
            self._patience.cancel()
            # Nothing may be pipelined behind a request (ant-quic-wire §5.1): the rest is dropped.
            self._stream.on_data = lambda data: None
            self._answer(request)


class Session:
    """One client's UDP port. Ends by the client, the budget, or the service."""

    def __init__(
        self,
        service: RelayService,
        client: bytes,
        stream: ByteStream,
        sock: socket.socket,
        allowance: Allowance,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._service = service
        self._client = client
        self._stream = stream
        self._budget = Budget(allowance, self._loop.time())
        self._reader = FrameReader(MAX_DATA_BYTES)
        self._udp = UdpSocket(sock)
        self._udp.start(self._on_datagram, lambda: None)
        self.name: Address = readable(self._udp.name)
        self._check = self._loop.call_later(allowance.idle_s, self._on_time)
        stream.on_data = self._on_stream
        stream.on_end = lambda: self.close("client")

    @property
    def used_bytes(self) -> int:
        """Payload relayed so far, both ways."""
        return self._budget.used_bytes

    def close(self, why: str) -> None:
        """Release the port and finish the stream. Idempotent."""
        if self._service.sessions.get(self._client) is not self:
            return
        del self._service.sessions[self._client]
        self._service.counts[f"ended_{why}"] += 1
        self._check.cancel()
        self._udp.close()
        self._stream.finish()

    def _on_stream(self, data: bytes) -> None:
        try:
            for body in self._reader.feed(data):
                self._send(RelayedDatagram.decode(body))
        except InvalidRelayMessage:
            self.close("malformed")

    def _send(self, datagram: RelayedDatagram) -> None:
        counts = self._service.counts
        target = numeric(datagram.address, self._udp.family)
        try:
            check_target(datagram.address, self._service.public_host or self.name[0])
        except AddressRefused:
            target = None
        if target is None:
            counts["refused_target"] += 1
        elif self._allowed(len(datagram.payload)):
            counts["datagrams_out"] += 1
            self._udp.send([(datagram.payload, target)])

    def _on_datagram(self, data: bytes, address: Address, now: float) -> None:
        if not self._allowed(len(data)):
            return
        if self._stream.send(RelayedDatagram(readable(address), data).encode()):
            self._service.counts["datagrams_in"] += 1
        else:
            self._service.counts["dropped_slow_client"] += 1

    def _allowed(self, size: int) -> bool:
        now = self._loop.time()
        if self._budget.take(size, now):
            return True
        self._service.counts["dropped_over_rate"] += 1
        why = self._budget.ended(now)
        if why is not None:
            self._loop.call_soon(self.close, why)
        return False

    def _on_time(self) -> None:
        now = self._loop.time()
        why = self._budget.ended(now)
        if why is not None:
            self.close(why)
            return
        self._check = self._loop.call_at(self._budget.next_check(now) + 0.01, self._on_time)
