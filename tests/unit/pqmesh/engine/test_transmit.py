# SPDX-License-Identifier: MIT OR Apache-2.0
"""Frames leave in order; the estimate of when counts every frame before."""

from pqmesh.engine.sender import MessageSender
from pqmesh.engine.stats import Stats, Tally
from pqmesh.engine.transmit import TransmitQueue
from pqmesh.limits import SERIAL_LINK, replace
from pqmesh.wire.fragment import decode_fragment

LINK = replace(SERIAL_LINK, mtu=100, bits_per_second=10_000)  # an octet takes 1 ms


def queue(capacity=8):
    return TransmitQueue(LINK, capacity, Stats())


def sender(size=250):
    return MessageSender(bytes(size), 1, 0, LINK, Tally())


def drain(tx):
    frames = []
    while (frame := tx.next()) is not None:
        frames.append(frame)
    return frames


def test_airtime_adds_up_while_the_link_is_busy():
    tx = queue()
    assert tx.put(b"x" * 10, now=1000) == 1011
    assert tx.put(b"x" * 20, now=1000) == 1032
    assert tx.free_at(1000) == 1032
    assert tx.free_at(2000) == 2000
    assert tx.put(b"x" * 10, now=2000) == 2011


def test_first_in_first_out_and_counted():
    stats = Stats()
    tx = TransmitQueue(LINK, 8, stats)
    for frame in (b"one", b"three"):
        tx.put(frame, 0)
    assert drain(tx) == [b"one", b"three"]
    assert tx.next() is None
    assert (stats.frames_sent, stats.bytes_sent) == (2, 8)


def test_a_full_queue_drops_the_newest_and_counts_it():
    stats = Stats()
    tx = TransmitQueue(LINK, 1, stats)
    left_at = tx.put(b"one", 0)
    assert tx.put(b"two", 0) == left_at
    assert drain(tx) == [b"one"]
    assert stats.frames_overflowed == 1


def test_fragments_are_built_when_pulled():
    tx, message = queue(), sender()
    tx.put_fragment(message, 0, False, 0)
    tx.put_fragment(message, 1, True, 0)
    indexes = [(f.index, f.wants_sack()) for f in map(decode_fragment, drain(tx))]
    assert indexes == [(0, False), (1, True)]


def test_pointless_fragments_are_skipped():
    tx, message = queue(), sender()
    message._acknowledged = 0b011
    for index, poll in ((0, False), (1, True), (2, False)):
        tx.put_fragment(message, index, poll, 0)
    assert [decode_fragment(frame).index for frame in drain(tx)] == [1, 2]  # 1 asks for a SACK
    tx.put_fragment(message, 2, False, 0)
    message.finished = True
    assert drain(tx) == []
