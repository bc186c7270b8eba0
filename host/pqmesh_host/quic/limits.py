# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every bound of the QUIC endpoint in one table, with unit, default and what happens at it."""

from __future__ import annotations

from dataclasses import dataclass

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""Largest message either side of ant-quic accepts by default (ant-quic-wire §4.2)."""

HANDSHAKE_DATAGRAM_BYTES = 1200
"""Datagram size during the handshake. A larger one would fit the ClientHello into a single
Initial and so shrink the server's anti-amplification budget below its 7 KB flight."""


@dataclass(frozen=True, kw_only=True)
class QuicLimits:
    """What one endpoint may use. Validated on construction; raises ValueError."""

    max_connections: int = 256
    """Established connections. At the limit new handshakes are not answered and
    ``connect`` raises EndpointFull."""

    max_handshakes: int = 64
    """Handshakes being accepted at once. At the limit further Initials are dropped."""

    retry_above_handshakes: int = 16
    """From this many accepted handshakes in flight, a client must first prove its address
    (RFC 9000 §8.1.2): a Retry costs no cryptography worth speaking of."""

    accept_backlog: int = 64
    """Peers waiting in ``accept``. At the limit a new peer is closed with NO_READER."""

    handshake_timeout_s: float = 10.0
    """An accepted handshake that is not confirmed by then is dropped."""

    idle_timeout_s: float = 30.0
    """Silence after which a connection is lost (ant-quic's value)."""

    keep_alive_s: float = 15.0
    """Silence after which a PING goes out; 0 switches it off (ant-quic's value)."""

    max_message_bytes: int = MAX_MESSAGE_BYTES
    """Longest message, both ways. Ours over it: ValueError. Theirs: the stream is stopped."""

    max_unread_messages: int = 256
    """Messages a peer may have in our inbox or on the way; its stream credit."""

    receive_window_bytes: int = 16 * 1024 * 1024
    """Connection credit beyond what the application has taken."""

    assembly_ceiling_bytes: int = 64 * 1024 * 1024
    """Most that incomplete messages may hold while nothing waits for the application.
    Beyond it the newest incomplete message is refused."""

    send_buffer_bytes: int = 8 * 1024 * 1024
    """Bytes handed to ``send`` and not yet acknowledged, before ``send`` waits."""

    send_streams: int = 128
    """Messages sent and not yet acknowledged, before ``send`` waits."""

    congestion_window_bytes: int = 1024 * 1024
    """Cap of the congestion window: acknowledging costs time per packet in flight."""

    close_flush_s: float = 2.0
    """How long ``close`` with code 0 waits for sent messages to be acknowledged."""

    supersede_drain_s: float = 2.0
    """How long a superseded connection stays up so that what is in flight arrives."""

    datagram_bytes: int = HANDSHAKE_DATAGRAM_BYTES
    """UDP payload of 1-RTT packets, 1200..65000."""

    discover_mtu: bool = True
    """Whether to search for larger datagrams where ``datagram_bytes`` is left at 1200."""

    fast_path: bool = True
    """Whether ``fastpath`` serves the two hot loops; off, all packets go aioquic's way."""

    socket_buffer_bytes: int = 4 * 1024 * 1024
    """SO_RCVBUF and SO_SNDBUF asked for; the kernel may grant less."""

    def __post_init__(self) -> None:
        counts = ("max_connections", "max_handshakes", "accept_backlog", "max_unread_messages")
        for name in (*counts, "send_buffer_bytes", "send_streams", "max_message_bytes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if self.receive_window_bytes < self.max_message_bytes:
            raise ValueError("receive_window_bytes must hold one message of max_message_bytes")
        if self.assembly_ceiling_bytes < self.receive_window_bytes:
            raise ValueError("assembly_ceiling_bytes must not be below receive_window_bytes")
        if not HANDSHAKE_DATAGRAM_BYTES <= self.datagram_bytes <= 65_000:
            raise ValueError("datagram_bytes must be within 1200..65000")
        if self.idle_timeout_s <= 0 or self.handshake_timeout_s <= 0:
            raise ValueError("timeouts must be positive")
        if self.keep_alive_s < 0 or self.keep_alive_s >= self.idle_timeout_s:
            raise ValueError("keep_alive_s must be 0 (off) or below idle_timeout_s")
