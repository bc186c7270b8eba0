# SPDX-License-Identifier: MIT OR Apache-2.0
"""A short way out for full packets of stream data.

Full-size packets that hold one STREAM frame each are made here, as far as window, pacer and
credit allow. When anything else waits (an ACK, a control frame, the end of a message or a
short one), aioquic writes first, within an allowance of a few packets, so that bulk never
holds up what is small; and it writes last, whatever is left. Among long messages the first
come is the first served.

tests/unit/pqmesh_host/quic/test_fastpath.py holds it equal to the plain way.
"""

from __future__ import annotations

from typing import Any

from aioquic import tls
from aioquic.quic.connection import QuicNetworkPath
from aioquic.quic.packet import QuicPacketType
from aioquic.quic.packet_builder import (
    QuicPacketBuilder,
    QuicPacketBuilderStop,
    QuicSentPacket,
)
from aioquic.quic.stream import QuicStream

from .buffer import encode_uint_var
from .connection import PqConnection

ONE_RTT = tls.Epoch.ONE_RTT
TAG_BYTES = 16
PN_BYTES = 2
HEADER_EXTRA = 1 + PN_BYTES
LENGTH_BYTES = 2
ALLOWANCE = 8
"""Packets aioquic may write before bulk goes on."""

STREAM_OFF_LEN = b"\x0e"
STREAM_OFF_LEN_FIN = b"\x0f"


class _Sealer:
    """Builds and protects 1-RTT packets of one connection, one after the other."""

    def __init__(self, builder: QuicPacketBuilder, crypto: Any) -> None:
        self._encrypt = crypto.aead._aead.encrypt
        self._iv = crypto.aead._iv
        self._mask = crypto.hp._encryptor.update
        self._cid = builder._peer_cid
        # Fixed bit, spin bit, key phase, two-byte packet number (RFC 9000 §17.3.1).
        self._first = 0x40 | (builder._spin_bit << 5) | (crypto.key_phase << 2) | (PN_BYTES - 1)
        self.overhead = HEADER_EXTRA + len(self._cid) + TAG_BYTES

    def seal(self, number: int, plain: bytes) -> bytes:
        """Return the protected packet; ``plain`` has at least two bytes."""
        short = number & 0xFFFF
        header = bytes((self._first,)) + self._cid + short.to_bytes(PN_BYTES, "big")
        sealed = self._encrypt((self._iv ^ number).to_bytes(12, "big"), plain, header)
        # The sample starts four bytes after the packet number does (RFC 9001 §5.4.2).
        mask = self._mask(sealed[4 - PN_BYTES : 20 - PN_BYTES])
        return b"".join(
            (
                bytes((self._first ^ (mask[0] & 0x1F),)),
                self._cid,
                (short ^ (mask[1] << 8 | mask[2])).to_bytes(PN_BYTES, "big"),
                sealed,
            )
        )


class FastSend(PqConnection):
    """Overrides ``_write_application``."""

    def _write_application(
        self, builder: QuicPacketBuilder, network_path: QuicNetworkPath, now: float
    ) -> None:
        full = self._max_datagram_size
        if self._is_ready(builder, network_path) and any(
            _is_long(stream, full) for stream in self._streams_queue
        ):
            if self._something_else_waits(network_path, full, now):
                self._write_within(builder, network_path, ALLOWANCE * full, now)
            for stream in self._streams_queue:
                if stream.sender.buffer_is_empty or stream.is_blocked:
                    continue
                if stream.sender.reset_pending or stream.is_finished:
                    continue
                if not self._write_full_packets(builder, stream, now):
                    break
        super()._write_application(builder, network_path, now)

    def _is_ready(self, builder: QuicPacketBuilder, path: QuicNetworkPath) -> bool:
        """Whether this is an ordinary moment of an ordinary path."""
        crypto = self._cryptos[ONE_RTT]
        return (
            self._handshake_confirmed
            and path.is_validated
            and builder._packet is None
            and builder._datagram_init
            and builder.max_flight_bytes is not None
            and builder.max_total_bytes is None
            and self._quic_logger is None
            and not crypto._update_key_requested
            and crypto.send.hp is not None
            and not crypto.send.hp._is_chacha20
        )

    def _something_else_waits(self, path: QuicNetworkPath, full: int, now: float) -> bool:
        """Whether aioquic has anything to write but full packets of stream data."""
        ack_at = self._spaces[ONE_RTT].ack_at
        messages, data = self.message_credit, self.byte_credit
        return bool(
            (ack_at is not None and ack_at <= now)
            or self._probe_pending
            or self._ping_pending
            or self._queued_frames
            or self.stream_credit_moved
            or self._datagrams_pending
            or self._retire_connection_ids
            or self._handshake_done_pending
            or self._streams_blocked_pending
            or path.remote_challenges
            or data.value != data.sent
            # aioquic saves MAX_STREAMS up by the same rule.
            or messages.sent - messages.used < messages.value - messages.sent
            or any(not cid.was_sent for cid in self._host_cids)
            or any(_is_urgent(stream, full) for stream in self._streams_queue)
        )

    def _write_within(
        self, builder: QuicPacketBuilder, path: QuicNetworkPath, allowance: int, now: float
    ) -> None:
        """Let aioquic write, but no more than ``allowance`` bytes in flight."""
        limit = builder.max_flight_bytes
        if limit is None:
            return
        builder.max_flight_bytes = min(limit, builder._flight_bytes + allowance)
        try:
            super()._write_application(builder, path, now)
        except QuicPacketBuilderStop:
            pass  # the allowance is used up; not an error of anyone's
        finally:
            builder.max_flight_bytes = limit
        if builder._packet is not None:
            builder._end_packet()
        if builder._buffer.tell() == 0:
            builder._datagram_init = True  # the next packet looks at the real limit again

    def _write_full_packets(
        self, builder: QuicPacketBuilder, stream: QuicStream, now: float
    ) -> bool:
        """Write full packets of one stream; return whether another may be served after it."""
        sender, pacer = stream.sender, self._loss._pacer
        sealer = _Sealer(builder, self._cryptos[ONE_RTT].send)
        size = self._max_datagram_size
        room = size - sealer.overhead - 1 - LENGTH_BYTES
        stream_id = encode_uint_var(stream.stream_id or 0)
        number = builder._packet_number
        left = (builder.max_flight_bytes or 0) - builder._flight_bytes
        credit = self._remote_max_data - self._remote_max_data_used
        goes_on = False
        while left >= size:
            start = sender.next_offset
            if not start:
                break  # the first frame has no offset field, and opens the stream: aioquic's
            head = stream_id + encode_uint_var(start)
            want = room - len(head)
            if sender._buffer_stop - start < want:
                goes_on = True  # only the end of a message is left of it
                break
            if pacer.next_send_time(now=now) is not None:
                break
            highest = sender.highest_offset
            frame = sender.get_frame(want, min(highest + credit, stream.max_stream_data_remote))
            if frame is None:
                break
            stop = start + len(frame.data)
            kind = STREAM_OFF_LEN_FIN if frame.fin else STREAM_OFF_LEN
            length = (len(frame.data) | 0x4000).to_bytes(LENGTH_BYTES, "big")
            packet = sealer.seal(number, b"".join((kind, head, length, frame.data)))
            used = sender.highest_offset - highest
            credit -= used
            self._remote_max_data_used += used
            delivered = (sender.on_data_delivery, (start, stop, frame.fin))
            builder._packets.append(_sent(number, len(packet), [delivered]))
            builder._datagrams.append(packet)
            builder._flight_bytes += len(packet)
            builder._total_bytes += len(packet)
            left -= len(packet)
            number += 1
            pacer.update_after_send(now=now)
        builder._packet_number = number
        return goes_on


def _is_long(stream: QuicStream, full: int) -> bool:
    """Whether a stream has a packet's worth of data to send; without one, all is aioquic's."""
    sender = stream.sender
    return not sender.buffer_is_empty and sender._buffer_stop - sender.next_offset >= full


def _is_urgent(stream: QuicStream, full: int) -> bool:
    """Whether a stream wants a control frame, its first frame, or less than a packet."""
    sender = stream.sender
    if stream.receiver.stop_pending or sender.reset_pending or stream.is_finished:
        return True
    if sender.buffer_is_empty or stream.is_blocked:
        return False
    start = sender.next_offset
    return not start or sender._buffer_stop - start < full


def _sent(number: int, size: int, handlers: list[Any]) -> QuicSentPacket:
    return QuicSentPacket(
        epoch=ONE_RTT,
        in_flight=True,
        is_ack_eliciting=True,
        is_crypto_packet=False,
        packet_number=number,
        packet_type=QuicPacketType.ONE_RTT,
        sent_bytes=size,
        delivery_handlers=handlers,
    )
