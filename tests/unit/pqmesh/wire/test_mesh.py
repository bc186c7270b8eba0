# SPDX-License-Identifier: MIT OR Apache-2.0
"""The mesh envelope: golden octets, and bodies that must fit their kind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.cbor import encode
from pqmesh.errors import Malformed, ProtocolError, UnknownKind, UsageError
from pqmesh.record import replace
from pqmesh.wire import mesh
from pqmesh.wire.mesh import COMMAND, MAX_TTL, READING, REPLY, MeshMessage, command, reading, reply

IDENT = bytes(range(8))
ORIGIN, TARGET = b"\x0a" * 32, b"\x0b" * 32

GOLDEN = [
    (
        reading(IDENT, "t", 21, "C", 1000),
        "01 01 00 08 0001020304050607 a4 616e 6174 6174 1903e8 6175 6143 6176 15",
    ),
    (
        command(IDENT, "led", {"on": True}, TARGET),
        "01 02 02 08 0001020304050607" + "0b" * 32 + "a2 6161 a1 626f6e f5 6163 636c6564",
    ),
    (
        replace(reply(IDENT, IDENT, False, None), origin=ORIGIN, ttl=0),
        "01 03 01 00 0001020304050607"
        + "0a" * 32
        + "a3 6172 f6 626f6b f4 627265 480001020304050607",
    ),
]
IDS = ("reading", "command", "reply")


@pytest.mark.parametrize(("message", "wire"), GOLDEN, ids=IDS)
def test_golden(message, wire):
    assert message.encode() == bytes.fromhex(wire)
    assert MeshMessage.decode(bytes.fromhex(wire)) == message


def test_every_kind_has_a_golden_message():
    assert {message.kind for message, _ in GOLDEN} == {READING, COMMAND, REPLY}


@pytest.mark.parametrize(("message", "wire"), GOLDEN, ids=IDS)
def test_every_truncation_is_refused(message, wire):
    octets = bytes.fromhex(wire)
    for length in range(len(octets)):
        with pytest.raises(Malformed):
            MeshMessage.decode(octets[:length])


@given(st.binary(max_size=120))
def test_decode_raises_nothing_but_protocol_errors(data):
    for octets in (data, bytes.fromhex("0101 0008 0001020304050607") + data):
        try:
            message = MeshMessage.decode(octets)
        except ProtocolError:
            continue
        assert MeshMessage.decode(message.encode()) == message


@given(
    st.sampled_from([READING, COMMAND, REPLY]),
    st.integers(0, MAX_TTL),
    st.none() | st.just(ORIGIN),
    st.none() | st.just(TARGET),
    st.text(max_size=20),
)
def test_encode_and_decode_undo_each_other(kind, ttl, origin, destination, text):
    body = {
        READING: {"n": text, "v": 1.5, "u": text, "t": 0},
        COMMAND: {"c": text, "a": {text: [text]}},
        REPLY: {"re": IDENT, "ok": True, "r": text},
    }[kind]
    message = MeshMessage(kind, ttl, IDENT, origin, destination, body)
    assert MeshMessage.decode(message.encode()) == message


@pytest.mark.parametrize(
    "bad",
    [
        replace(GOLDEN[0][0], kind=4),
        replace(GOLDEN[0][0], ttl=MAX_TTL + 1),
        replace(GOLDEN[0][0], ttl=-1),
        replace(GOLDEN[0][0], id=b"short"),
        replace(GOLDEN[0][0], origin=b"short"),
        replace(GOLDEN[0][0], destination=bytes(33)),
        replace(GOLDEN[0][0], body={"n": "t"}),
        replace(GOLDEN[0][0], body=[]),
        reading(IDENT, "t", True, "C", 0),
        reading(IDENT, "t", "warm", "C", 0),
        reading(IDENT, b"t", 1, "C", 0),
        reply(IDENT, b"short", True, None),
        reply(IDENT, IDENT, 1, None),
        command(IDENT, "x" * mesh.MAX_BODY_BYTES, {}),
    ],
)
def test_what_must_not_be_sent_is_our_own_bug(bad):
    with pytest.raises(UsageError):
        bad.encode()


HEAD = bytes.fromhex("01 01 00 08 0001020304050607")


@pytest.mark.parametrize(
    ("octets", "error"),
    [
        (b"\x02" + HEAD[1:] + b"\xa0", UnknownKind),
        (b"\x01\x04" + HEAD[2:] + b"\xa0", UnknownKind),
        (b"\x01\x01\x04\x08" + HEAD[4:] + b"\xa0", Malformed),
        (b"\x01\x01\x00\x09" + HEAD[4:] + GOLDEN[0][0].encode()[12:], Malformed),
        (HEAD + b"\xa0", Malformed),
        (HEAD + b"\x80", Malformed),
        (HEAD + encode({"n": "t", "v": "warm", "u": "C", "t": 0}), Malformed),
        (HEAD + bytes(mesh.MAX_BODY_BYTES + 1), Malformed),
    ],
)
def test_what_is_refused(octets, error):
    with pytest.raises(error):
        MeshMessage.decode(octets)


def test_the_first_octet_is_no_ant_quic_magic():
    assert mesh.VERSION not in b"AQCC" + b"ANQ"
