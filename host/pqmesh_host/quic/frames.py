# SPDX-License-Identifier: MIT OR Apache-2.0
"""ant-quic's NAT traversal and address discovery frames, in their RFC layout.

All types are four-byte varints, IPv4 or IPv6 by type; ports are big-endian; other
integers are QUIC varints. 1-RTT only, ack-eliciting (ant-quic-wire §2.5).

    frame                    type v4 / v6         body
    ADD_ADDRESS              3d7e90 / 3d7e91      sequence, IP, port
    PUNCH_ME_NOW             3d7e92 / 3d7e93      round, paired sequence, IP, port
    REMOVE_ADDRESS           3d7e94               sequence
    TRY_CONNECT_TO           3d7e95 / 3d7e96      request, IP, port, timeout ms u16
    TRY_CONNECT_TO_RESPONSE  3d7e97 / 3d7e98      request, success u8, error u8, IP, port
    OBSERVED_ADDRESS         9f81a6 / 9f81a7      sequence, IP, port

TRY_CONNECT_TO is parsed, so that a peer which sends it keeps its connection, and never
sent: ant-quic's own handling of it is unfinished (ant-quic-wire §2.6).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import ClassVar

from . import transport_parameters
from .buffer import Buffer

Address = tuple[str, int]
"""(IP address in text form, port)."""

MAX_BODY_BYTES = 64


class Frame:
    """One frame. ``TYPES`` is (v4, v6), or one type where no address is carried."""

    TYPES: ClassVar[tuple[int, ...]] = ()

    @property
    def type(self) -> int:
        """The frame type this value travels under."""
        address: Address | None = getattr(self, "address", None)
        return self.TYPES[1 if address is not None and ":" in address[0] else 0]

    def push(self, buf: Buffer) -> None:
        """Write the body."""
        raise NotImplementedError

    @classmethod
    def pull(cls, is_v6: bool, buf: Buffer) -> Frame:
        """Read the body; BufferReadError when it is short."""
        raise NotImplementedError


@dataclass(frozen=True)
class AddAddress(Frame):
    """A further address of the sender, numbered by it."""

    TYPES = (0x3D7E90, 0x3D7E91)
    sequence: int
    address: Address

    def push(self, buf: Buffer) -> None:
        buf.push_uint_var(self.sequence)
        _push_address(buf, self.address)

    @classmethod
    def pull(cls, is_v6: bool, buf: Buffer) -> AddAddress:
        return cls(buf.pull_uint_var(), _pull_address(buf, is_v6))


@dataclass(frozen=True)
class PunchMeNow(Frame):
    """Send probes to ``address`` now; pairs with one of our ADD_ADDRESS sequences."""

    TYPES = (0x3D7E92, 0x3D7E93)
    round: int
    paired_sequence: int
    address: Address

    def push(self, buf: Buffer) -> None:
        buf.push_uint_var(self.round)
        buf.push_uint_var(self.paired_sequence)
        _push_address(buf, self.address)

    @classmethod
    def pull(cls, is_v6: bool, buf: Buffer) -> PunchMeNow:
        return cls(buf.pull_uint_var(), buf.pull_uint_var(), _pull_address(buf, is_v6))


@dataclass(frozen=True)
class RemoveAddress(Frame):
    """An address announced earlier is no longer valid."""

    TYPES = (0x3D7E94,)
    sequence: int

    def push(self, buf: Buffer) -> None:
        buf.push_uint_var(self.sequence)

    @classmethod
    def pull(cls, is_v6: bool, buf: Buffer) -> RemoveAddress:
        return cls(buf.pull_uint_var())


@dataclass(frozen=True)
class TryConnectTo(Frame):
    """A request to dial ``address``. We never act on it: it would aim us at strangers."""

    TYPES = (0x3D7E95, 0x3D7E96)
    request: int
    address: Address
    timeout_ms: int

    def push(self, buf: Buffer) -> None:
        buf.push_uint_var(self.request)
        _push_address(buf, self.address)
        buf.push_uint16(self.timeout_ms)

    @classmethod
    def pull(cls, is_v6: bool, buf: Buffer) -> TryConnectTo:
        return cls(buf.pull_uint_var(), _pull_address(buf, is_v6), buf.pull_uint16())


@dataclass(frozen=True)
class TryConnectToResponse(Frame):
    """Its answer; ``error`` is 0 timeout, 1 refused, 2 net, 3 host unreachable, 4 rate
    limited, 5 invalid target, 255 internal."""

    TYPES = (0x3D7E97, 0x3D7E98)
    request: int
    success: int
    error: int
    address: Address

    def push(self, buf: Buffer) -> None:
        buf.push_uint_var(self.request)
        buf.push_uint8(self.success)
        buf.push_uint8(self.error)
        _push_address(buf, self.address)

    @classmethod
    def pull(cls, is_v6: bool, buf: Buffer) -> TryConnectToResponse:
        request, success, error = buf.pull_uint_var(), buf.pull_uint8(), buf.pull_uint8()
        return cls(request, success, error, _pull_address(buf, is_v6))


@dataclass(frozen=True)
class ObservedAddress(Frame):
    """The address the sender sees us at. A hint, never a proof."""

    TYPES = (0x9F81A6, 0x9F81A7)
    sequence: int
    address: Address

    def push(self, buf: Buffer) -> None:
        buf.push_uint_var(self.sequence)
        _push_address(buf, self.address)

    @classmethod
    def pull(cls, is_v6: bool, buf: Buffer) -> ObservedAddress:
        return cls(buf.pull_uint_var(), _pull_address(buf, is_v6))


NAT_FRAMES = (AddAddress, PunchMeNow, RemoveAddress, TryConnectTo, TryConnectToResponse)
ALL: tuple[type[Frame], ...] = (*NAT_FRAMES, ObservedAddress)
_BY_TYPE = {kind: (cls, at == 1) for cls in ALL for at, kind in enumerate(cls.TYPES)}


def negotiated(parameters: dict[int, bytes]) -> frozenset[int]:
    """The frame types a side with these transport parameters takes."""
    taken: list[int] = []
    if transport_parameters.NAT_TRAVERSAL in parameters:
        taken += [kind for cls in NAT_FRAMES for kind in cls.TYPES]
    if transport_parameters.ADDRESS_DISCOVERY in parameters:
        taken += ObservedAddress.TYPES
    return frozenset(taken)


def encode(frame: Frame) -> bytes:
    """Return the body of a frame, without its type."""
    buf = Buffer(capacity=MAX_BODY_BYTES)
    frame.push(buf)
    return buf.data


def decode(frame_type: int, buf: Buffer) -> Frame:
    """Read the body that follows ``frame_type``; BufferReadError when it is short."""
    cls, is_v6 = _BY_TYPE[frame_type]
    return cls.pull(is_v6, buf)


def _push_address(buf: Buffer, address: Address) -> None:
    buf.push_bytes(ipaddress.ip_address(address[0]).packed)
    buf.push_uint16(address[1])


def _pull_address(buf: Buffer, is_v6: bool) -> Address:
    host = ipaddress.ip_address(buf.pull_bytes(16 if is_v6 else 4))
    return str(host), buf.pull_uint16()
