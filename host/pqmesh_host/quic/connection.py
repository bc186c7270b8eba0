# SPDX-License-Identifier: MIT OR Apache-2.0
"""One QUIC connection: aioquic's, with our TLS, our credit rules and ant-quic's frames.

Sans-I/O, as aioquic's: ``receive_datagram`` and ``handle_timer`` change state,
``datagrams_to_send``, ``next_event`` and ``get_timer`` are pulled afterwards. What is
overridden here is listed with a hash of the original in
tests/unit/pqmesh_host/quic/test_upstream.py; docs/decisions/0008-quic-profile.md says why.
"""

from __future__ import annotations

from typing import Any, ClassVar, cast

from aioquic.quic.connection import QuicConnectionError, QuicNetworkPath
from aioquic.quic.packet import QuicErrorCode, QuicFrameType
from aioquic.quic.packet_builder import QuicPacketBuilder
from aioquic.quic.recovery import QuicPacketSpace
from aioquic.quic.stream import QuicStream

from . import transport_parameters
from .buffer import Buffer
from .configuration import PqConfiguration
from .connection_events import Confirmed, Ending
from .credit import Credit
from .framed import FramedConnection
from .pacing import CappedReno, CoarsePacer
from .rawkey import RawPublicKey
from .tls13 import PeerVerifier, ProfileContext
from .tls_client import ClientContext
from .tls_server import ServerContext

DATAGRAM_OVERHEAD = 1 + 4
"""Frame type and the longest length field a DATAGRAM here can have."""

PACKET_OVERHEAD = 1 + 2 + 16 + DATAGRAM_OVERHEAD
"""First byte, packet number and AEAD tag of a 1-RTT packet, and the frame's own."""

MAX_STREAM_DATA_CAPACITY = 1 + 8 + 8
"""Type, stream id and limit at their longest."""

_NOTHING = Buffer(capacity=0)


class PqConnection(FramedConnection):
    """See the module's docstring. ``verify_peer`` judges the peer's key during TLS."""

    tls: ProfileContext
    client_context: ClassVar[type[ClientContext]] = ClientContext
    server_context: ClassVar[type[ServerContext]] = ServerContext

    def __init__(
        self, *, configuration: PqConfiguration, verify_peer: PeerVerifier, **kwargs: Any
    ) -> None:
        super().__init__(configuration=configuration, **kwargs)
        limits = configuration.limits
        self.message_credit = Credit(
            QuicFrameType.MAX_STREAMS_UNI, "max_streams_uni", limits.max_unread_messages
        )
        self.byte_credit = Credit(QuicFrameType.MAX_DATA, "max_data", limits.receive_window_bytes)
        self._local_max_streams_uni = self.message_credit
        self._local_max_data = self.byte_credit
        self._verify_peer = verify_peer
        self.rejected_key: RawPublicKey | None = None
        self.byte_streams: set[int] = set()
        self.stream_credit_moved = False
        self._loss._pacer = CoarsePacer(max_datagram_size=self._max_datagram_size)
        cast(CappedReno, self._loss._cc).cap = limits.congestion_window_bytes

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

    def extend_stream(self, stream_id: int, size: int) -> None:
        """Let the peer send ``size`` more on a stream whose reader took as much."""
        stream = self._streams.get(stream_id)
        if stream is not None and not stream.receiver.is_finished:
            stream.max_stream_data_local += size
            self.stream_credit_moved = True

    def refuse_stream(self, stream_id: int, code: int) -> None:
        """STOP_SENDING, if the stream still receives."""
        stream = self._streams.get(stream_id)
        if stream is not None and not stream.receiver.is_finished:
            stream.receiver.stop(code)

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
            self.tls = self.client_context(
                offer_server_type=pq.offer_server_type, server_name=pq.server_name, **shared
            )
        else:
            self.tls = self.server_context(implicit_server_type=pq.implicit_server_type, **shared)
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
        # Three buffers of 16 KiB, half a connection's memory, that TLS writes into and the
        # streams empty at once; after the handshake it has nothing more to say.
        self._crypto_buffers = dict.fromkeys(self._crypto_buffers, _NOTHING)
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

    # Flow control

    def _write_stream_limits(
        self, builder: QuicPacketBuilder, space: QuicPacketSpace, stream: QuicStream
    ) -> None:
        """A message stream's first credit covers the longest; a byte stream's grows by itself,
        an application stream's by ``extend_stream``, announced an eighth of it at a time."""
        if stream.stream_id in self.byte_streams:
            super()._write_stream_limits(builder, space, stream)
            return
        limit = stream.max_stream_data_local
        if limit - stream.max_stream_data_local_sent < self._pq.max_stream_data // 8:
            return
        buf = builder.start_frame(
            QuicFrameType.MAX_STREAM_DATA,
            capacity=MAX_STREAM_DATA_CAPACITY,
            handler=self._on_max_stream_data_delivery,
            handler_args=(stream,),
        )
        buf.push_uint_var(stream.stream_id or 0)
        buf.push_uint_var(limit)
        stream.max_stream_data_local_sent = limit

    def _write_application(
        self, builder: QuicPacketBuilder, network_path: QuicNetworkPath, now: float
    ) -> None:
        self.stream_credit_moved = False  # what follows announces it
        super()._write_application(builder, network_path, now)
