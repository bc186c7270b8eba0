# SPDX-License-Identifier: MIT OR Apache-2.0
"""The transport parameters aioquic does not know (RFC 9000 §18, ant-quic-wire §2.2-§2.4).

0x50C0 (PQC algorithms) is not here and never sent: an ant-quic node that sees it pads
its datagrams to 4,096 bytes and loses them on real paths.
"""

from __future__ import annotations

from .buffer import Buffer, BufferReadError

MAX_UDP_PAYLOAD_SIZE = 0x03
ACK_RECEIVE_V2 = 0x50C2
"""Empty. We answer probes and ACK-v2 requests."""

ADDRESS_DISCOVERY = 0x9F81A176
"""Varint 0 send only, 1 receive only, 2 both: we take OBSERVED_ADDRESS."""

NAT_TRAVERSAL = 0x3D7E9F0BCA12FEA6
"""Varint 1..100, concurrent punches. Never without RFC_NAT_TRAVERSAL."""

RFC_NAT_TRAVERSAL = 0x3D7E9F0BCA12FEA8
"""Empty. The NAT traversal frames have their RFC layout."""


def varint(value: int) -> bytes:
    """Encode a QUIC variable-length integer (RFC 9000 §16)."""
    buf = Buffer(capacity=8)
    buf.push_uint_var(value)
    return buf.data


def encode(parameters: dict[int, bytes]) -> bytes:
    """Encode parameters as they follow each other in the TLS extension."""
    return b"".join(varint(key) + varint(len(value)) + value for key, value in parameters.items())


def decode(data: bytes) -> dict[int, bytes]:
    """Split the TLS extension into raw values by id.

    :raises ValueError: truncated, or an id comes twice (RFC 9000 §7.4)
    """
    buf = Buffer(data=data)
    found: dict[int, bytes] = {}
    try:
        while not buf.eof():
            key = buf.pull_uint_var()
            value = buf.pull_bytes(buf.pull_uint_var())
            if key in found:
                raise ValueError(f"transport parameter {key:#x} is repeated")
            found[key] = value
    except BufferReadError as error:
        raise ValueError("truncated transport parameters") from error
    return found


def integer(parameters: dict[int, bytes], key: int, default: int) -> int:
    """Read an integer parameter. ValueError unless it is exactly one varint."""
    if key not in parameters:
        return default
    buf = Buffer(data=parameters[key])
    try:
        value = buf.pull_uint_var()
    except BufferReadError as error:
        raise ValueError(f"transport parameter {key:#x} is truncated") from error
    if not buf.eof():
        raise ValueError(f"transport parameter {key:#x} has trailing bytes")
    return value


NAT_PAIR = {NAT_TRAVERSAL: varint(3), RFC_NAT_TRAVERSAL: b""}
"""What announces the NAT traversal frames: always both, or ant-quic uses a layout its own
parser mangles (ant-quic-wire §0, row 8)."""
