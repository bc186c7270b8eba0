# SPDX-License-Identifier: MIT OR Apache-2.0
"""What to do with a datagram that belongs to no connection: accept, Retry, or nothing.

Costs rise along the way: a header parse, then a Retry (one AES-GCM seal), then a
handshake (about a millisecond of ML-KEM and ML-DSA, and 7 KB to an address that has
proved nothing beyond 2.4 KB received).
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass

from aioquic.quic.packet import (
    QuicPacketType,
    QuicProtocolVersion,
    encode_quic_retry,
    encode_quic_version_negotiation,
    pull_quic_header,
)
from aioquic.quic.retry import QuicRetryTokenHandler

from .buffer import Buffer
from .limits import HANDSHAKE_DATAGRAM_BYTES, QuicLimits
from .udp import Address

CID_BYTES = 8
LONG_HEADER = 0x80


@dataclass(frozen=True)
class Accept:
    """Start a handshake for a client that chose ``original_cid``."""

    original_cid: bytes
    retry_cid: bytes | None
    destination_cid: bytes


class Acceptor:
    """Pure but for its token key, which lives as long as the endpoint."""

    def __init__(self, limits: QuicLimits) -> None:
        self.counts: Counter[str] = Counter()
        self._limits = limits
        self._tokens = QuicRetryTokenHandler()

    def judge(
        self, data: bytes, address: Address, now: float, *, handshakes: int, connections: int
    ) -> Accept | bytes | None:
        """Return Accept, a datagram to answer with, or None to drop."""
        verdict = self._verdict(data, address, now, handshakes, connections)
        if isinstance(verdict, str):
            self.counts[f"dropped_{verdict}"] += 1
            return None
        return verdict

    def _verdict(
        self, data: bytes, address: Address, now: float, handshakes: int, connections: int
    ) -> Accept | bytes | str:
        """As ``judge``, with the cause of a drop as a string."""
        if not data[0] & LONG_HEADER:
            return "unknown_connection"
        try:
            header = pull_quic_header(Buffer(data=data), host_cid_length=CID_BYTES)
        except ValueError:
            return "malformed"
        if len(data) < HANDSHAKE_DATAGRAM_BYTES:
            return "short"  # RFC 9000 §14.1, and no amplification for anyone
        if header.packet_type == QuicPacketType.VERSION_NEGOTIATION or header.version is None:
            return "unknown_connection"
        if header.version != QuicProtocolVersion.VERSION_1:
            self.counts["version_negotiation"] += 1
            return encode_quic_version_negotiation(
                source_cid=header.destination_cid,
                destination_cid=header.source_cid,
                supported_versions=[QuicProtocolVersion.VERSION_1],
            )
        if header.packet_type != QuicPacketType.INITIAL:
            return "unknown_connection"
        if connections >= self._limits.max_connections:
            return "connections_full"
        if handshakes >= self._limits.max_handshakes:
            return "handshakes_full"
        cid = header.destination_cid
        if header.token:
            return self._redeem(header.token, cid, address, now)
        if handshakes >= self._limits.retry_above_handshakes:
            return self._retry(cid, header.source_cid, address, now)
        return Accept(cid, None, cid)

    def _redeem(self, token: bytes, cid: bytes, address: Address, now: float) -> Accept | str:
        try:
            original = self._tokens.validate_token(
                address=address, destination_cid=cid, token=token, now=now
            )
        except ValueError:
            # A token of another life of ours, or forged: RFC 9000 §8.1.3 lets us drop it.
            return "bad_token"
        return Accept(original, cid, cid)

    def _retry(self, cid: bytes, source_cid: bytes, address: Address, now: float) -> bytes:
        self.counts["retry_sent"] += 1
        retry_cid = os.urandom(CID_BYTES)
        token = self._tokens.create_token(
            address=address,
            original_destination_connection_id=cid,
            retry_source_connection_id=retry_cid,
            now=now,
        )
        return encode_quic_retry(
            version=QuicProtocolVersion.VERSION_1,
            source_cid=retry_cid,
            destination_cid=source_cid,
            original_destination_cid=cid,
            retry_token=token,
        )
