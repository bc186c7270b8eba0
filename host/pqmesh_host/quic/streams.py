# SPDX-License-Identifier: MIT OR Apache-2.0
"""What arrives on the streams of one connection, and what is answered at once.

Whole uni streams are classified; application messages go to the inbox, probes are
answered. Bidi streams carry ACK-v2 requests, which we answer, or an application's bytes;
the rest is refused in the way ant-quic expects. Nothing here waits.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from aioquic.quic import events

from . import messages
from .appstreams import AppStreams
from .assembly import UNI, Assembly, TooLong
from .bytestream import ByteStream
from .connection import PqConnection
from .errors import NoStream, NotAcknowledged
from .inbox import Inbox
from .lifecycle import UNREAD_STREAM
from .limits import QuicLimits
from .services import Services

if TYPE_CHECKING:
    from .peer import Peer

K = TypeVar("K")
V = TypeVar("V")

MAX_COORDINATION = 16
"""AQCC messages kept for who asks; the oldest go first."""


class Streams:
    """The receiving half of a connection. ``inbox`` may be exchanged at any time."""

    def __init__(
        self,
        connection: PqConnection,
        inbox: Inbox,
        ledger: messages.AckLedger,
        limits: QuicLimits,
        on_credit: Callable[[], None],
        owner: Peer,
        services: Services,
    ) -> None:
        self.inbox = inbox
        self.counts: Counter[str] = Counter()
        self.coordination: deque[bytes] = deque(maxlen=MAX_COORDINATION)
        self._connection = connection
        self._ledger = ledger
        self._limits = limits
        self._on_credit = on_credit
        self._owner = owner
        self._services = services
        self._assembly = Assembly(limits, messages.ACK_REQUEST_HEADER_BYTES)
        self._probes: dict[bytes, asyncio.Future[None]] = {}
        self._requests: dict[int, asyncio.Future[tuple[int, int]]] = {}
        self._bytes: dict[int, ByteStream] = {}
        self.apps = AppStreams(connection, self._assembly, self._credit_moved)

    def handle(self, event: events.QuicEvent, now: float) -> None:
        """Take one event of aioquic."""
        if isinstance(event, events.StreamDataReceived):
            self._on_data(event.stream_id, event.data, event.end_stream, now)
        elif isinstance(event, events.StreamReset):
            self._on_reset(event.stream_id, event.error_code)
        elif isinstance(event, events.StopSendingReceived):
            self.counts["stopped_by_peer"] += 1
            self.apps.stopped(event.stream_id, event.error_code)
        self.update_credit()

    def update_credit(self) -> bool:
        """Let the peer send on as the application took; return whether there is a frame to send.

        Small raises are saved up: one MAX_DATA for an eighth of the window.
        """
        connection, assembly = self._connection, self._assembly
        used, granted = connection.byte_credit.used, connection.byte_credit.value
        wanted = assembly.byte_credit
        moved = False
        if wanted - granted >= self._limits.receive_window_bytes // 8 or used >= granted:
            moved = connection.byte_credit.grant(wanted)
        if used >= connection.byte_credit.value:
            stalled = assembly.refuse_newest(used)
            if stalled is not None:
                self.counts["refused_ceiling"] += 1
                connection.refuse_stream(stalled, UNREAD_STREAM)
                moved = connection.byte_credit.grant(assembly.byte_credit)
        return connection.message_credit.grant(assembly.message_credit) or moved

    def expect_probe_answer(self, tag: bytes) -> asyncio.Future[None]:
        """Return a future that the answer to ``tag`` resolves."""
        return self._expect(self._probes, tag)

    def expect_ack(self, stream_id: int) -> asyncio.Future[tuple[int, int]]:
        """Return a future for the answer on one of our bidi streams."""
        return self._expect(self._requests, stream_id)

    def fail_waiting(self, error: Exception) -> None:
        """The connection has ended; nobody will answer."""
        for table in (self._probes, self._requests):
            for future in table.values():
                if not future.done():
                    future.set_exception(error)
            table.clear()
        for stream in list(self._bytes.values()):
            stream.end()
        self._bytes.clear()
        self.apps.fail(error)

    def open_bytes(self, first: bytes) -> ByteStream:
        """Open a bidi stream that is no message; ``first`` goes out at once.

        :raises NoStream: the peer lets us open none now
        """
        if self._connection.bidi_stream_room() < 1:
            raise NoStream("the peer lets us open no further stream now; close one, or wait")
        stream_id = self._connection.get_next_available_stream_id()
        stream = self._byte_stream(stream_id)
        stream.send(first)
        return stream

    @staticmethod
    def _expect(table: dict[K, asyncio.Future[V]], key: K) -> asyncio.Future[V]:
        future: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        table[key] = future
        future.add_done_callback(lambda _: table.pop(key, None))
        return future

    def _on_data(self, stream_id: int, data: bytes, end: bool, now: float) -> None:
        if stream_id in self._bytes:
            self._on_bytes(self._bytes[stream_id], stream_id, data, end)
            return
        if stream_id in self.apps:
            self.apps.receive(stream_id, data, end)
            return
        try:
            message = self._assembly.feed(stream_id, data, end)
        except TooLong:
            self.counts["refused_too_long"] += 1
            self._connection.refuse_stream(stream_id, UNREAD_STREAM)
            return
        if message is None:
            if not stream_id & UNI and stream_id not in self._requests:
                self._look_ahead(stream_id)
        elif stream_id & UNI:
            self._on_message(stream_id, message)
        elif stream_id in self._requests:
            self._on_ack_answer(stream_id, message)
        else:
            self._on_request(stream_id, message, now)

    def _on_message(self, stream_id: int, message: bytes) -> None:
        kind = messages.classify(message)
        self.counts[kind.name.lower()] += 1
        if kind is messages.Kind.APPLICATION:
            self.inbox.put(message, partial(self._taken, stream_id, len(message)))
            return
        if kind is messages.Kind.COORDINATOR:
            self._on_coordination(message[len(messages.COORDINATOR) :])
        elif kind is messages.Kind.PROBE:
            self._answer_probe(message)
        elif kind is messages.Kind.PROBE_ANSWER:
            waiting = self._probes.get(messages.probe_tag(message))
            if waiting is not None and not waiting.done():
                waiting.set_result(None)
        self._assembly.take(stream_id, len(message))

    def _on_coordination(self, body: bytes) -> None:
        if self._services.coordination is None:
            self.coordination.append(body)
        else:
            self._services.coordination(self._owner, body)

    def _byte_stream(self, stream_id: int) -> ByteStream:
        stream = ByteStream(self._connection, stream_id, self._on_credit)
        self._bytes[stream_id] = stream
        return stream

    def _on_bytes(self, stream: ByteStream, stream_id: int, data: bytes, end: bool) -> None:
        self._assembly.passed(len(data))
        if end:
            del self._bytes[stream_id]
        stream.receive(data, end)

    def _answer_probe(self, message: bytes) -> None:
        # Without room the answer would wait behind the peer's own slowness; it asks again.
        if self._connection.uni_stream_room() < 1:
            self.counts["probe_unanswered"] += 1
            return
        stream_id = self._connection.get_next_available_stream_id(is_unidirectional=True)
        answer = messages.answer_probe(message)
        self._connection.send_stream_data(stream_id, answer, end_stream=True)

    def _on_request(self, stream_id: int, message: bytes, now: float) -> None:
        if message.startswith(messages.APP_STREAM) and self.apps.has_room():
            self.counts["app_stream"] += 1
            self._assembly.keep(stream_id, len(message))
            self.apps.arrived(stream_id, message, end=True)
            return
        if not message.startswith(messages.ACK_REQUEST):
            self._refuse_bidi(stream_id, message)
            self._assembly.take(stream_id, len(message))
            return
        self.counts["ack_request"] += 1
        verdict = self._judge(stream_id, message, now)
        self._connection.send_stream_data(stream_id, messages.ack_answer(verdict), end_stream=True)

    def _judge(self, stream_id: int, message: bytes, now: float) -> tuple[int, int]:
        """Admit an ACK-v2 request to the inbox, or say why not."""
        key = self._connection.peer_key
        header = messages.ACK_REQUEST_HEADER_BYTES
        request_id, payload = message[messages.MAGIC_BYTES : header], message[header:]
        verdict: tuple[int, int] | None = messages.REJECTED_INVALID
        if key is not None and len(message) >= header:
            verdict = self._ledger.lookup(key.peer_id, request_id, payload, now)
            if verdict is None and len(self.inbox) >= self._limits.max_unread_messages:
                verdict = messages.REJECTED_BACK_PRESSURE  # unrecorded: a repeat may succeed
            if verdict is None:
                taken = partial(self._taken, stream_id, len(message))
                self.inbox.put(payload, taken)
                self._ledger.record(key.peer_id, request_id, payload, messages.ACCEPTED, now)
                return messages.ACCEPTED
        self._assembly.take(stream_id, len(message))
        return verdict or messages.REJECTED_INVALID

    def _on_ack_answer(self, stream_id: int, message: bytes) -> None:
        future = self._requests[stream_id]
        verdict = messages.decode_ack_answer(message)
        if not future.done():
            if verdict is None:
                future.set_exception(NotAcknowledged(255, 255, "the answer is malformed"))
            else:
                future.set_result(verdict)
        self._assembly.take(stream_id, len(message))

    def _look_ahead(self, stream_id: int) -> None:
        """Hand on or refuse a bidi stream of another kind before all of it has come."""
        head = self._assembly.head(stream_id)
        if len(head) < messages.MAGIC_BYTES or head.startswith(messages.ACK_REQUEST):
            return
        if head.startswith(messages.APP_STREAM) and self.apps.has_room():
            self.counts["app_stream"] += 1
            self.apps.arrived(stream_id, self._assembly.lend(stream_id), end=False)
        elif self._services.relay is not None and not head.startswith(messages.APP_STREAM):
            self.counts["relay"] += 1
            stream, came = self._byte_stream(stream_id), self._assembly.release(stream_id)
            self._services.relay(self._owner, stream)
            stream.receive(came, end=False)
        else:
            self._assembly.refuse(stream_id)
            self._connection.refuse_stream(stream_id, UNREAD_STREAM)
            self._refuse_bidi(stream_id, head)

    def _refuse_bidi(self, stream_id: int, head: bytes) -> None:
        if head.startswith(messages.APP_STREAM):
            self.counts["refused_app_stream"] += 1
            self._connection.reset_stream(stream_id, UNREAD_STREAM)
            return
        self.counts["refused_relay"] += 1
        answer = messages.RELAY_NOT_SERVED
        self._connection.send_stream_data(stream_id, answer, end_stream=True)

    def _on_reset(self, stream_id: int, code: int) -> None:
        self.counts["reset_by_peer"] += 1
        if stream_id in self.apps:
            self.apps.reset(stream_id, code)
            return
        stream = self._bytes.pop(stream_id, None)
        if stream is not None:
            used = self._connection.received_bytes(stream_id) or stream.received
            self._assembly.passed(used - stream.received)
            stream.end()
            return
        self._assembly.abandon(stream_id, self._connection.received_bytes(stream_id) or 0)
        future = self._requests.get(stream_id)
        if future is not None and not future.done():
            future.set_exception(NotAcknowledged(255, 255, "the peer reset the stream"))

    def _taken(self, stream_id: int, size: int) -> None:
        """The application has a message: its peer may send as much again."""
        self._assembly.take(stream_id, size)
        if self.update_credit():
            self._on_credit()

    def _credit_moved(self) -> None:
        """An application stream was read from or written to."""
        self.update_credit()
        self._on_credit()
