# SPDX-License-Identifier: MIT OR Apache-2.0
# Bytes that must be the same everywhere: CBOR, the mesh envelope, HDLC, the key derivation.
import binascii

from pqmesh import cbor, kdf
from pqmesh.errors import MeshError
from pqmesh.framing.hdlc import Deframer, enframe
from pqmesh.identity import short
from pqmesh.wire import mesh
from pqmesh.wire.fields import U8, U16, Fixed
from pqmesh.wire.session import AckBlock, DataHeader


def shown(octets):
    return binascii.hexlify(octets).decode()


for value in (0, 23, 24, 255, 256, 65535, 65536, 1 << 32, (1 << 64) - 1, -1, -256, -(1 << 64)):
    print(value, shown(cbor.encode(value)), cbor.decode(cbor.encode(value)) == value)
for value in (
    None,
    True,
    False,
    b"\x00\xff",
    "IETF",
    "\u00fc",
    [1, [b"", "a"]],
    1.5,
    -0.25,
    65504.0,
):
    print(shown(cbor.encode(value)), cbor.decode(cbor.encode(value)) == value)
table = {"zz": 1, "a": [True, None], 7: b"x", -3: "y", "bb": {"n": 1, "m": 2}}
print(shown(cbor.encode(table)), cbor.decode(cbor.encode(table)) == table)

ident = bytes(range(8))
for message in (
    mesh.reading(ident, "temperature", 21, "C", 1 << 40),
    mesh.command(ident, "led", {"on": True, "colour": [1, 2, 3]}, b"\x0b" * 32),
    mesh.reply(ident, ident, False, None),
):
    wire = message.encode()
    print(shown(wire), mesh.MeshMessage.decode(wire) == message)

stream = b"".join([enframe(payload) for payload in (b"one", b"\x7e\x7d\x5e", bytes(40))])
deframer = Deframer(64)
print(shown(stream))
for at in range(0, len(stream), 7):
    print([shown(frame) for frame in deframer.feed(stream[at : at + 7])])
print([shown(frame) for frame in deframer.feed(b"\x7d\x7e" + b"x" * 200 + enframe(b"after"))])
print(deframer.dropped)

print(shown(kdf.derive(bytes(32), b"label", b"context", 77)))
print(shown(kdf.hmac_sha256(b"Jefe", b"what do ya want ", b"for nothing?")))
print(short(bytes(range(32))), AckBlock(5, 1 << 31), DataHeader(1, 2, 3).encode())

for wrong in (
    lambda: U8.put(bytearray(), 256),
    lambda: U16.put(bytearray(), -1),
    lambda: Fixed(3).put(bytearray(), b"ab"),
    lambda: cbor.encode(1 << 64),
    lambda: cbor.encode({1.5: 1}),
    lambda: cbor.decode(b"\x18\x17"),
    lambda: cbor.decode(b"\xa2\x61b\x01\x61a\x02"),
    lambda: cbor.decode(b"\x61\xff"),
    lambda: mesh.MeshMessage.decode(b"\x02" * 12),
    lambda: mesh.reading(ident, "t", True, "C", 0).encode(),
    lambda: kdf.hmac_sha256(bytes(65), b""),
):
    try:
        print("taken", wrong())
    except MeshError as error:
        print(type(error).__name__, error)
