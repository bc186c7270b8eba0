# SPDX-License-Identifier: MIT OR Apache-2.0
"""One QUIC connection: aioquic's, with our TLS, our credit rules and ant-quic's frames.

Sans-I/O, as aioquic's: ``receive_datagram`` and ``handle_timer`` change state,
``datagrams_to_send``, ``next_event`` and ``get_timer`` are pulled afterwards. What is
overridden here is listed with a hash of the original in
tests/unit/pqmesh_host/quic/test_upstream.py; docs/decisions/0008-quic-profile.md says why.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, cast

from aioquic import tls
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import (
    EPOCHS,
    Limit,
    QuicConnectionError,
    QuicConnectionState,
    QuicReceiveContext,
)
from aioquic.quic.packet import QuicErrorCode, QuicFrameType, QuicPacketType, QuicProtocolVersion
from aioquic.quic.packet_builder import QuicDeliveryState, QuicPacketBuilder
from aioquic.quic.recovery import QuicPacketSpace
from aioquic.quic.stream import QuicStream

from . import frames, transport_parameters
from .buffer import Buffer, size_uint_var
from .limits import HANDSHAKE_DATAGRAM_BYTES, QuicLimits
from .pacing import CAPPED_RENO, CappedReno, CoarsePacer
from .path_mtu import MtuSearch
from .rawkey import LocalKey, RawPublicKey
from .rebinding import RebindingConnection
from .tls13 import PeerVerifier, ProfileContext
from .tls_client import ClientContext
from .tls_server import ServerContext

STREAM_CREDIT_SLACK = 64
"""Room over one message on a stream, so that a too long one is seen and refused."""

DATAGRAM_OVERHEAD = 1 + 4
"""Frame type and the longest length field a DATAGRAM here can have."""

PACKET_OVERHEAD = 1 + 2 + 16 + DATAGRAM_OVERHEAD
"""First byte, packet number and AEAD tag of a 1-RTT packet, and the frame's own."""

MAX_DATAGRAM_FRAME_BYTES = 65_535
"""What we announce (RFC 9221 §3): ant-quic's value."""

MAX_QUEUED_FRAMES = 64
"""Custom frames waiting to be sent; one more is a bug of ours."""


@dataclass
class Confirmed(events.QuicEvent):
    """Both sides are authenticated and know it (RFC 9001 §4.1.2)."""


@dataclass
class Ending(events.QuicEvent):
    """A CONNECTION_CLOSE was sent or received; nothing more will arrive.

    aioquic's own ConnectionTerminated follows after the draining period.
    """

    code: int
    reason: str
    by_peer: bool


@dataclass
class FrameReceived(events.QuicEvent):
    """One of ant-quic's frames arrived."""

    frame: frames.Frame


@dataclass
class PqConfiguration(QuicConfiguration):
    """What one connection is set up with. ``key`` is required.

    ``offer_server_type`` and ``implicit_server_type`` switch the one-sided certificate
    type negotiation (RFC 7250) to the strict one; see the decision record.
    """

    key: LocalKey | None = None
    limits: QuicLimits = field(default_factory=QuicLimits)
    parameters: dict[int, bytes] = field(default_factory=dict)
    offer_server_type: bool = False
    implicit_server_type: bool = True

    def __post_init__(self) -> None:
        if self.key is None:
            raise ValueError("a key is required on both sides")
        limits = self.limits
        self.certificate = self.key.public
        self.private_key = self.key
        self.supported_versions = [QuicProtocolVersion.VERSION_1]
        self.congestion_control_algorithm = CAPPED_RENO
        self.max_datagram_size = HANDSHAKE_DATAGRAM_BYTES
        self.idle_timeout = limits.idle_timeout_s
        self.max_data = limits.receive_window_bytes
        self.max_datagram_frame_size = MAX_DATAGRAM_FRAME_BYTES
        self.max_stream_data = limits.max_message_bytes + STREAM_CREDIT_SLACK


class Credit(Limit):
    """A flow-control limit that only ``grant`` raises.

    aioquic raises ``value`` as data arrives, so its receiver promises without bound; here
    the assignment has no effect, and what the application takes decides.
    """

    def __init__(self, frame_type: int, name: str, value: int) -> None:
        self._granted = value
        super().__init__(frame_type, name, value)

    @property
    def value(self) -> int:
        """The limit as announced, or about to be."""
        return self._granted

    @value.setter
    def value(self, wanted: int) -> None:
        pass

    def grant(self, value: int) -> bool:
        """Raise the limit; a promise is never taken back. Return whether it moved."""
        if value <= self._granted:
            return False
        self._granted = value
        return True


class PqConnection(RebindingConnection):
    """See the module's docstring. ``verify_peer`` judges the peer's key during TLS."""

    tls: ProfileContext

    def __init__(
        self, *, configuration: PqConfiguration, verify_peer: PeerVerifier, **kwargs: Any
    ) -> None:
        super().__init__(configuration=configuration, **kwargs)
        limits = configuration.limits
        self.remote_parameters: dict[int, bytes] = {}
        self.message_credit = Credit(
            QuicFrameType.MAX_STREAMS_UNI, "max_streams_uni", limits.max_unread_messages
        )
        self.byte_credit = Credit(QuicFrameType.MAX_DATA, "max_data", limits.receive_window_bytes)
        self._local_max_streams_uni = self.message_credit
        self._local_max_data = self.byte_credit
        self._pq = configuration
        self._verify_peer = verify_peer
        self.rejected_key: RawPublicKey | None = None
        self._queued_frames: deque[frames.Frame] = deque()
        self.byte_streams: set[int] = set()
        self._mtu: MtuSearch | None = None
        self._loss._pacer = CoarsePacer(max_datagram_size=self._max_datagram_size)
        cast(CappedReno, self._loss._cc).cap = limits.congestion_window_bytes
        # The one name-mangled attribute this package reaches for.
        handlers = self._QuicConnection__frame_handlers  # type: ignore[attr-defined]
        for frame_type in frames.negotiated(configuration.parameters):
            handlers[frame_type] = (self._handle_custom_frame, EPOCHS("1"))

    @property
    def peer_key(self) -> RawPublicKey | None:
        """The peer's key once its Certificate was accepted; trust it after Confirmed only."""
        return self.tls.peer_key

    @property
    def ended(self) -> tuple[int, str] | None:
        """(code, reason) once the connection has begun to end."""
        event = self._close_event
        return None if event is None else (event.error_code, event.reason_phrase)

    def export_keying_material(self, label: bytes, context: bytes, length: int) -> bytes:
        """RFC 8446 §7.5: the same bytes on both sides, and on no other connection."""
        return self.tls.export_keying_material(label, context, length)

    @property
    def takes_ack_requests(self) -> bool:
        """Whether the peer announced ACK-v2."""
        return transport_parameters.ACK_RECEIVE_V2 in self.remote_parameters

    def uni_stream_room(self) -> int:
        """How many more uni streams the peer lets us open now."""
        return self._remote_max_streams_uni - self._local_next_stream_id_uni // 4

    def bidi_stream_room(self) -> int:
        """How many more bidi streams the peer lets us open now."""
        return self._remote_max_streams_bidi - self._local_next_stream_id_bidi // 4

    def unsent_datagrams(self) -> int:
        """How many DATAGRAM frames wait for the congestion window."""
        return len(self._datagrams_pending)

    def max_datagram_bytes(self) -> int:
        """The longest DATAGRAM payload that fits one packet and the peer's limit."""
        theirs = self._remote_max_datagram_frame_size or 0
        packet = self._max_datagram_size - len(self._peer_cid.cid) - PACKET_OVERHEAD
        return max(0, min(packet, theirs - DATAGRAM_OVERHEAD))

    def is_delivered(self, stream_id: int) -> bool:
        """Whether everything sent on one of our streams, with its FIN, is acknowledged."""
        stream = self._streams.get(stream_id)
        return stream is None or stream.sender.is_finished

    def backlog_bytes(self, stream_id: int) -> int:
        """What was sent on a stream and is not acknowledged; -1 when it takes no more."""
        stream = self._streams.get(stream_id)
        sender = None if stream is None else stream.sender
        if sender is None or sender._reset_error_code is not None:
            return 0 if sender is None else -1
        return sender._buffer_stop - sender._buffer_start

    def received_bytes(self, stream_id: int) -> int | None:
        """Connection credit a stream has used; None once aioquic has forgotten it."""
        stream = self._streams.get(stream_id)
        return None if stream is None else stream.receiver.highest_offset

    def refuse_stream(self, stream_id: int, code: int) -> None:
        """STOP_SENDING, if the stream still receives."""
        stream = self._streams.get(stream_id)
        if stream is not None and not stream.receiver.is_finished:
            stream.receiver.stop(code)

    def takes_frame(self, frame: frames.Frame) -> bool:
        """Whether the peer negotiated this kind of frame."""
        return frame.type in frames.negotiated(self.remote_parameters)

    def queue_frame(self, frame: frames.Frame) -> None:
        """Send a frame, and again until it is acknowledged.

        :raises ValueError: the peer has not negotiated it, or MAX_QUEUED_FRAMES wait
        """
        if not self.takes_frame(frame):
            raise ValueError(f"the peer does not take {type(frame).__name__}")
        if len(self._queued_frames) >= MAX_QUEUED_FRAMES:
            raise ValueError("too many frames wait to be sent")
        self._queued_frames.append(frame)

    # TLS

    def _initialize(self, peer_cid: bytes) -> None:
        super()._initialize(peer_cid)
        stock = self.tls
        pq = self._pq
        shared: dict[str, Any] = {
            "key": pq.key,
            "verify_peer": self._judge,
            "cipher_suites": pq.cipher_suites,
            "logger": self._logger,
        }
        if self._is_client:
            self.tls = ClientContext(
                offer_server_type=pq.offer_server_type, server_name=pq.server_name, **shared
            )
        else:
            self.tls = ServerContext(implicit_server_type=pq.implicit_server_type, **shared)
        self.tls.handshake_extensions = stock.handshake_extensions
        self.tls.alpn_cb = stock.alpn_cb
        self.tls.update_traffic_key_cb = stock.update_traffic_key_cb

    def _judge(self, key: RawPublicKey) -> bool:
        if self._verify_peer(key):
            return True
        self.rejected_key = key
        return False

    def _confirm_handshake(self) -> None:
        super()._confirm_handshake()
        self._begin_datagram_size()
        self._events.append(Confirmed())

    def _close_begin(self, is_initiator: bool, now: float) -> None:
        super()._close_begin(is_initiator, now)
        event = self._close_event
        if event is not None:
            reason = event.reason_phrase
            self._events.append(Ending(event.error_code, reason, by_peer=not is_initiator))

    # Transport parameters

    def _serialize_transport_parameters(self) -> bytes:
        custom = transport_parameters.encode(self._pq.parameters)
        return super()._serialize_transport_parameters() + custom

    def _parse_transport_parameters(self, data: bytes, from_session_ticket: bool = False) -> None:
        super()._parse_transport_parameters(data, from_session_ticket)
        try:
            self.remote_parameters = transport_parameters.decode(data)
        except ValueError as error:
            raise QuicConnectionError(
                QuicErrorCode.TRANSPORT_PARAMETER_ERROR, QuicFrameType.CRYPTO, str(error)
            ) from error

    # Datagram size

    def datagrams_to_send(self, now: float) -> list[tuple[bytes, Any]]:
        """As aioquic's, with a probe of the path's MTU now and then."""
        search = self._mtu
        if search is not None and search.timed_out(self._loss._pto_count, now):
            self._set_datagram_size(search.size)
        datagrams: list[tuple[bytes, Any]] = super().datagrams_to_send(now)
        if search is not None and self._state is QuicConnectionState.CONNECTED:
            size = search.next_probe(now)
            if size is not None and not self._close_pending:
                search.sent(size)
                datagrams += self._probe_mtu(size, now)
        return datagrams

    def _begin_datagram_size(self) -> None:
        """After the handshake larger datagrams are safe for its amplification budget."""
        limits = self._pq.limits
        most = transport_parameters.integer(
            self.remote_parameters, transport_parameters.MAX_UDP_PAYLOAD_SIZE, 65_527
        )
        self._set_datagram_size(max(min(limits.datagram_bytes, most), self._max_datagram_size))
        if limits.discover_mtu and limits.datagram_bytes == HANDSHAKE_DATAGRAM_BYTES:
            self._mtu = MtuSearch(most)

    def _set_datagram_size(self, size: int) -> None:
        self._max_datagram_size = size
        self._loss._pacer._max_datagram_size = size
        cast(CappedReno, self._loss._cc)._max_datagram_size = size

    def _probe_mtu(self, size: int, now: float) -> list[tuple[bytes, Any]]:
        """One PING padded to ``size``. Outside the congestion window, and its loss is no
        congestion (RFC 9000 §14.4)."""
        builder = QuicPacketBuilder(
            host_cid=self.host_cid,
            is_client=self._is_client,
            max_datagram_size=size,
            packet_number=self._packet_number,
            peer_cid=self._peer_cid.cid,
            spin_bit=self._spin_bit,
            version=self._version or QuicProtocolVersion.VERSION_1,
        )
        builder.start_packet(QuicPacketType.ONE_RTT, self._cryptos[tls.Epoch.ONE_RTT])
        buf = builder.start_frame(
            QuicFrameType.PING, handler=self._on_mtu_delivery, handler_args=(size,)
        )
        buf.push_bytes(bytes(builder.remaining_buffer_space))
        if builder._packet is not None:
            builder._packet.in_flight = False
        path = self._network_paths[0]
        sent: list[tuple[bytes, Any]] = self._flush_builder(
            builder=builder, network_path=path, peer_cid=self._peer_cid.cid, now=now
        )
        # aioquic starts the probe timeout (RFC 9002 §6.2) for packets in flight only.
        self._loss._time_of_last_sent_ack_eliciting_packet = now
        return sent

    def _on_mtu_delivery(self, delivery: QuicDeliveryState, size: int) -> None:
        if self._mtu is None:
            return
        if delivery != QuicDeliveryState.ACKED:
            self._mtu.lost(size)
        elif self._mtu.acknowledged(size):
            self._set_datagram_size(size)

    # Frames

    def _handle_custom_frame(
        self, context: QuicReceiveContext, frame_type: int, buf: Buffer
    ) -> None:
        self._events.append(FrameReceived(frames.decode(frame_type, buf)))

    def _write_connection_limits(self, builder: QuicPacketBuilder, space: QuicPacketSpace) -> None:
        # aioquic calls this for each 1-RTT packet once the handshake is complete.
        super()._write_connection_limits(builder, space)
        while self._queued_frames:
            frame = self._queued_frames[0]
            body = frames.encode(frame)
            buf = builder.start_frame(
                frame.type,
                capacity=size_uint_var(frame.type) + len(body),
                handler=self._on_custom_delivery,
                handler_args=(frame,),
            )
            self._queued_frames.popleft()
            buf.push_bytes(body)

    def _on_custom_delivery(self, delivery: QuicDeliveryState, frame: frames.Frame) -> None:
        if delivery != QuicDeliveryState.ACKED:
            self._queued_frames.append(frame)

    def _write_stream_limits(
        self, builder: QuicPacketBuilder, space: QuicPacketSpace, stream: QuicStream
    ) -> None:
        """A message stream's first credit covers the longest; a byte stream's grows."""
        if stream.stream_id in self.byte_streams:
            super()._write_stream_limits(builder, space, stream)
