# SPDX-License-Identifier: MIT OR Apache-2.0
"""Any k of n fragments rebuild an object, and nothing but that object comes out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.errors import BadTag, Malformed, ProtocolError, Unexpected
from pqmesh.objects.assembly import Assembly, Offered
from pqmesh.objects.source import Source
from pqmesh.record import replace
from pqmesh.wire.objects import CodedFragment, decode_coded
from support.broadcast import octets_of

DTAG = b"about-it"


def fragments_of(blob, mtu=222):
    source = Source(1, DTAG, blob, mtu)
    while not source.step():
        pass
    return source, [decode_coded(source.frame(i)) for i in range(source.shape.shards + 1)]


@st.composite
def broadcasts(draw):
    """An object, its fragments, and the order in which some of them arrive, some repeatedly."""
    mtu = draw(st.sampled_from((60, 100, 222)))
    blob = octets_of(draw(st.binary(max_size=4)), draw(st.integers(1, 18 * mtu)))
    source, fragments = fragments_of(blob, mtu)
    shape = source.shape
    order = draw(st.permutations(range(1, shape.shards + 1)))
    order = order[: draw(st.integers(shape.count, shape.shards))]
    again = draw(st.lists(st.sampled_from(order), max_size=5))
    return blob, source, fragments, order + again


@given(broadcasts())
def test_any_k_of_n_rebuild_it_in_any_order(case):
    blob, source, fragments, order = case
    assembly = Assembly(Offered(fragments[0]), 0)
    for position, index in enumerate(order):
        missing = assembly.missing
        assert missing == max(source.shape.count - position, 0)
        assert assembly.store(fragments[index], position) == bool(missing)
    assert bytes(assembly.finish()) == blob
    assert assembly.object_digest == source.digest


@given(broadcasts(), st.data())
def test_a_spoilt_fragment_changes_nothing(case, data):
    blob, _, fragments, order = case
    assembly = Assembly(Offered(fragments[0]), 0)
    for index in order:
        wire = bytearray(fragments[index].encode())
        at = data.draw(st.integers(0, len(wire) - 1))
        wire[at] ^= data.draw(st.integers(1, 255))
        held = assembly.held
        try:
            spoilt = decode_coded(bytes(wire))
            # Who asks the assembly has found it by the flow; of an object that is one shard,
            # parity can be the same octets, and another index then makes another fragment.
            if spoilt.flow == assembly.flow and spoilt not in fragments:
                with pytest.raises(ProtocolError):
                    assembly.store(spoilt, 0)
        except ProtocolError:
            pass
        assert assembly.held == held
        assembly.store(fragments[index], 0)
    assert bytes(assembly.finish()) == blob


@given(broadcasts(), st.data())
def test_a_spoilt_head_opens_another_flow_or_none(case, data):
    _, _, fragments, _ = case
    wire = bytearray(fragments[0].encode())
    at = data.draw(st.integers(0, len(wire) - 1))
    wire[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ProtocolError):
        Assembly(Offered(decode_coded(bytes(wire))), 0)


def test_a_fragment_of_another_shape_is_refused():
    _, fragments = fragments_of(octets_of(b"a", 1000))
    assembly = Assembly(Offered(fragments[0]), 0)
    first = fragments[1]
    for wrong in (
        replace(first, index=0),
        replace(first, index=len(fragments)),
        replace(first, count=first.count + 1),
        replace(first, payload=first.payload + b"\0"),
        replace(first, payload=first.payload[:-1]),
    ):
        with pytest.raises(Malformed):
            assembly.store(wrong, 0)
    with pytest.raises(BadTag):
        assembly.store(replace(first, index=2), 0)
    assert assembly.held == 0


def test_what_is_missing_is_not_guessed():
    _, fragments = fragments_of(octets_of(b"a", 1000))
    assembly = Assembly(Offered(fragments[0]), 0)
    with pytest.raises(Unexpected):
        assembly.finish()


class Liar(Source):
    """Says of one object that it is another."""

    def __init__(self, blob, object_id):
        super().__init__(1, DTAG, blob, 222)
        self._head = replace(self._head, object_id=object_id)
        self._salt = self._head.encode()


def test_an_object_that_is_not_what_its_id_names_is_refused():
    genuine, _ = fragments_of(octets_of(b"genuine", 900))
    liar = Liar(octets_of(b"false", 900), genuine.object_id)
    while not liar.step():
        pass
    fragments = [decode_coded(liar.frame(i)) for i in range(liar.shape.count + 1)]
    assembly = Assembly(Offered(fragments[0]), 0)
    for fragment in fragments[1:]:
        assembly.store(fragment, 0)  # each of them is the one that its head vouches for
    with pytest.raises(BadTag):
        assembly.finish()


def test_what_came_is_noted_as_an_obj_fetch_says_it():
    _, fragments = fragments_of(octets_of(b"a", 1000))
    assembly = Assembly(Offered(fragments[0]), 0)
    assembly.store(fragments[2], 5)
    assert (assembly.seen, assembly.touched_at) == (0b101, 5)


def test_a_head_alone_costs_no_memory_to_look_at():
    _, fragments = fragments_of(octets_of(b"a", 6703))
    offered = Offered(fragments[0])
    shape = offered.shape
    assert offered.cost() >= shape.count * shape.size + shape.count**2
    with pytest.raises(Malformed):
        Offered(CodedFragment(0x4E, 0x10, b"flow", 0, 5, b"short"))
