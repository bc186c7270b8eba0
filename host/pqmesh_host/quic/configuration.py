# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a connection is set up with: aioquic's configuration, held to our profile and limits."""

from __future__ import annotations

from dataclasses import dataclass, field

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.packet import QuicProtocolVersion

from .limits import HANDSHAKE_DATAGRAM_BYTES, QuicLimits
from .pacing import CAPPED_RENO
from .rawkey import LocalKey

STREAM_CREDIT_SLACK = 64
"""Room over one message on a stream, so that a too long one is seen and refused."""

MAX_DATAGRAM_FRAME_BYTES = 65_535
"""What we announce (RFC 9221 §3): ant-quic's value."""


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
