# SPDX-License-Identifier: MIT OR Apache-2.0
"""One authenticated peer, as the application sees it. Obtained from ``QuicEndpoint``.

    HANDSHAKE --confirmed--> OPEN --close, loss, superseded--> ENDED

A message is one unidirectional stream with FIN, as in ant-quic: whole or not at all,
each at most once. Messages on different streams may overtake each other when packets
are lost. A second connection to the same PeerId supersedes this one: its unread messages
move to the successor, ``send`` goes there too, ``recv`` raises PeerClosed(SUPERSEDED).
"""

from __future__ import annotations

import asyncio
from collections import deque

from aioquic.quic import events

from . import lifecycle, messages
from .addresses import readable
from .appstream import AppStream
from .bytestream import ByteStream
from .connection import PqConnection
from .connection_events import Ending, FrameReceived
from .datagrams import Datagrams
from .discovery import AddressBook
from .errors import HandshakeFailed, PeerClosed
from .frames import Frame
from .inbox import Inbox
from .lifecycle import Phase
from .limits import QuicLimits
from .sending import Sender
from .services import Port, Services
from .streams import Streams


class Peer:
    """See the module's docstring. Every coroutine may be cancelled at any point."""

    def __init__(
        self,
        port: Port,
        connection: PqConnection,
        address: tuple[str, int],
        *,
        initiator: bool,
        started: float,
        ledger: messages.AckLedger,
        limits: QuicLimits,
        services: Services,
        relayed: bool,
    ) -> None:
        self.connection = connection
        self._first_address = address
        self.initiator = initiator
        self.relayed = relayed  # either end knows it of its own accord
        self.started = started
        self.confirmed_at: float | None = None
        self.last_received = started
        self.last_ping = started
        self.bytes_sent = 0
        self.bytes_received = 0
        self.phase = Phase.HANDSHAKE
        self.successor: Peer | None = None
        self.addresses = AddressBook()
        self._port = port
        self._limits = limits
        self._inbox = Inbox()
        self._streams = Streams(
            *(connection, self._inbox, ledger, limits, lambda: port.touch(self)), self, services
        )
        self.failure: HandshakeFailed | None = None
        self._end = (lifecycle.SHUTDOWN, "closing", False)
        self._closing = False
        self._ended = asyncio.Event()
        self._sender = Sender(
            connection, self._streams, limits, self._check_open, lambda: port.touch(self)
        )
        self._datagrams = Datagrams(connection)

    def __repr__(self) -> str:
        key = self.connection.peer_key if self.phase is not Phase.HANDSHAKE else None
        name = key.peer_id[:8].hex() if key is not None else "?"
        return f"<Peer {name} {self.address[0]}:{self.address[1]} {self.phase.name.lower()}>"

    @property
    def address(self) -> tuple[str, int]:
        """Where the peer is now; it may move while connected (RFC 9000 §9)."""
        current = self.connection.get_peer_address()
        return self._first_address if current is None else readable(current)

    @property
    def peer_id(self) -> bytes:
        """The authenticated 32-byte PeerId."""
        key = self.connection.peer_key
        if key is None or self.phase is Phase.HANDSHAKE:
            raise RuntimeError("the peer is not authenticated yet")
        return key.peer_id

    @property
    def handshake_ms(self) -> float:
        """From the first packet to both sides knowing that both are authenticated."""
        if self.confirmed_at is None:
            raise RuntimeError("the handshake is not complete")
        return (self.confirmed_at - self.started) * 1000

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent and will be received here."""
        return self.phase is Phase.OPEN and not self._closing and self.successor is None

    @property
    def is_connected(self) -> bool:
        """Whether the connection is up, even if it is closing or superseded."""
        return self.phase is Phase.OPEN

    @property
    def counts(self) -> dict[str, int]:
        """What arrived, by kind, and what was refused, by reason."""
        return {**self._streams.counts, "dropped_datagram_unread": self._datagrams.dropped}

    async def send(self, payload: bytes) -> None:
        """Send one message. Returns once it is queued; waits while too much is unacknowledged.

        Callers are served in order. Cancelled while waiting, nothing was sent. A silent
        peer ends the wait after the idle timeout, with PeerClosed.

        :raises ValueError: longer than ``limits.max_message_bytes``, or the bytes would be
            taken for one of ant-quic's control messages (``messages.classify``)
        :raises PeerClosed: the connection has ended, or ends while waiting
        """
        if self.successor is not None:
            await self.successor.send(payload)
            return
        data = self._checked(payload)
        if messages.classify(data) is not messages.Kind.APPLICATION:
            raise ValueError("ant-quic would take this payload for a control message")
        await self._sender.send(data)

    async def send_coordination(self, body: bytes) -> None:
        """Send one AQCC coordinator message; ``body`` is its JSON (ant-quic-wire §4.6).

        What the peer sends of these is in ``coordination``. Otherwise as ``send``.
        """
        await self._sender.send(self._checked(messages.COORDINATOR + body))

    @property
    def coordination(self) -> deque[bytes]:
        """The latest AQCC bodies the peer sent, oldest first; take them out with popleft."""
        return self._streams.coordination

    def open_stream(self, first: bytes) -> ByteStream:
        """Open a stream of bytes, for what is no message; ``first`` goes out at once.

        :raises NoStream: the peer lets us open none now
        :raises PeerClosed: the connection has ended
        """
        self._check_open()
        return self._streams.open_bytes(first)

    def takes_frame(self, frame: Frame) -> bool:
        """Whether the peer has negotiated this kind of frame."""
        return self.connection.takes_frame(frame)

    def send_frame(self, frame: Frame) -> None:
        """Send one of ant-quic's frames (``frames``), again until acknowledged.

        :raises ValueError: the peer has not negotiated it, or too many wait
        """
        self._check_open()
        self.connection.queue_frame(frame)
        self._port.touch(self)

    async def send_acknowledged(
        self, payload: bytes, timeout_s: float = 5.0, request_id: bytes | None = None
    ) -> None:
        """Send one message as an ACK-v2 request and wait for "accepted" (ant-quic-wire §4.3).

        Accepted means queued for the peer's application; it is not signed.

        :param request_id: 16 bytes; a repeat with the same is delivered once, also on a new
            connection, within two minutes. None draws a fresh one
        :raises NotAcknowledged: the peer does not speak ACK-v2, or refused the message
        :raises TimeoutError: no answer; the message may or may not have arrived
        :raises PeerClosed: the connection has ended, or ends while waiting
        """
        await self._sender.send_acknowledged(self._checked(payload), timeout_s, request_id)

    async def probe(self, timeout_s: float = 5.0) -> float:
        """Ask the peer's endpoint for a sign of life; return the round trip in milliseconds.

        :raises NotAcknowledged: the peer does not speak ACK-v2
        :raises TimeoutError: no answer
        :raises PeerClosed: the connection has ended, or ends while waiting
        """
        return await self._sender.probe(timeout_s)

    async def recv(self) -> bytes:
        """Return the next whole message. Messages that arrived before the end come first.

        :raises PeerClosed: nothing is left and the connection has ended
        """
        while True:
            message = self._inbox.pop() if self.successor is None else None
            if message is not None:
                return message
            if self.successor is not None:
                raise PeerClosed(lifecycle.SUPERSEDED, "superseded", by_peer=False)
            if self.phase is Phase.ENDED:
                raise self.closed_error()
            await self._inbox.changed()

    async def open_bi(self) -> AppStream:
        """Open a stream of bytes both ways, for what is no message (ant-quic's ``open_bi``).

        Waits while the peer's credit for streams is used up. ant-quic 0.27.44 loses about half
        of those on connections *it* accepted (ant-quic-wire §4.5); later releases do not.

        :raises PeerClosed: the connection has ended, or ends while waiting
        """
        self._check_open()
        return self._streams.apps.opened(await self._sender.open_stream(messages.APP_STREAM))

    async def accept_bi(self) -> AppStream:
        """Return the peer's next stream of bytes. Cancelling loses none.

        :raises PeerClosed: nothing is left and the connection has ended
        """
        apps = self._streams.apps
        while True:
            stream = apps.next()
            if stream is not None:
                return stream
            if self.phase is Phase.ENDED:
                raise self.closed_error()
            await apps.another()

    async def send_datagram(self, data: bytes) -> None:
        """Send one unreliable datagram (RFC 9221). Waits while too many are unsent.

        :raises ValueError: longer than ``max_datagram_bytes``
        :raises PeerClosed: the connection has ended, or ends while waiting
        """
        self._check_open()
        while not self._datagrams.has_room():
            await self._sender.progressed()
            self._check_open()
        self._datagrams.queue(bytes(data))
        self._port.touch(self)

    async def recv_datagram(self) -> bytes:
        """Return the next datagram; unread ones beyond 256 were dropped, oldest first.

        :raises PeerClosed: nothing is left and the connection has ended
        """
        while True:
            data = self._datagrams.pop()
            if data is not None:
                return data
            if self.phase is Phase.ENDED:
                raise self.closed_error()
            await self._datagrams.changed()

    @property
    def max_datagram_bytes(self) -> int:
        """Longest datagram this peer takes now; 0 when it takes none."""
        return self.connection.max_datagram_bytes()

    async def close(self, code: int = 0, reason: str = "") -> None:
        """End the connection. Idempotent; with code 0, what was sent is delivered first.

        That delivery is waited for up to ``limits.close_flush_s``; cancelling closes at once.
        """
        if self.phase is Phase.ENDED or self._closing:
            return
        self._closing = True
        self._wake()
        try:
            if code == 0 and self.phase is Phase.OPEN:
                async with asyncio.timeout(self._limits.close_flush_s):
                    while self.is_connected and not self._sender.is_empty:
                        await self._sender.progressed()
        except TimeoutError:
            pass
        finally:
            self.abort(code, reason)

    async def wait_closed(self) -> PeerClosed:
        """Wait for the end; return, not raise, how it came about."""
        await self._ended.wait()
        return self.closed_error()

    def export_keying_material(self, label: bytes, context: bytes, length: int) -> bytes:
        """RFC 8446 §7.5 exporter: bytes only the two ends of this connection know."""
        return self.connection.export_keying_material(label, context, length)

    @property
    def takes_ack_requests(self) -> bool:
        """Whether the peer announced ACK-v2, and so probes (transport parameter 0x50C2)."""
        return self.connection.takes_ack_requests

    def flush(self) -> None:
        """Transmit now what was put on ``connection`` directly; for tests of odd behaviour."""
        self._port.transmit(self)

    # For the endpoint.

    def abort(self, code: int, reason: str) -> None:
        """Close without waiting for anything."""
        if self.phase is Phase.ENDED:
            return
        self._closing = True
        text = reason or lifecycle.NAMES.get(code, "")
        self.connection.close(error_code=code, reason_phrase=text)
        self._port.transmit(self)

    def abandon(self) -> None:
        """Forget a dial nobody has answered: there is nobody to say goodbye to."""
        self.end(lifecycle.SHUTDOWN, "dial abandoned", by_peer=False)
        self._port.forget(self)

    def supersede(self, successor: Peer) -> None:
        """Another connection to the same PeerId lives on; drain into it."""
        self.successor = successor
        self._inbox.move_to(successor._inbox)
        self._streams.inbox = successor._inbox
        self._wake()

    def revive(self) -> None:
        """The successor turned out to be dead; this connection is the one after all."""
        if self.successor is not None:
            self.successor.supersede(self)
        self.successor = None
        self._streams.inbox = self._inbox

    def handle(self, event: events.QuicEvent, now: float) -> None:
        """Take an event that concerns this peer alone."""
        if isinstance(event, Ending):
            self.end(event.code, event.reason, by_peer=event.by_peer)
        elif isinstance(event, events.ConnectionTerminated):
            # Without an Ending before it: idle, or no path left.
            self.end(event.error_code, event.reason_phrase, by_peer=False)
        elif isinstance(event, FrameReceived):
            self.addresses.take(event.frame)
        elif isinstance(event, events.DatagramFrameReceived):
            self._datagrams.receive(event.data)
        else:
            self._streams.handle(event, now)

    def end(self, code: int, reason: str, *, by_peer: bool) -> None:
        """Record how the connection ended, once, and wake whoever waits."""
        if self.phase is Phase.ENDED:
            return
        if self.phase is Phase.HANDSHAKE:
            self.failure = HandshakeFailed(code, reason, by_peer=by_peer)
        self._end = (code, reason, by_peer)
        self.phase = Phase.ENDED
        self._ended.set()
        self._streams.fail_waiting(self.closed_error())
        self._wake()

    def acknowledged(self) -> None:
        """Packets arrived: perhaps there is room again."""
        self._sender.wake()
        self._streams.apps.progressed()

    def closed_error(self) -> PeerClosed:
        """How the connection ended, as a fresh error for one of its users."""
        code, reason, by_peer = self._end
        return PeerClosed(code, reason, by_peer=by_peer)

    def _checked(self, payload: bytes) -> bytes:
        most = self._limits.max_message_bytes
        if len(payload) > most:
            raise ValueError(f"a message has at most {most} bytes, this one {len(payload)}")
        self._check_open()
        return bytes(payload)

    def _check_open(self) -> None:
        if self.phase is not Phase.OPEN or self._closing:
            raise self.closed_error()

    def _wake(self) -> None:
        self._sender.wake()
        self._inbox.wake()
        self._datagrams.wake()
