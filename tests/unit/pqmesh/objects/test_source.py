# SPDX-License-Identifier: MIT OR Apache-2.0
"""An object as fragments: the same at every holder, made a piece at a time."""

import hashlib

import pytest

from pqmesh.errors import UsageError
from pqmesh.objects.source import Source, have
from pqmesh.wire.layout import decode
from pqmesh.wire.objects import CREDENTIAL, EPOCH_OBJECT, ObjectHead, decode_coded, decode_fetch
from support.broadcast import octets_of

DTAG = b"about-it"


def made(octets, mtu=222, what=EPOCH_OBJECT):
    source = Source(what, DTAG, octets, mtu)
    while not source.step():
        pass
    return source


def test_it_takes_a_step_for_each_shard_and_then_none():
    source = Source(EPOCH_OBJECT, DTAG, octets_of(b"a", 3373), 222)
    assert [source.step() for _ in range(30)] == [False] * 27 + [True] * 3
    assert source.ready


@pytest.mark.parametrize("size", [1, 100, 3373, 6703])
def test_every_fragment_is_as_long_as_was_said_and_fits(size):
    source = made(octets_of(b"b", size))
    for index in range(source.shape.shards + 1):
        frame = source.frame(index)
        assert len(frame) == source.frame_bytes(index) <= 222
        fragment = decode_coded(frame)
        assert (fragment.flow, fragment.index) == (source.flow, index)
        assert source.genuine(fragment) == (index > 0)
        fragment.payload = bytes((fragment.payload[0] ^ 1,)) + fragment.payload[1:]
        assert not source.genuine(fragment)


def test_the_head_says_what_it_is():
    blob = octets_of(b"c", 6703)
    source = made(blob, what=CREDENTIAL)
    head = decode(ObjectHead, decode_coded(source.frame(0)).payload)
    assert (head.what, head.dtag, head.total) == (CREDENTIAL, DTAG, 6703)
    assert head.object_id == hashlib.sha256(blob).digest()[:8] == source.object_id


def test_two_holders_make_the_same_flow():
    blob = octets_of(b"d", 1000)
    assert made(blob).frame(9) == made(bytearray(blob)).frame(9)
    assert made(blob, mtu=100).flow != made(blob).flow


def test_no_fragment_before_it_is_ready_nor_beyond_the_last():
    source = Source(EPOCH_OBJECT, DTAG, b"object", 222)
    with pytest.raises(UsageError):
        source.frame(0)
    assert not source.genuine(decode_coded(made(b"object").frame(1)))
    ready = made(b"object")
    for index in (-1, ready.shape.shards + 1):
        with pytest.raises(UsageError):
            ready.frame(index)


def test_who_has_an_object_can_say_so_and_only_in_its_own_name():
    digest = hashlib.sha256(b"object").digest()
    frame = have(digest, b"node0001")
    fetch = decode_fetch(frame)
    assert (fetch.flags, fetch.value, fetch.dtag, fetch.object_id) == (
        0x80,
        0,
        b"node0001",
        digest[:8],
    )
    assert fetch.nonce == hashlib.sha256(b"pqmesh1 have" + digest + frame[:22]).digest()[:4]
    assert have(digest, b"node0002")[-4:] != frame[-4:]
    assert have(digest[:8] + bytes(24), b"node0001")[-4:] != frame[-4:]
