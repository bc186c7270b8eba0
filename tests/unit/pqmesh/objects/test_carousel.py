# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which fragment goes next, and when enough have gone."""

import pytest

from pqmesh.errors import Busy
from pqmesh.limits import BOARD_OBJECTS
from pqmesh.objects.carousel import HEAD_EVERY, NEIGHBOURS, Carousel, Offer
from pqmesh.objects.source import Source
from pqmesh.wire.objects import FLAG_BITMAP, OBJ_FETCH, ObjFetch, decode_coded
from support.broadcast import octets_of

DTAG = b"about-it"


def offer_of(size=3373, own=True, cursor=1, seed=b"a", enough=NEIGHBOURS, now=0):
    source = Source(1, DTAG, octets_of(seed, size), 222)
    while not source.step():
        pass
    return Offer(source, cursor, own, enough, now)


def drained(offer, most=1000):
    out = []
    while len(out) < most and (index := offer.next_index()) is not None:
        out.append(index)
        offer.sent(index)
    return out


def wish(value, flags=0, object_id=bytes(8)):
    return ObjFetch(OBJ_FETCH, flags, DTAG, object_id, value, b"once")


def test_its_own_object_goes_round_once_with_a_head_now_and_then():
    indices = drained(offer_of())
    assert [i for i in indices if i] == list(range(1, 29))
    assert [at for at, i in enumerate(indices) if not i] == [0, HEAD_EVERY + 1, 30]


def test_three_neighbours_end_it_and_each_counts_once():
    offer = offer_of()
    for dtag in (b"a", b"a", b"b", b"b"):
        offer.on_have(dtag)
    assert offer.next_index() is not None
    offer.on_have(b"c")
    offer.on_have(b"d")
    assert offer.next_index() is None
    assert offer.neighbours == [b"a", b"b", b"c"]


def test_where_there_is_one_neighbour_one_is_enough():
    offer = offer_of(enough=1)
    offer.on_have(b"a")
    assert offer.next_index() is None


def test_what_serves_who_lacks_most_serves_all():
    offer = offer_of(own=False, cursor=27)
    assert offer.next_index() is None
    for value in (2, 3, 1):
        offer.on_wish(wish(value), 0)
    assert drained(offer) == [0, 27, 28, 1, 2]  # one more, should one be lost
    offer.on_wish(wish(2), 0)
    assert drained(offer) == [3, 4, 5]  # its reader has the head, or it could not know
    offer.on_wish(wish(0), 0)
    indices = drained(offer)
    assert indices[0] == 0
    assert len([i for i in indices if i]) == 16 + 4 + 1
    offer.on_wish(wish(255), 0)
    assert len([i for i in drained(offer) if i]) == 28


def test_a_wish_after_the_end_begins_again():
    offer = offer_of()
    for dtag in (b"a", b"b", b"c"):
        offer.on_have(dtag)
    offer.on_wish(wish(2), 7)
    assert offer.start_at == 7
    assert len(drained(offer)) == 1 + 3


def test_a_bitmap_names_what_is_here():
    offer = offer_of(own=False)
    seen = (1 << 17) - 1 & ~(1 << 4) & ~(1 << 9)  # the head, and all but two of its own shards
    offer.on_wish(wish(seen, FLAG_BITMAP), 0)
    assert drained(offer) == [4, 9]
    offer.on_wish(wish(seen | 1 << 20, FLAG_BITMAP), 0)
    assert drained(offer) == [4]  # a parity shard is as good
    offer = offer_of(own=False)
    offer.on_wish(wish(0, FLAG_BITMAP), 0)
    assert drained(offer)[:3] == [0, 1, 2]


def test_what_others_send_is_not_sent_again():
    offer = offer_of(own=False)
    offer.on_wish(wish(2), 0)
    for _ in range(3):
        offer.overheard()
    assert offer.next_index() is None


def test_shards_of_others_are_recognised_and_forged_ones_do_not_count():
    carousel = Carousel(BOARD_OBJECTS)
    offer = offer_of()
    carousel.offers.append(offer)
    fragment = decode_coded(offer.source.frame(5))
    assert carousel.overheard(fragment)
    assert offer.owed == 27
    fragment.payload = bytes(len(fragment.payload))
    assert carousel.overheard(fragment)
    assert offer.owed == 27
    fragment.flow = b"none"
    assert not carousel.overheard(fragment)


def test_full_is_refused():
    carousel = Carousel(BOARD_OBJECTS)
    carousel.check(BOARD_OBJECTS.offer_bytes)
    with pytest.raises(Busy):
        carousel.check(BOARD_OBJECTS.offer_bytes + 1)
    carousel.offers += [offer_of(100), offer_of(100)]
    with pytest.raises(Busy):
        carousel.check(1)


def test_wishes_find_their_object_by_id_or_by_whose_it_is():
    carousel = Carousel(BOARD_OBJECTS)
    old, new = offer_of(100, seed=b"old"), offer_of(100, seed=b"new")
    carousel.offers += [old, new]
    assert carousel.answering(wish(0, object_id=old.source.object_id)) is old
    assert carousel.answering(wish(0)) is new
    assert carousel.answering(ObjFetch(OBJ_FETCH, 0, b"somebody", bytes(8), 0, b"once")) is None
    assert carousel.find(b"nothing!") is None


def test_the_one_that_waited_longest_is_next_and_none_before_its_time():
    carousel = Carousel(BOARD_OBJECTS)
    late, soon = offer_of(now=9), offer_of(100, now=4)
    carousel.offers += [late, soon]
    assert carousel.next(3) is None
    assert carousel.starts(3) == [9, 4]
    assert carousel.next(9) is soon
    drained(soon)
    assert carousel.next(9) is late
    assert carousel.finished() is soon
    assert carousel.finished() is None
    assert carousel.next(9) is late


def test_one_piece_of_preparation_at_a_time():
    carousel = Carousel(BOARD_OBJECTS)
    source = Source(1, DTAG, b"object", 222)
    carousel.offers.append(Offer(source, 1, True, 3, 0))
    assert carousel.next(0) is None
    assert carousel.finished() is None
    steps = 0
    while carousel.step():
        steps += 1
    assert steps == source.shape.shards
