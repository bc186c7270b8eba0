# SPDX-License-Identifier: MIT OR Apache-2.0
"""ant-quic's coordinator control messages: "AQCC" 01 and JSON (ant-quic-wire §4.6).

    initiator --CoordinationRequest--> coordinator --CoordinationOffer--> target
    initiator <--CoordinationAccepted-- coordinator <--CoordinationReady-- target
              <--CoordinationAccepted------------- -> target          both sides punch now

    {"request_id": 7, "expires_at_unix_ms": 1790000000000,
     "message": {"CoordinationRequest": {"initiator": [32 ints], "target": [32 ints], "round": 1,
                                         "initiator_addrs": ["198.51.100.4:9000"]}}}

Who may say what is the handler's business; here only the form is checked. A message is at most
16 KiB and lists at most 16 addresses a side.
"""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass, field
from typing import Any

from ..frames import Address
from ..messages import COORDINATOR

MAX_BYTES = 16 * 1024
MAX_ADDRESSES = 16
PEER_ID_BYTES = 32

REASONS = (
    "SelfTarget",
    "UnknownTarget",
    "Expired",
    "RateLimited",
    "Unauthenticated",
    "InternalError",
)


class InvalidCoordination(ValueError):
    """The bytes are no coordination message of a known form."""


@dataclass(frozen=True, kw_only=True)
class Coordination:
    """One control message. ``kind`` is the variant's name after "Coordination"."""

    kind: str
    request_id: int
    expires_at_unix_ms: int
    initiator: bytes
    target: bytes
    round: int
    initiator_addresses: tuple[Address, ...] = field(default=())
    target_addresses: tuple[Address, ...] = field(default=())
    reason: str | None = None
    """Why, for "Rejected"; one of REASONS."""


# variant -> which of the two address lists it carries, and whether it gives a reason.
_SHAPES: dict[str, tuple[bool, bool, bool]] = {
    "Request": (True, False, False),
    "Offer": (True, False, False),
    "Ready": (False, True, False),
    "Accepted": (True, True, False),
    "Rejected": (False, False, True),
}


def encode(message: Coordination) -> bytes:
    """The whole uni stream of a control message."""
    initiator_list, target_list, reason = _SHAPES[message.kind]
    body: dict[str, Any] = {
        "initiator": list(message.initiator),
        "target": list(message.target),
        "round": message.round,
    }
    if initiator_list:
        body["initiator_addrs"] = [format_address(a) for a in message.initiator_addresses]
    if target_list:
        body["target_addrs"] = [format_address(a) for a in message.target_addresses]
    if reason:
        body["reason"] = message.reason
    envelope = {
        "request_id": message.request_id,
        "expires_at_unix_ms": message.expires_at_unix_ms,
        "message": {f"Coordination{message.kind}": body},
    }
    return COORDINATOR + json.dumps(envelope, separators=(",", ":")).encode()


def decode(payload: bytes) -> Coordination:
    """Parse a uni stream that begins with the AQCC magic.

    :raises InvalidCoordination: too long, not JSON, an unknown variant, or a field of another form
    """
    if not payload.startswith(COORDINATOR) or len(payload) > MAX_BYTES:
        raise InvalidCoordination("not an AQCC message, or longer than 16 KiB")
    try:
        envelope = json.loads(payload[len(COORDINATOR) :])
    except (ValueError, RecursionError) as error:
        raise InvalidCoordination("the text after AQCC is not JSON") from error
    fields = _dict(envelope, "envelope")
    message = _dict(fields.get("message"), "message")
    if len(message) != 1:
        raise InvalidCoordination("message names no single variant")
    name, content = next(iter(message.items()))
    kind = name.removeprefix("Coordination")
    if kind not in _SHAPES or kind == name:
        raise InvalidCoordination(f"unknown variant {name[:40]!r}")
    return _build(kind, fields, _dict(content, name))


def _build(kind: str, fields: dict[str, Any], body: dict[str, Any]) -> Coordination:
    initiator_list, target_list, has_reason = _SHAPES[kind]
    reason = body.get("reason")
    if has_reason and reason not in REASONS:
        raise InvalidCoordination(f"unknown reason {str(reason)[:40]!r}")
    return Coordination(
        kind=kind,
        request_id=_integer(fields, "request_id"),
        expires_at_unix_ms=_integer(fields, "expires_at_unix_ms"),
        initiator=_peer_id(body, "initiator"),
        target=_peer_id(body, "target"),
        round=_integer(body, "round"),
        initiator_addresses=_addresses(body, "initiator_addrs") if initiator_list else (),
        target_addresses=_addresses(body, "target_addrs") if target_list else (),
        reason=reason if has_reason else None,
    )


def format_address(address: Address) -> str:
    """The text form of Rust's SocketAddr: ``1.2.3.4:5`` or ``[::1]:5``."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_address(text: str) -> Address:
    """Parse the text form of a SocketAddr.

    :raises InvalidCoordination: anything else, host names among it
    """
    host, _, port = text.rpartition(":")
    try:
        if host.startswith("[") and host.endswith("]"):
            number = ipaddress.IPv6Address(host[1:-1].partition("%")[0])
            return str(number), _port(port)
        return str(ipaddress.IPv4Address(host)), _port(port)
    except ValueError as error:
        raise InvalidCoordination(f"not an address: {text[:60]!r}") from error


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65_536):
        raise ValueError(text)
    return int(text)


def _dict(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidCoordination(f"{name[:40]} is not an object")
    return value


def _integer(fields: dict[str, Any], name: str) -> int:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 64:
        raise InvalidCoordination(f"{name} is not an unsigned 64-bit integer")
    return value


def _peer_id(fields: dict[str, Any], name: str) -> bytes:
    value = fields.get(name)
    if not isinstance(value, list) or len(value) != PEER_ID_BYTES:
        raise InvalidCoordination(f"{name} is not a list of {PEER_ID_BYTES} octets")
    if not all(type(octet) is int and 0 <= octet <= 255 for octet in value):
        raise InvalidCoordination(f"{name} has an element that is no octet")
    return bytes(value)


def _addresses(fields: dict[str, Any], name: str) -> tuple[Address, ...]:
    value = fields.get(name)
    if not isinstance(value, list) or len(value) > MAX_ADDRESSES:
        raise InvalidCoordination(f"{name} is not a list of at most {MAX_ADDRESSES} addresses")
    if not all(isinstance(text, str) for text in value):
        raise InvalidCoordination(f"{name} has an element that is no text")
    return tuple(parse_address(text) for text in value)
