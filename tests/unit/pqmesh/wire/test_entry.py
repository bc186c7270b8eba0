# SPDX-License-Identifier: MIT OR Apache-2.0
"""Golden octets of HELLO, RETRY and the echo, and what of them is malformed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.errors import Malformed, ProtocolError, UnknownKind
from pqmesh.wire import entry
from pqmesh.wire.entry import (
    ADMITTED,
    ANY_MODE,
    NAMED,
    Echo,
    Hello,
    Retry,
    decode_hello,
    decode_retry,
)
from pqmesh.wire.layout import decode

NONCE_I, NONCE_R = bytes(range(16)), bytes(range(16, 32))
CRED, MAC, RTAG = b"\xcc" * 8, b"\xaa" * 8, b"\x77" * 6
NI, NR = "000102030405060708090a0b0c0d0e0f", "101112131415161718191a1b1c1d1e1f"

# Written out by hand from docs/wire.md. Changing one is a protocol change, not a test fix.
GOLDEN = [
    (
        Hello(0x84, 0xE1, 0x02, 0x02, RTAG, NONCE_I, CRED, MAC),
        "84 e1 02 02" + "77" * 6 + NI + "cc" * 8 + "aa" * 8,
    ),
    (
        Retry(0x85, 0x49, NONCE_I[:4], NONCE_R, 0x2C, 222),
        "85 49 00010203" + NR + "2c de",
    ),
    (
        Echo(NONCE_I, NONCE_R, CRED, MAC, 0xE1, 0x02, 0x02, 0x49, 0x2C, 222),
        NI + NR + "cc" * 8 + "aa" * 8 + "e1 02 02 49 2c de",
    ),
]
IDS = [type(value).__name__ for value, _ in GOLDEN]
HELLO, RETRY = GOLDEN[0][0], GOLDEN[1][0]
DECODERS = {Hello: decode_hello, Retry: decode_retry}


@pytest.mark.parametrize(("value", "wire"), GOLDEN, ids=IDS)
def test_golden(value, wire):
    octets = bytes.fromhex(wire)
    assert value.encode() == octets
    assert decode(type(value), octets) == value
    assert DECODERS.get(type(value), lambda _: value)(octets) == value


def test_every_object_has_a_golden_frame():
    assert [type(value) for value, _ in GOLDEN] == list(entry.ALL)


def test_the_lengths_stay_within_those_of_constrained_design():
    sizes = [len(value.encode()) for value, _ in GOLDEN]
    assert sizes == [entry.HELLO_BYTES, entry.RETRY_BYTES, entry.ECHO_BYTES] == [42, 24, 54]
    assert entry.HELLO_BYTES <= 42
    assert entry.RETRY_BYTES < entry.HELLO_BYTES  # no gain for a reflector


def test_the_fields_within_an_octet():
    assert (HELLO.mode(), HELLO.wish & 0xE0) == (1, NAMED | ADMITTED | ANY_MODE)
    assert (RETRY.mode(), RETRY.version(), RETRY.admitted()) == (1, 1, True)
    assert (RETRY.suite(), RETRY.stamp_bits()) == (1, 12)
    other = Retry(0x85, 0x3F, NONCE_I[:4], NONCE_R, 0xFF, 255)
    assert (other.mode(), other.version(), other.admitted()) == (entry.NO_MODE, 7, False)
    assert (other.suite(), other.stamp_bits()) == (7, 31)


@pytest.mark.parametrize(("value", "wire"), GOLDEN[:2], ids=IDS[:2])
def test_another_length_or_kind_is_refused(value, wire):
    octets = bytes.fromhex(wire)
    read = DECODERS[type(value)]
    for bad in (octets[:-1], octets + b"\x00", b""):
        with pytest.raises(Malformed):
            read(bad)
    for kind in (0x00, 0x40, 0x80, 0x83, octets[0] ^ 1):
        with pytest.raises(UnknownKind):
            read(bytes((kind,)) + octets[1:])


def test_bits_without_a_meaning_are_malformed():
    for wish in (0xE9, 0xF1, 0xF9):
        with pytest.raises(Malformed, match="wish"):
            decode_hello(Hello(0x84, wish, 2, 2, RTAG, NONCE_I, CRED, MAC).encode())
    with pytest.raises(Malformed, match="choice"):
        decode_retry(Retry(0x85, 0xC9, NONCE_I[:4], NONCE_R, 0x20, 222).encode())


def test_fields_that_contradict_a_flag_are_malformed():
    with pytest.raises(Malformed, match="tag"):
        decode_hello(Hello(0x84, ADMITTED | 1, 2, 2, RTAG, NONCE_I, CRED, MAC).encode())
    with pytest.raises(Malformed, match="MAC"):
        decode_hello(Hello(0x84, NAMED | 1, 2, 2, RTAG, NONCE_I, CRED, MAC).encode())
    decode_hello(Hello(0x84, 0, 2, 2, bytes(6), NONCE_I, CRED, bytes(8)).encode())


@given(st.binary(max_size=60), st.sampled_from([b"\x84", b"\x85"]))
def test_whatever_parses_is_encoded_back_the_same(tail, kind):
    for read in DECODERS.values():
        try:
            value = read(kind + tail)
        except ProtocolError:
            continue
        assert value.encode() == kind + tail
