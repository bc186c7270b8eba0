# SPDX-License-Identifier: MIT OR Apache-2.0
"""A short way for packets that arrive as nearly all do.

Taken when the packet has a short header, comes on the active validated path for our
current connection id, in the current key phase, after the handshake: then nothing but its
payload can change the connection, and aioquic's general header walk is left out. The payload
of an in-order STREAM frame alone is taken here too; every other payload goes through
aioquic's frame handlers. Whatever does not fit falls back to ``super()``, state untouched.

tests/unit/pqmesh_host/quic/test_fastpath.py holds it equal to the plain way.
"""

from __future__ import annotations

from typing import Any

from aioquic import tls
from aioquic.quic import events
from aioquic.quic.connection import (
    END_STATES,
    QuicConnectionError,
    QuicConnectionState,
    QuicReceiveContext,
)
from aioquic.quic.crypto import CryptoContext
from aioquic.quic.packet import decode_packet_number
from aioquic.quic.recovery import MAX_ACK_RANGES, QuicPacketSpace
from cryptography.exceptions import InvalidTag

from .connection import PqConnection

ONE_RTT = tls.Epoch.ONE_RTT
CID_BYTES = 8
PN_AT = 1 + CID_BYTES
SAMPLE_AT = PN_AT + 4
SAMPLE_BYTES = 16
SHORTEST = SAMPLE_AT + SAMPLE_BYTES
STREAM_OFF_LEN = 0x0E
"""STREAM with offset and length, without FIN: every packet of a message but the ends."""

RESERVED_BITS = 0x18
SPIN_BIT = 0x20


class FastReceive(PqConnection):
    """Overrides ``receive_datagram``."""

    def receive_datagram(self, data: bytes, addr: Any, now: float) -> None:
        """As aioquic's, faster for ordinary packets."""
        if not self._is_ordinary(data, addr):
            super().receive_datagram(data, addr, now)
            return
        opened = self._open(data, self._cryptos[ONE_RTT].recv)
        if opened is None:
            super().receive_datagram(data, addr, now)
            return
        first, number, plain = opened
        space = self._spaces[ONE_RTT]
        if number in space.received_packets:
            return
        if number > space.expected_packet_number:
            space.expected_packet_number = number + 1
        if number > self._spin_highest_pn:
            spin = bool(first & SPIN_BIT)
            self._spin_bit = not spin if self._is_client else spin
            self._spin_highest_pn = number
        ack_eliciting = self._take_stream_data(plain) or self._take_frames(plain, now)
        if ack_eliciting is None or self._state in END_STATES or self._close_pending:
            return
        self._close_at = now + self._idle_timeout()
        self._ack_eliciting_sent_since_receipt = False
        self._record(space, number, ack_eliciting, now)

    def _is_ordinary(self, data: bytes, addr: Any) -> bool:
        path = self._network_paths[0] if self._network_paths else None
        return (
            path is not None
            and (data[0] & 0xC0) == 0x40
            and self._handshake_confirmed
            and self._state is QuicConnectionState.CONNECTED
            and not self._close_pending
            and self._quic_logger is None
            and len(data) >= SHORTEST
            and path.is_validated
            and path.addr == addr
            and data[1:PN_AT] == self.host_cid
        )

    def _open(self, data: bytes, crypto: CryptoContext) -> tuple[int, int, bytes] | None:
        """Return (first byte, packet number, payload), or None to go the plain way."""
        hp, aead = crypto.hp, crypto.aead
        if hp is None or aead is None or hp._is_chacha20:
            return None
        mask = hp._encryptor.update(data[SAMPLE_AT:SHORTEST])
        first = data[0] ^ (mask[0] & 0x1F)
        if first & RESERVED_BITS or (first >> 2) & 1 != crypto.key_phase:
            return None
        pn_bytes = (first & 3) + 1
        end = PN_AT + pn_bytes
        truncated = int.from_bytes(data[PN_AT:end], "big")
        truncated ^= int.from_bytes(mask[1 : 1 + pn_bytes], "big")
        header = bytes((first,)) + data[1:PN_AT] + truncated.to_bytes(pn_bytes, "big")
        expected = self._spaces[ONE_RTT].expected_packet_number
        number: int = decode_packet_number(truncated, 8 * pn_bytes, expected)
        try:
            nonce = (aead._iv ^ number).to_bytes(12, "big")
            return first, number, aead._aead.decrypt(nonce, data[end:], header)
        except InvalidTag:
            return None

    def _take_stream_data(self, plain: bytes) -> bool | None:
        """Take one in-order STREAM frame of a known stream; None if it is anything else."""
        if not plain or plain[0] != STREAM_OFF_LEN:
            return None
        try:
            stream_id, at = _varint(plain, 1)
            offset, at = _varint(plain, at)
            length, at = _varint(plain, at)
        except IndexError:
            return None
        stop = offset + length
        stream = self._streams.get(stream_id)
        if stream is None or not length or at + length != len(plain):
            return None
        receiver = stream.receiver
        credit = self.byte_credit
        if (
            offset != receiver.highest_offset
            or offset != receiver._buffer_start
            or stop > stream.max_stream_data_local
            or credit.used + length > credit.value
            or receiver._final_size is not None
            or receiver.is_finished
        ):
            return None
        receiver._buffer_start = receiver.highest_offset = stop
        credit.used += length
        self._events.append(
            events.StreamDataReceived(data=plain[at:], end_stream=False, stream_id=stream_id)
        )
        return True

    def _take_frames(self, plain: bytes, now: float) -> bool | None:
        """Give a payload to aioquic's handlers; None when it closes the connection."""
        context = QuicReceiveContext(
            epoch=ONE_RTT,
            host_cid=self.host_cid,
            network_path=self._network_paths[0],
            quic_logger_frames=None,
            time=now,
            version=None,
        )
        try:
            ack_eliciting: bool = self._payload_received(context, plain)[0]
        except QuicConnectionError as error:
            self._logger.warning(error)
            self.close(
                error_code=error.error_code,
                frame_type=error.frame_type,
                reason_phrase=error.reason_phrase,
            )
            return None
        return ack_eliciting

    def _record(
        self, space: QuicPacketSpace, number: int, ack_eliciting: bool, now: float
    ) -> None:
        """Remember the packet for acknowledgement (RFC 9000 §13.2)."""
        if number > space.largest_received_packet:
            space.largest_received_packet = number
            space.largest_received_time = now
        space.ack_queue.add(number)
        space.received_packets.add(number)
        if len(space.ack_queue) > MAX_ACK_RANGES:
            space.ack_queue.shift()
        if ack_eliciting and space.ack_at is None:
            space.ack_at = now + self._ack_delay


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Read a QUIC varint (RFC 9000 §16); IndexError past the end."""
    first = data[at]
    size = 1 << (first >> 6)
    if size == 1:
        return first, at + 1
    if at + size > len(data):
        raise IndexError
    value = int.from_bytes(data[at : at + size], "big") & ((1 << (8 * size - 2)) - 1)
    return value, at + size
