# SPDX-License-Identifier: MIT OR Apache-2.0
"""The deframer never holds more than its limit, and noise costs frames, never sense."""

import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.framing.hdlc import Deframer, enframe

LIMIT = 64


def deframer():
    made = Deframer(LIMIT)
    assert made.feed(b"\x7e") == []
    return made


def test_golden_frame():
    # FCS-32 of "123456789" is 0xCBF43926, least significant octet first
    assert enframe(b"123456789").hex() == "7e" + b"123456789".hex() + "2639f4cb" + "7e"


def test_golden_stuffing():
    payload = b"\x7e\x7d\x5e\x7d"
    fcs = binascii.crc32(payload).to_bytes(4, "little")
    assert not set(fcs) & {0x7E, 0x7D}
    assert enframe(payload) == b"\x7e" + b"\x7d\x5e\x7d\x5d\x5e\x7d\x5d" + fcs + b"\x7e"


@given(st.lists(st.binary(min_size=1, max_size=LIMIT), max_size=5), st.integers(1, 9))
def test_what_goes_in_comes_out_however_it_is_cut(payloads, step):
    stream = b"".join(enframe(payload) for payload in payloads)
    collector = Deframer(LIMIT)
    got = []
    for at in range(0, len(stream), step):
        got += collector.feed(stream[at : at + step])
    assert got == payloads
    assert collector.dropped == 0


@given(st.lists(st.binary(max_size=400), max_size=6))
def test_garbage_is_bounded_and_the_next_frame_gets_through(chunks):
    collector = Deframer(LIMIT)
    for chunk in chunks:
        for payload in collector.feed(chunk):
            assert 0 < len(payload) <= LIMIT
        assert len(collector._held) <= 2 * (LIMIT + 4)
    assert collector.feed(enframe(b"after")) == [b"after"]


@given(st.binary(min_size=1, max_size=LIMIT), st.integers(0, 10_000), st.integers(1, 255))
def test_no_spoilt_frame_passes(payload, where, flip):
    stream = bytearray(enframe(payload))
    stream[where % len(stream)] ^= flip
    assert payload not in deframer().feed(bytes(stream)) or stream == enframe(payload)


def test_frames_may_share_a_flag():
    stream = enframe(b"one")[:-1] + enframe(b"two")
    assert Deframer(LIMIT).feed(stream) == [b"one", b"two"]


def test_what_came_before_we_listened_is_not_a_frame():
    collector = Deframer(LIMIT)
    assert collector.feed(b"tail of something" + enframe(b"whole")) == [b"whole"]
    assert collector.dropped == 0


@pytest.mark.parametrize(
    "bad",
    [
        b"abc",  # no room for an FCS
        b"abcd",  # an FCS of nothing
        b"abcdefgh",  # a wrong FCS
        b"abc\x7dabcdef",  # an escape of something that needs none
        enframe(b"aborted")[1:-1] + b"\x7d",  # RFC 1662, section 4.3
        enframe(bytes(LIMIT + 1))[1:-1],  # one octet too long
    ],
)
def test_bad_frames_are_dropped_and_counted(bad):
    collector = deframer()
    assert collector.feed(bad + b"\x7e") == []
    assert collector.dropped == 1
    assert collector.feed(enframe(b"next")) == [b"next"]


def test_an_endless_frame_is_dropped_once_and_never_held():
    collector = deframer()
    for _ in range(100):
        assert collector.feed(b"x" * LIMIT) == []
    assert collector.dropped == 1
    assert collector.feed(enframe(b"next")) == [b"next"]


def test_a_frame_of_nothing_but_escapes_fits():
    payload = b"\x7d" * LIMIT
    assert deframer().feed(enframe(payload)) == [payload]
