# SPDX-License-Identifier: MIT OR Apache-2.0
"""Questions come late, ever later, and not when somebody else has just asked."""

import pytest

from pqmesh.errors import Busy
from pqmesh.limits import RADIO_LINK, SERIAL_LINK
from pqmesh.objects.asking import ANY, MAX_WISHES, QUIET_FRAMES, SLOTS, TRIES, Asking
from pqmesh.objects.assembly import Assembly, Offered
from pqmesh.objects.source import Source
from pqmesh.wire.objects import FLAG_BITMAP, OBJ_FETCH, ObjFetch, decode_coded, decode_fetch
from support.broadcast import octets_of
from support.model_crypto import CountingEntropy

DTAG = b"about-it"
QUIET = QUIET_FRAMES * RADIO_LINK.airtime_ms(RADIO_LINK.mtu)
JITTER = SLOTS * (RADIO_LINK.airtime_ms(RADIO_LINK.mtu) + RADIO_LINK.turnaround_ms)


def asking(link=RADIO_LINK):
    return Asking(link, CountingEntropy(b"asking"))


def assembly_of(size=1000, shards=2):
    source = Source(1, DTAG, octets_of(b"a", size), 222)
    while not source.step():
        pass
    assembly = Assembly(Offered(decode_coded(source.frame(0))), 0)
    for index in range(1, 1 + shards):
        assembly.store(decode_coded(source.frame(index)), 0)
    return assembly


def test_each_silence_is_longer_than_the_one_before():
    one, ask = assembly_of(), asking()
    ask.put_off(one, 0)
    now = 0
    for tries in range(TRIES):
        quiet = one.ask_at - now
        assert QUIET << tries <= quiet < (QUIET << tries) + JITTER
        assert not ask.due(one, one.ask_at - 1)
        assert ask.due(one, one.ask_at)
        now = one.ask_at
        fetch = decode_fetch(ask.ask(one, now))
        assert (fetch.dtag, fetch.object_id) == (DTAG, one.head.object_id)
        assert (fetch.flags, fetch.value) == (0, one.missing)
    assert one.ask_at is None


def test_where_there_is_one_neighbour_it_is_told_what_is_here():
    one = assembly_of()
    fetch = decode_fetch(asking(SERIAL_LINK).ask(one, 0))
    assert (fetch.flags, fetch.value) == (FLAG_BITMAP, 0b111)
    large = assembly_of(6703)  # more shards than a bitmap has room for
    assert decode_fetch(asking(SERIAL_LINK).ask(large, 0)).value == large.missing


def test_a_wish_is_asked_at_once_and_given_up_in_the_end():
    ask = asking()
    ask.wish(DTAG, ANY, 7)
    ask.wish(DTAG, ANY, 8)
    (wish,) = ask.wishes
    for _ in range(TRIES):
        now = wish.ask_at
        assert ask.due(wish, now)
        assert ask.give_up(now) == []
        assert decode_fetch(ask.ask(wish, now)).value == 0
    assert not ask.due(wish, wish.ask_at)
    assert ask.give_up(wish.ask_at - 1) == []
    assert ask.give_up(wish.ask_at) == [wish]
    assert ask.wishes == []


def test_a_wish_without_an_id_is_granted_by_any_object_of_that_dtag():
    ask = asking()
    ask.wish(DTAG, ANY, 0)
    ask.wish(DTAG, b"objectid", 0)
    assert ask.wants(DTAG, b"whatever")
    assert not ask.wants(b"somebody", b"objectid")
    ask.granted(DTAG, b"whatever")
    assert [wish.object_id for wish in ask.wishes] == [b"objectid"]


def test_only_so_many_wishes():
    ask = asking()
    for number in range(MAX_WISHES):
        ask.wish(b"node%04d" % number, ANY, 0)
    with pytest.raises(Busy):
        ask.wish(DTAG, ANY, 0)


def test_who_hears_a_wish_that_serves_it_too_waits():
    ask, one = asking(), assembly_of()
    ask.wish(DTAG, ANY, 0)
    (wish,) = ask.wishes

    def overhear(value, flags=0):
        one.ask_at = wish.ask_at = 100
        fetch = ObjFetch(OBJ_FETCH, flags, DTAG, one.head.object_id, value, b"once")
        ask.overheard(fetch, [one], 100)
        return one.ask_at > 100, wish.ask_at > 100

    assert overhear(one.missing) == (True, False)
    assert overhear(one.missing - 1) == (False, False)
    assert overhear(0) == (True, True)
    assert overhear(one.missing, FLAG_BITMAP) == (False, False)
    one.ask_at = None
    ask.overheard(ObjFetch(OBJ_FETCH, 0, DTAG, ANY, 0, b"once"), [one], 100)
    assert one.ask_at is None
