# SPDX-License-Identifier: MIT OR Apache-2.0
"""ant-quic's CONNECT-UDP-bind exchange on one bidirectional stream (ant-quic-wire §5.1, §5.2).

    request    u32 length (<= 1024) | flags u8 (bit 0: bind) | host length varint | host | port u16
    response   u32 length | status u16 | flags u8 (bit 0: address, bit 1: reason)
               | [IP version u8 | IP | port u16] | [reason length varint | reason]
    data       u32 length (<= 65536) | context varint (0) | IP version u8 | IP | port u16 | payload

"Bind any" is host "::", port 0: the relay opens a UDP port for the client and says which. The data
frames then carry datagrams from and for that port, both ways. Pure: bytes in, values out.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from aioquic.buffer import encode_uint_var

from ..buffer import Buffer, BufferReadError
from ..frames import Address

MAX_REQUEST_BYTES = 1024
MAX_DATA_BYTES = 65_536
MAX_REASON_BYTES = 512

OK = 200
FORBIDDEN = 403
ALREADY_BOUND = 409
NOT_IMPLEMENTED = 501
AT_CAPACITY = 503


class InvalidRelayMessage(ValueError):
    """The bytes are no relay message of a known form."""


@dataclass(frozen=True)
class RelayRequest:
    """What a client asks for. ``bind`` with host "::" and port 0 is the only form served."""

    bind: bool
    host: str
    port: int

    def encode(self) -> bytes:
        """The request with its length, at least 8 bytes as ant-quic's reader wants."""
        name = self.host.encode()
        body = bytes((self.bind,)) + encode_uint_var(len(name)) + name
        return _framed(body + self.port.to_bytes(2, "big"))

    @classmethod
    def decode(cls, body: bytes) -> RelayRequest:
        """Parse what follows the length.

        :raises InvalidRelayMessage: short, trailing bytes, or a host that is no text
        """
        buf = Buffer(data=body)
        try:
            flags = buf.pull_uint8()
            host = buf.pull_bytes(buf.pull_uint_var()).decode()
            port = buf.pull_uint16()
        except (BufferReadError, UnicodeDecodeError) as error:
            raise InvalidRelayMessage("a relay request that ends early, or no text") from error
        _expect_end(buf)
        return cls(bool(flags & 1), host, port)


BIND_ANY = RelayRequest(bind=True, host="::", port=0)


@dataclass(frozen=True)
class RelayResponse:
    """The relay's answer: the public address opened, or a reason."""

    status: int
    address: Address | None = None
    reason: str | None = None

    def encode(self) -> bytes:
        """The response with its length; the reason is cut at 512 bytes."""
        flags = (self.address is not None) | (self.reason is not None) << 1
        body = self.status.to_bytes(2, "big") + bytes((flags,))
        if self.address is not None:
            body += _encode_address(self.address)
        if self.reason is not None:
            text = self.reason.encode()[:MAX_REASON_BYTES]
            body += encode_uint_var(len(text)) + text
        return _framed(body)

    @classmethod
    def decode(cls, body: bytes) -> RelayResponse:
        """Parse what follows the length.

        :raises InvalidRelayMessage: short, trailing bytes, or an unknown IP version
        """
        buf = Buffer(data=body)
        try:
            status, flags = buf.pull_uint16(), buf.pull_uint8()
            address = _pull_address(buf) if flags & 1 else None
            reason = None
            if flags & 2:
                reason = buf.pull_bytes(buf.pull_uint_var()).decode(errors="replace")
        except BufferReadError as error:
            raise InvalidRelayMessage("a relay response that ends early") from error
        _expect_end(buf)
        return cls(status, address, reason)


@dataclass(frozen=True)
class RelayedDatagram:
    """One UDP datagram to (from the client) or from (to the client) ``address``."""

    address: Address
    payload: bytes

    def encode(self) -> bytes:
        """The data frame with its length.

        :raises ValueError: longer than 65,536 bytes
        """
        body = b"\x00" + _encode_address(self.address) + self.payload
        if len(body) > MAX_DATA_BYTES:
            raise ValueError(f"a relayed datagram of {len(self.payload)} bytes is too long")
        return _framed(body)

    @classmethod
    def decode(cls, body: bytes) -> RelayedDatagram:
        """Parse what follows the length.

        :raises InvalidRelayMessage: short, another context than 0, or an unknown IP version
        """
        buf = Buffer(data=body)
        try:
            if buf.pull_uint_var() != 0:
                raise InvalidRelayMessage("only context 0, uncompressed, is spoken here")
            address = _pull_address(buf)
        except BufferReadError as error:
            raise InvalidRelayMessage("a relayed datagram that ends early") from error
        return cls(address, body[buf.tell() :])


class FrameReader:
    """Cuts a stream into length-prefixed bodies. Holds at most ``limit`` + 4 bytes unread."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield every body completed by ``data``.

        :raises InvalidRelayMessage: a length over the limit; the stream is beyond repair
        """
        self._buffer += data
        while len(self._buffer) >= 4:
            length = int.from_bytes(self._buffer[:4], "big")
            if length > self._limit:
                raise InvalidRelayMessage(f"a frame of {length} bytes, at most {self._limit}")
            if len(self._buffer) < 4 + length:
                return
            body = bytes(self._buffer[4 : 4 + length])
            del self._buffer[: 4 + length]
            yield body


def _framed(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


def _encode_address(address: Address) -> bytes:
    host = ipaddress.ip_address(address[0])
    return bytes((host.version,)) + host.packed + address[1].to_bytes(2, "big")


def _pull_address(buf: Buffer) -> Address:
    version = buf.pull_uint8()
    if version not in (4, 6):
        raise InvalidRelayMessage(f"IP version {version}")
    packed = buf.pull_bytes(4 if version == 4 else 16)
    return str(ipaddress.ip_address(packed)), buf.pull_uint16()


def _expect_end(buf: Buffer) -> None:
    if not buf.eof():
        raise InvalidRelayMessage("bytes after the end of the message")
