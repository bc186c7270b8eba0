# SPDX-License-Identifier: MIT OR Apache-2.0
"""What ant-quic puts on streams beside application messages (ant-quic-wire §4.2-§4.6).

    on a uni stream, whole:
        AQCC 01 | JSON                                   coordinator control
        ANQAckC1 | tag 16 | kind u8 | value u8           26 bytes, the answer to a probe
        ANQProR1 | tag 16                                24 bytes, a probe
        anything else                                    an application message
    on a bidi stream:
        ANQAckB3 | request id 16 | payload               ACK-v2 request
        ANQAckR2 | kind u8 | value u8                    10 bytes, its answer
        ANQAppB1 | bytes                                 application byte stream
        u32 length | ...                                 MASQUE relay request

Pure: bytes in, values out.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from enum import Enum, auto

TAG_BYTES = 16
COORDINATOR = b"AQCC\x01"
PROBE = b"ANQProR1"
PROBE_ANSWER = b"ANQAckC1"
ACK_REQUEST = b"ANQAckB3"
ACK_ANSWER = b"ANQAckR2"
APP_STREAM = b"ANQAppB1"
MAGIC_BYTES = 8
ACK_REQUEST_HEADER_BYTES = MAGIC_BYTES + TAG_BYTES
ACK_ANSWER_BYTES = MAGIC_BYTES + 2

ACCEPTED = (0, 0)
REJECTED_CONSUMER_GONE = (1, 1)
REJECTED_INVALID = (1, 2)
REJECTED_NOT_SUPPORTED = (1, 3)
REJECTED_BACK_PRESSURE = (1, 4)

REMEMBER_S = 120.0
MAX_REMEMBERED = 8192

_REJECTIONS = {
    1: "consumer gone",
    2: "invalid envelope",
    3: "not supported",
    4: "back-pressured",
    255: "unknown",
}

RELAY_NOT_SERVED = bytes.fromhex("00000003 01f5 00")
"""A MASQUE response of status 501: u32 length, u16 status, u8 flags (ant-quic-wire §5.1)."""


class Kind(Enum):
    """What a whole uni stream turned out to be."""

    APPLICATION = auto()
    COORDINATOR = auto()
    PROBE = auto()
    PROBE_ANSWER = auto()


def classify(payload: bytes) -> Kind:
    """Sort a received uni stream, in ant-quic's own order of tests."""
    if payload.startswith(COORDINATOR):
        return Kind.COORDINATOR
    if len(payload) == MAGIC_BYTES + TAG_BYTES + 2 and payload.startswith(PROBE_ANSWER):
        return Kind.PROBE_ANSWER
    if len(payload) == MAGIC_BYTES + TAG_BYTES and payload.startswith(PROBE):
        return Kind.PROBE
    return Kind.APPLICATION


def probe(tag: bytes) -> bytes:
    """Encode a liveness probe; ``tag`` is 16 random bytes."""
    return PROBE + tag


def answer_probe(request: bytes, kind: int = 0, value: int = 0) -> bytes:
    """Encode the answer to a received probe."""
    return PROBE_ANSWER + request[MAGIC_BYTES:] + bytes((kind, value))


def probe_tag(payload: bytes) -> bytes:
    """The tag of a probe or of its answer."""
    return payload[MAGIC_BYTES : MAGIC_BYTES + TAG_BYTES]


def ack_answer(verdict: tuple[int, int]) -> bytes:
    """Encode the answer to an ACK-v2 request."""
    return ACK_ANSWER + bytes(verdict)


def decode_ack_answer(payload: bytes) -> tuple[int, int] | None:
    """Return (kind, value) of an ACK-v2 answer, or None for anything else."""
    if len(payload) != ACK_ANSWER_BYTES or not payload.startswith(ACK_ANSWER):
        return None
    return payload[-2], payload[-1]


def describe_ack(kind: int, value: int) -> str:
    """Name an ACK-v2 verdict for people."""
    if kind == 0:
        return "accepted"
    if kind == 1:
        return f"rejected: {_REJECTIONS.get(value, f'reason {value}')}"
    return f"closed: reason {value}"


class AckLedger:
    """Which ACK-v2 requests were answered, so that a repeat is not delivered twice.

    The same id with the same payload gets the same answer again; with another payload it
    is refused. Remembers ``MAX_REMEMBERED`` requests for ``REMEMBER_S``; the oldest go
    first. One ledger serves all peers, because a repeat may come on a new connection.
    """

    def __init__(self) -> None:
        self._answered: OrderedDict[tuple[bytes, bytes], tuple[float, bytes, tuple[int, int]]] = (
            OrderedDict()
        )

    def lookup(
        self, peer_id: bytes, request_id: bytes, payload: bytes, now: float
    ) -> tuple[int, int] | None:
        """Return the verdict already fixed for this request, or None if it is new."""
        self._expire(now)
        known = self._answered.get((peer_id, request_id))
        if known is None:
            return None
        _, digest, verdict = known
        return verdict if digest == _digest(payload) else REJECTED_INVALID

    def record(
        self,
        peer_id: bytes,
        request_id: bytes,
        payload: bytes,
        verdict: tuple[int, int],
        now: float,
    ) -> None:
        """Remember the verdict on a new request."""
        self._answered[peer_id, request_id] = (now, _digest(payload), verdict)
        while len(self._answered) > MAX_REMEMBERED:
            self._answered.popitem(last=False)

    def __len__(self) -> int:
        return len(self._answered)

    def _expire(self, now: float) -> None:
        while self._answered:
            key, (since, _, _) = next(iter(self._answered.items()))
            if now - since <= REMEMBER_S:
                return
            del self._answered[key]


def _digest(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=32).digest()
