# SPDX-License-Identifier: MIT OR Apache-2.0
"""The mesh envelope: what nodes say to each other, whatever carries it.

     0  1  version = 1
     1  1  kind          READING 1 | COMMAND 2 | REPLY 3
     2  1  flags         bit 0: origin present | bit 1: destination present | rest zero
     3  1  ttl           forwards left, 0..8
     4  8  id            random; names the message across sessions
    12 32  origin        PeerId, if flagged; absent means the session's peer
     .. 32  destination   PeerId, if flagged; absent means whoever reads it
     ..  n  body          a CBOR map (RFC 8949), its keys given by the kind

A session message or one QUIC uni stream holds exactly one. The first octet keeps it apart
from ant-quic's own payloads, whose magics are ASCII.
"""

from ..cbor import decode as decode_cbor
from ..cbor import encode as encode_cbor
from ..compat import TYPE_CHECKING, const
from ..errors import Malformed, UnknownKind, UsageError
from ..identity import PEER_ID_BYTES
from ..record import Record

if TYPE_CHECKING:
    from typing import Any

VERSION = const(1)
READING = const(1)
COMMAND = const(2)
REPLY = const(3)
ID_BYTES = const(8)
MAX_TTL = const(8)
MAX_BODY_BYTES = const(2048)
_ORIGIN = const(1)
_DESTINATION = const(2)
_HEADER_BYTES = const(12)

_NUMBER = (int, float)
_ANY = ()
_BODIES: "dict[int, dict[str, Any]]" = {
    READING: {"n": (str,), "v": _NUMBER, "u": (str,), "t": (int,)},
    COMMAND: {"c": (str,), "a": (dict,)},
    REPLY: {"re": (bytes,), "ok": (bool,), "r": _ANY},
}


class MeshMessage(Record):
    """One message of the mesh.

    Sender: any node inside an authenticated session: a constrained session, or QUIC with the
        PeerId in TLS. Without an origin field the origin is the session's peer. With one, the
        origin is vouched for by the session's peer, not proved: believe it as far as that peer.
        A gateway takes no foreign origin from a board, and a COMMAND only from peers that its
        configuration names.
    Replay: the session's replay window; across sessions the random id: receivers remember the
        ids they took per origin (pqmesh.delivery.Inbox; a board 64 in all, a host 1,024 per
        origin) and drop a repeat.
    Rate: the window and queue of the session; a gateway keeps at most 1,024 messages waiting
        per destination, then refuses, and takes 200 a second from a QUIC peer, 400 at once; ttl
        at most 8, one less per forward, 0 is not forwarded.
    """

    FIELDS = ("kind", "ttl", "id", "origin", "destination", "body")

    kind: int
    ttl: int
    id: bytes
    origin: "bytes | None"
    destination: "bytes | None"
    body: "dict[str, Any]"

    def encode(self) -> bytes:
        """Return the octets.

        :raises UsageError: a field out of its range, or a body that does not fit its kind
        """
        fault = _fault(self.kind, self.ttl, self.body)
        if fault:
            raise UsageError(fault)
        out = bytearray((VERSION, self.kind, 0, self.ttl))
        _put_name(out, self.id, ID_BYTES)
        if self.origin is not None:
            out[2] |= _ORIGIN
            _put_name(out, self.origin, PEER_ID_BYTES)
        if self.destination is not None:
            out[2] |= _DESTINATION
            _put_name(out, self.destination, PEER_ID_BYTES)
        body = encode_cbor(self.body)
        if len(body) > MAX_BODY_BYTES:
            raise UsageError("body over %d bytes" % MAX_BODY_BYTES)
        out.extend(body)
        return bytes(out)

    @staticmethod
    def decode(data: bytes) -> "MeshMessage":
        """Parse one whole message.

        :raises Malformed: it does not parse, or its body does not fit its kind
        :raises UnknownKind: another version, or a kind of a later version
        """
        if len(data) < _HEADER_BYTES:
            raise Malformed("truncated mesh message")
        if data[0] != VERSION:
            raise UnknownKind("mesh message version %d" % data[0])
        kind, flags, ttl = data[1], data[2], data[3]
        if kind not in _BODIES:
            raise UnknownKind("mesh message kind %d" % kind)
        if flags & ~(_ORIGIN | _DESTINATION):
            raise Malformed("unknown mesh flags 0x%02x" % flags)
        at = _HEADER_BYTES
        origin = destination = None
        if flags & _ORIGIN:
            origin, at = _take_name(data, at)
        if flags & _DESTINATION:
            destination, at = _take_name(data, at)
        if len(data) - at > MAX_BODY_BYTES:
            raise Malformed("mesh body over %d bytes" % MAX_BODY_BYTES)
        body = decode_cbor(data[at:])
        fault = _fault(kind, ttl, body)
        if fault:
            raise Malformed(fault)
        return MeshMessage(kind, ttl, bytes(data[4:_HEADER_BYTES]), origin, destination, body)


def reading(ident: bytes, name: str, value: "int | float", unit: str, at_ms: int) -> MeshMessage:
    """Return a READING from this node: ``name`` had ``value`` at ``at_ms`` of its own clock."""
    body = {"n": name, "v": value, "u": unit, "t": at_ms}
    return MeshMessage(READING, MAX_TTL, ident, None, None, body)


def command(
    ident: bytes, name: str, arguments: "dict[str, Any]", destination: "bytes | None" = None
) -> MeshMessage:
    """Return a COMMAND that asks ``destination`` to do ``name``."""
    body = {"c": name, "a": arguments}
    return MeshMessage(COMMAND, MAX_TTL, ident, None, destination, body)


def reply(
    ident: bytes, to: bytes, ok: bool, result: "Any", destination: "bytes | None" = None
) -> MeshMessage:
    """Return the REPLY to the command whose id was ``to``."""
    body = {"re": to, "ok": ok, "r": result}
    return MeshMessage(REPLY, MAX_TTL, ident, None, destination, body)


def _put_name(out: bytearray, name: bytes, size: int) -> None:
    if len(name) != size:
        raise UsageError("want %d bytes, got %d" % (size, len(name)))
    out.extend(name)


def _take_name(data: bytes, at: int) -> "tuple[bytes, int]":
    end = at + PEER_ID_BYTES
    if end > len(data):
        raise Malformed("truncated mesh message")
    return bytes(data[at:end]), end


def _fault(kind: int, ttl: int, body: "Any") -> "str | None":
    """Say what is wrong with a message's values, or None."""
    wanted = _BODIES.get(kind)
    if wanted is None:
        return "no mesh message of kind %d" % kind
    if not 0 <= ttl <= MAX_TTL:
        return "ttl %d is not within 0..%d" % (ttl, MAX_TTL)
    if not isinstance(body, dict) or set(body) != set(wanted):
        return "body of kind %d wants the keys %s" % (kind, ", ".join(sorted(wanted)))
    for key in wanted:
        # type(), not isinstance(): CPython counts True as an int, MicroPython does not
        if wanted[key] and type(body[key]) not in wanted[key]:
            return "body field %s has the wrong type" % key
    if kind == REPLY and len(body["re"]) != ID_BYTES:
        return "body field re is not a message id"
    return None
