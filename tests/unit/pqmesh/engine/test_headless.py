# SPDX-License-Identifier: MIT OR Apache-2.0
"""What came before its head is not lost with it, and rubbish is told apart in the end."""

from hypothesis import given
from hypothesis import strategies as st

from pqmesh.engine.flows import FlowTable, Head
from pqmesh.engine.headless import Headless
from pqmesh.engine.sender import MessageSender
from pqmesh.engine.stats import Tally
from pqmesh.limits import RADIO_LINK, replace
from pqmesh.wire.fragment import decode_fragment

LINK = replace(RADIO_LINK, mtu=100)
MESSAGE = bytes(i * 7 % 251 for i in range(500))


def pieces(message=MESSAGE, number=2):
    sender = MessageSender(message, number, 0, LINK, Tally())
    return [decode_fragment(sender.frame(index, False)) for index in range(6)]


def opened(slot, piece, now=0):
    return FlowTable(2, 100_000, slot).open(Head(piece), 1, Tally(), now)


@given(st.permutations(range(1, 6)), st.integers(0, 5))
def test_a_message_whose_head_comes_late_is_whole_at_once(order, kept):
    head, *rest = pieces()
    slot = Headless(1000)
    for index in order[:kept]:
        assert slot.keep(rest[index - 1], 0)
    flow = opened(slot, head)
    assert flow.have == 1 | sum(1 << index for index in order[:kept])
    assert flow.tally.received == sum(8 + len(rest[index - 1].payload) for index in order[:kept])
    assert not slot._pieces
    for index in order[kept:]:
        flow.store(rest[index - 1], 0)
    assert bytes(flow.message) == MESSAGE


def test_only_one_message_has_the_slot_until_it_rests():
    slot = Headless(1000)
    mine, other = pieces(), pieces(MESSAGE[::-1])
    assert slot.keep(mine[1], 0)
    assert not slot.keep(other[1], 999)
    assert slot.keep(mine[2], 999)
    assert not slot.keep(other[1], 1998)
    assert slot.keep(other[1], 1999)
    assert opened(slot, mine[0]).have == 1
    assert opened(slot, other[0]).have == 0b11


def test_a_fragment_is_kept_once():
    slot = Headless(1000)
    for _ in range(3):
        assert slot.keep(pieces()[1], 0)
    assert len(slot._pieces) == 1


def test_another_message_of_the_same_flow_name_is_not_mixed_in():
    slot = Headless(1000)
    slot.keep(pieces(number=3)[1], 0)
    head = pieces()[0]
    slot._pieces[0].flow = head.flow
    assert opened(slot, head).have == 1


def test_a_forgery_is_found_when_the_head_is_there():
    head, first, second, *_ = pieces()
    slot = Headless(1000)
    first.payload = bytes(len(first.payload))
    slot.keep(first, 0)
    slot.keep(second, 0)
    assert opened(slot, head).have == 0b101


def test_what_waits_too_long_is_forgotten():
    slot = Headless(1000)
    slot.keep(pieces()[1], 0)
    slot.handle_timeout(999)
    assert slot._pieces
    slot.handle_timeout(1000)
    assert not slot._pieces
    slot.handle_timeout(2000)


def test_without_memory_the_fragment_is_dropped_as_before():
    class Full(list):
        def append(self, piece):
            raise MemoryError

    slot = Headless(1000)
    slot._pieces = Full()
    assert not slot.keep(pieces()[1], 0)
    assert slot._pieces == []
