# SPDX-License-Identifier: MIT OR Apache-2.0
"""Reassembly: any order, any repeats, only genuine pieces, bounded memory."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.engine import flows
from pqmesh.engine.flows import Flow, FlowTable, Head
from pqmesh.engine.headless import Headless
from pqmesh.engine.sender import MessageSender, head_digest, make_sack
from pqmesh.engine.stats import Tally
from pqmesh.errors import BadTag, Exhausted, Malformed, ProtocolError
from pqmesh.limits import SERIAL_LINK, replace
from pqmesh.record import replace as changed
from pqmesh.wire.fragment import Fragment, decode_fragment

LINK = replace(SERIAL_LINK, mtu=100)


def pieces(size=500, fill=0, number=1, mode=0):
    message = bytes((i + fill) % 251 for i in range(size))
    sender = MessageSender(message, number, mode, LINK, Tally())
    count = decode_fragment(sender.frame(0, False)).count
    return message, [decode_fragment(sender.frame(index, False)) for index in range(count)]


def opened(fragments, table=None, owner=0, now=0):
    return (table or FlowTable(2, 1000)).open(Head(fragments[0]), owner, Tally(), now)


@given(st.integers(24, 900), st.randoms(use_true_random=False))
def test_any_order_and_any_repeats(size, shuffler):
    message, fragments = pieces(size)
    flow = opened(fragments)
    rest = fragments[1:] * 2
    shuffler.shuffle(rest)
    for fragment in rest:
        flow.store(fragment, 0)
    assert flow.complete()
    assert flow.message == message


def test_the_sack_says_what_is_here():
    _, fragments = pieces()
    flow = opened(fragments)
    assert flow.sack() == make_sack(1, flow.digest, 0b1)
    flow.store(fragments[3], 0)
    assert flow.sack() == make_sack(1, flow.digest, 0b1001)
    assert not flow.complete()


def test_a_flow_knows_its_mode_also_when_it_is_finished():
    table = FlowTable(1, 1000)
    flow = opened(pieces(24, mode=3)[1], table)
    table.finish(flow, 7)
    done = table.find_finished(flow.digest[:4], 1)
    assert (Head(pieces(24, mode=4)[1][0]).mode, flow.mode, done.mode) == (4, 3, 3)


@given(st.data())
def test_10_a_poisoned_piece_is_dropped_without_a_trace(data):
    message, fragments = pieces()
    flow = opened(fragments)
    victim = data.draw(st.sampled_from(fragments[1:]))
    spoilt = bytearray(victim.payload)
    spoilt[data.draw(st.integers(0, len(spoilt) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BadTag):
        flow.store(changed(victim, payload=bytes(spoilt)), 0)
    assert flow.have == 1
    for fragment in fragments[1:]:
        flow.store(fragment, 0)
    assert flow.message == message


def test_a_piece_of_another_length_or_count_is_malformed():
    _, fragments = pieces()
    flow = opened(fragments)
    with pytest.raises(Malformed, match="octets"):
        flow.store(changed(fragments[1], payload=b"short"), 0)
    with pytest.raises(Malformed, match="in a message of"):
        flow.store(changed(fragments[1], count=9), 0)


def head_of(payload, count):
    digest = head_digest(0x48, 1, count, payload)
    return Fragment(0x48, 0x40, digest[:4], 0, count, payload)


@pytest.mark.parametrize(
    ("payload", "count"),
    [
        (b"", 1),
        (b"\x00\x01", 1),
        (b"\x00\x05\x00abc", 1),  # says 5, holds 3
        (b"\x00\x02\x00abc", 1),  # says 2, holds 3
        (b"\x00\x40\x02" + bytes(12) + bytes(30), 2),  # n is not k - 1
        (b"\x00\x40\x01" + bytes(5), 2),  # the list is cut short
        (b"\x00\x1e\x01" + bytes(6) + bytes(30), 2),  # nothing left for the second
        (b"\x01\x00\x01" + bytes(6) + bytes(30), 2),  # more than the second can hold
        (b"\x00\x20\x01" + bytes(6) + bytes(23), 2),  # no salt
        (b"\x00\x45\x02" + bytes(12) + bytes(30), 3),  # the third would be empty
    ],
)
def test_heads_that_do_not_add_up(payload, count):
    with pytest.raises(Malformed):
        Head(head_of(payload, count))


def test_a_flow_is_named_after_its_head():
    _, fragments = pieces()
    with pytest.raises(BadTag):
        Head(changed(fragments[0], flow=b"nope"))


@given(st.binary(max_size=80), st.integers(1, 32))
def test_a_head_parses_or_raises_and_a_flow_of_it_is_sound(payload, count):
    try:
        head = Head(head_of(payload, count))
    except ProtocolError:
        return
    flow = Flow(head, 0, Tally(), 0)
    assert len(flow.message) == head.total
    assert flow.complete() == (count == 1)


def test_without_memory_a_message_is_not_begun(monkeypatch):
    def no_memory(*arguments):
        raise MemoryError

    monkeypatch.setattr(flows, "Flow", no_memory)
    table = FlowTable(2, 1000)
    with pytest.raises(Exhausted, match="500 octets"):
        opened(pieces()[1], table)
    assert table.next_deadline() is None


def test_flows_are_found_by_name_and_number():
    table = FlowTable(2, 1000)
    _, fragments = pieces()
    flow = opened(fragments, table)
    assert table.find(flow.digest[:4], 1) is flow
    assert table.find(flow.digest[:4], 2) is None
    assert table.find(b"nope", 1) is None
    table.drop(flow)
    assert table.find(flow.digest[:4], 1) is None


def test_a_full_table_gives_up_the_stalest():
    table = FlowTable(2, 1000)
    flows = [opened(pieces(fill=n)[1], table, now=n) for n in range(2)]
    flows[0].store(pieces(fill=0)[1][1], now=5)
    opened(pieces(fill=7)[1], table, now=6)
    assert table.find(flows[0].digest[:4], 1) is flows[0]
    assert table.find(flows[1].digest[:4], 1) is None


def test_of_the_finished_only_the_digest_is_kept_and_not_for_ever():
    table = FlowTable(1, 1000)
    names = []
    for fill in range(3):
        flow = opened(pieces(24, fill)[1], table)
        names.append(flow.digest[:4])
        table.finish(flow, owner=fill)
    assert table.find_finished(names[0], 1) is None
    assert table.find_finished(names[2], 2) is None
    done = table.find_finished(names[2], 1)
    assert done.owner == 2
    assert done.sack() == make_sack(1, done.digest, 1)
    assert not hasattr(done, "message")


def test_what_belongs_to_a_handshake_goes_with_it_or_changes_hands():
    table = FlowTable(4, 1000)
    growing = opened(pieces(fill=1)[1], table, owner=7)
    other = opened(pieces(fill=2)[1], table, owner=8)
    done = [opened(pieces(24, fill)[1], table) for fill in (3, 4)]
    table.finish(done[0], 7)
    table.finish(done[1], 8)
    table.reassign(8, 9)
    assert other.owner == 9
    assert table.find_finished(done[1].digest[:4], 1).owner == 9
    table.forget(7)
    assert table.find(growing.digest[:4], 1) is None
    assert table.find_finished(done[0].digest[:4], 1) is None
    assert table.find(other.digest[:4], 1) is other


def test_flows_that_stop_growing_are_forgotten():
    table = FlowTable(2, 1000)
    assert table.next_deadline() is None
    flow = opened(pieces()[1], table, now=10)
    assert table.next_deadline() == 1010
    table.handle_timeout(1009)
    assert table.find(flow.digest[:4], 1) is flow
    table.handle_timeout(1010)
    assert table.find(flow.digest[:4], 1) is None


def test_10_memory_is_bounded_whatever_is_thrown_at_it():
    table, dice = FlowTable(2, 1000), random.Random(1)
    for n in range(200):
        _, fragments = pieces(dice.randrange(24, 900), n)
        flow = opened(fragments, table, now=n)
        for fragment in dice.sample(fragments[1:], dice.randrange(len(fragments))):
            flow.store(fragment, n)
        if flow.complete():
            table.finish(flow, n)
    assert len(table._flows) <= 2
    assert len(table._finished) <= 4


def test_fragments_before_their_head_are_dropped_where_nobody_keeps_them():
    assert not FlowTable(2, 1000).keep(pieces()[1][1], 0)


def test_fragments_before_their_head_wait_for_it():
    table = FlowTable(2, 100_000, Headless(1000))
    _, (head, first, second, *_) = pieces()
    assert table.keep(first, 0)
    assert table.open(Head(head), 1, Tally(), 0).have == 0b11
    assert table.keep(second, 0)
    table.handle_timeout(1000)
    assert table.open(Head(head), 1, Tally(), 1000).have == 1
