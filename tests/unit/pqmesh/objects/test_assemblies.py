# SPDX-License-Identifier: MIT OR Apache-2.0
"""The tables hold what they were given and no more, and a stranger cannot empty them."""

import pytest

from pqmesh.errors import BadTag, Exhausted
from pqmesh.limits import BOARD_OBJECTS, replace
from pqmesh.objects import assemblies as module
from pqmesh.objects.assemblies import IDLE_MS, WAIT_MS, Assemblies
from pqmesh.objects.assembly import Offered
from pqmesh.objects.source import Source
from pqmesh.wire.objects import decode_coded
from support.broadcast import octets_of


def fragments_of(seed, size=1000):
    source = Source(1, b"about-it", octets_of(seed, size), 222)
    while not source.step():
        pass
    return [decode_coded(source.frame(i)) for i in range(source.shape.shards + 1)]


ONE, TWO, THREE = [fragments_of(seed) for seed in (b"1", b"2", b"3")]


def opened(table, fragments, shards=0, now=0):
    assembly = table.open(Offered(fragments[0]), now)
    for fragment in fragments[1 : 1 + shards]:
        assembly.store(fragment, now)
    return assembly


def test_a_flow_without_a_shard_gives_way_the_oldest_first():
    table = Assemblies(BOARD_OBJECTS)
    first, second = opened(table, ONE), opened(table, TWO)
    third = opened(table, THREE)
    assert table.open_flows == [second, third]
    assert table.find(first.flow) is None
    assert table.find(third.flow) is third
    assert table.of(third.head.object_id) == [third]


def test_a_flow_with_a_shard_stays_and_the_newcomer_is_refused():
    table = Assemblies(BOARD_OBJECTS)
    kept = [opened(table, ONE, 1), opened(table, TWO, 1)]
    with pytest.raises(Exhausted):
        opened(table, THREE)
    assert table.open_flows == kept


def test_memory_is_refused_before_it_is_taken():
    small = replace(BOARD_OBJECTS, assembly_bytes=1_500)
    table = Assemblies(small)
    first = opened(table, ONE, 1)
    assert first.cost <= small.assembly_bytes < 2 * first.cost
    with pytest.raises(Exhausted):
        opened(table, TWO)
    assert table.open_flows == [first]
    with pytest.raises(Exhausted):
        opened(Assemblies(small), fragments_of(b"4", 3373))
    with pytest.raises(Exhausted):
        opened(Assemblies(replace(BOARD_OBJECTS, object_bytes=999)), ONE)


def test_empty_flows_give_way_only_to_what_fits_then():
    table = Assemblies(replace(BOARD_OBJECTS, assembly_bytes=3_000))
    empty = opened(table, ONE)
    with pytest.raises(Exhausted):
        opened(table, fragments_of(b"4", 3373))
    assert table.open_flows == [empty]


def test_a_head_that_is_not_what_the_flow_is_named_after_evicts_nobody():
    table = Assemblies(BOARD_OBJECTS)
    kept = [opened(table, ONE), opened(table, TWO)]
    forged = decode_coded(THREE[0].encode())
    forged.flow = b"fake"
    with pytest.raises(BadTag):
        opened(table, [forged])
    assert table.open_flows == kept


def test_no_memory_is_a_refusal(monkeypatch):
    def none(offered, now):
        raise MemoryError

    table = Assemblies(BOARD_OBJECTS)
    monkeypatch.setattr(module, "Assembly", none)
    with pytest.raises(Exhausted):
        opened(table, ONE)
    assert table.open_flows == []


def test_fragments_wait_for_their_head_those_of_one_flow():
    table = Assemblies(BOARD_OBJECTS)
    assert [table.wait(fragment, 0) for fragment in (ONE[1], ONE[2], ONE[2])] == [True] * 3
    assert not table.wait(TWO[1], WAIT_MS - 1)
    assert table.take_waiting(TWO[0].flow) == []
    assert table.take_waiting(ONE[0].flow) == ONE[1:3]
    assert table.take_waiting(ONE[0].flow) == []
    assert table.wait(TWO[1], 0)
    assert table.wait(ONE[1], WAIT_MS)  # nobody waits for ever
    assert table.take_waiting(ONE[0].flow) == ONE[1:2]


def test_only_so_many_wait():
    table = Assemblies(replace(BOARD_OBJECTS, waiting=2))
    assert [table.wait(fragment, 0) for fragment in ONE[1:4]] == [True, True, False]


def test_what_stopped_growing_is_let_go():
    table = Assemblies(BOARD_OBJECTS)
    first, second = opened(table, ONE, 1), opened(table, TWO, 1, now=5)
    assert table.expire(IDLE_MS - 1) == []
    assert table.expire(IDLE_MS) == [first]
    table.drop(second)
    assert table.open_flows == []
