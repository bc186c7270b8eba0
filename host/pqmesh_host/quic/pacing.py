# SPDX-License-Identifier: MIT OR Apache-2.0
"""Pacing and congestion control that an event loop in Python can afford.

aioquic's pacer asks for a wake-up per packet, and handling an ACK costs time in
proportion to the packets in flight. Measured in docs/decisions/0008-quic-profile.md.
"""

from __future__ import annotations

from aioquic.quic.congestion.base import register_congestion_control
from aioquic.quic.congestion.reno import RenoCongestionControl
from aioquic.quic.packet_builder import QuicSentPacket
from aioquic.quic.recovery import QuicPacketPacer

CAPPED_RENO = "pqmesh-capped-reno"
INTERVAL_S = 0.002


class CoarsePacer(QuicPacketPacer):
    """Wakes at most every INTERVAL_S and then lets that interval's packets out at once."""

    def next_send_time(self, now: float) -> float | None:  # type: ignore[override]
        at: float | None = super().next_send_time(now)
        return None if at is None else max(at, now + INTERVAL_S)

    def update_rate(self, congestion_window: int, smoothed_rtt: float) -> None:
        super().update_rate(congestion_window, smoothed_rtt)
        self.bucket_max = max(self.bucket_max, 1.25 * INTERVAL_S)


class CappedReno(RenoCongestionControl):
    """New Reno (RFC 9002 §7) that never opens its window beyond ``cap`` bytes."""

    cap = 1024 * 1024

    def on_packet_acked(self, *, now: float, packet: QuicSentPacket) -> None:
        super().on_packet_acked(now=now, packet=packet)
        self.congestion_window = min(self.congestion_window, self.cap)


register_congestion_control(CAPPED_RENO, CappedReno)
