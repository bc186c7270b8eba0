# SPDX-License-Identifier: MIT OR Apache-2.0
"""The receiving window: messages whole, in order, once, and never more than was promised."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.engine.incoming import ReceiveWindow
from pqmesh.errors import Exhausted
from pqmesh.wire.session import AckBlock


def test_in_order():
    window = ReceiveWindow(4, 100)
    assert window.accept(0, False, b"he") == []
    assert window.in_order
    assert window.accept(1, True, b"llo") == [b"hello"]
    assert window.ack_block() == AckBlock(2, 0)


def test_a_gap_is_reported_and_filled():
    window = ReceiveWindow(8, 100)
    assert window.accept(3, True, b"d") == []
    assert not window.in_order
    assert window.accept(1, True, b"b") == []
    assert window.ack_block() == AckBlock(0, 0b101)
    assert window.accept(0, True, b"a") == [b"a", b"b"]
    assert not window.in_order  # a gap was filled: the sender wants to know at once
    assert window.ack_block() == AckBlock(2, 0b1)


@pytest.mark.parametrize("sequence", [0, 2, 0x7FFF])
def test_a_repeat_gives_nothing(sequence):
    window = ReceiveWindow(8, 100)
    window.accept(0, True, b"a")
    window.accept(2, True, b"c")
    assert window.accept(sequence, True, b"again") == []
    assert window.ack_block() == AckBlock(1, 0b1)


def test_beyond_the_window_is_refused():
    window = ReceiveWindow(4, 100)
    with pytest.raises(Exhausted):
        window.accept(4, True, b"")
    assert window.ack_block() == AckBlock(0, 0)


def test_a_message_longer_than_promised_is_refused():
    window = ReceiveWindow(4, 5)
    window.accept(0, False, b"abc")
    with pytest.raises(Exhausted):
        window.accept(1, True, b"def")
    assert window.accept(1, True, b"de") == [b"abcde"]


def test_a_held_segment_that_would_be_too_much_stays_unacknowledged():
    window = ReceiveWindow(4, 5)
    window.accept(1, True, b"def")
    assert window.accept(0, False, b"abc") == []
    assert window.ack_block().wanted == 1


@given(
    st.lists(st.binary(max_size=25), max_size=8),
    st.randoms(use_true_random=False),
    st.integers(0, 0x7FFF),
)
def test_any_order_within_the_window(messages, shuffler, start):
    window = ReceiveWindow(4, 100)
    window._wanted = start
    stream = []
    for message in messages:
        parts = [message[at : at + 10] for at in range(0, max(len(message), 1), 10)]
        stream += [(part, index == len(parts) - 1) for index, part in enumerate(parts)]
    got, base = [], 0
    while base < len(stream):
        offset = shuffler.randrange(min(4, len(stream) - base))
        data, last = stream[base + offset]
        got += window.accept((start + base + offset) & 0x7FFF, last, memoryview(data))
        base = (window.ack_block().wanted - start) & 0x7FFF
        assert len(window._held) < 4
    assert got == messages
