# SPDX-License-Identifier: MIT OR Apache-2.0
"""The size of a connection's datagrams: small during the handshake, then searched for.

``path_mtu`` decides what to try; here the probes are made, sent and accounted for.
"""

from __future__ import annotations

from typing import Any, cast

from aioquic import tls
from aioquic.quic.connection import QuicConnectionState
from aioquic.quic.packet import QuicFrameType, QuicPacketType, QuicProtocolVersion
from aioquic.quic.packet_builder import QuicDeliveryState, QuicPacketBuilder

from . import transport_parameters
from .configuration import PqConfiguration
from .limits import HANDSHAKE_DATAGRAM_BYTES
from .pacing import CappedReno
from .path_mtu import MtuSearch
from .rebinding import RebindingConnection


class SizedConnection(RebindingConnection):
    """Overrides ``datagrams_to_send``."""

    def __init__(self, *, configuration: PqConfiguration, **kwargs: Any) -> None:
        super().__init__(configuration=configuration, **kwargs)
        self.remote_parameters: dict[int, bytes] = {}
        self._pq = configuration
        self._mtu: MtuSearch | None = None

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
