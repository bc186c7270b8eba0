# SPDX-License-Identifier: MIT OR Apache-2.0
"""Objects that go round: to all who want them, through loss, strangers and full tables."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqmesh.errors import Busy, ProtocolError, UsageError
from pqmesh.limits import BOARD_OBJECTS, GATEWAY_OBJECTS, RADIO_LINK, SERIAL_LINK, replace
from pqmesh.objects.asking import TRIES
from pqmesh.objects.assemblies import IDLE_MS
from pqmesh.objects.events import Arrived, Missed, Spread
from pqmesh.objects.exchange import Exchange
from pqmesh.objects.source import Source, have
from pqmesh.wire.objects import (
    CODED_KIND,
    EPOCH_OBJECT,
    FLAG_BITMAP,
    OBJ_FETCH,
    ObjFetch,
    decode_fetch,
)
from support.broadcast import DTAG, Air, lossy, octets_of

HOUR = 3_600_000
BLOB = octets_of(b"epoch", 3373)
ID = hashlib.sha256(BLOB).digest()[:8]


def spread(count, blob=BLOB, until=HOUR, **how):
    air = Air(count, **how)
    air.ends[0].offer(EPOCH_OBJECT, DTAG, blob, 0)
    air.run(until)
    return air


def arrived(air, who, blob=BLOB):
    found = air.of(who, Arrived)
    assert all(bytes(event.octets) == blob for event in found)
    return len(found)


def test_everybody_has_it_and_it_stops_at_three():
    air = spread(6)
    assert [arrived(air, who) for who in range(6)] == [0, 1, 1, 1, 1, 1]
    assert 0 < air.ends[0].used_ms(HOUR // 2) < HOUR // 100
    (event,) = air.of(0, Spread)
    assert event == Spread(ID, 3)
    assert len(air.frames(CODED_KIND)) < 1 + 28
    assert all(f[0] in (CODED_KIND, OBJ_FETCH) for _, _, f in air.sent)


def test_alone_it_goes_round_once():
    air = spread(1)
    assert len(air.frames(CODED_KIND)) == 31
    assert air.of(0, Spread) == [Spread(ID, 0)]


@pytest.mark.parametrize("loss", [10, 20, 40])
def test_loss_costs_frames_and_nothing_else(loss):
    air = spread(8, lose=lossy(loss), until=2 * HOUR)
    assert [arrived(air, who) for who in range(1, 8)] == [1] * 7


@given(st.integers(0, 1 << 30), st.integers(1, 6), st.integers(0, 45), st.integers(1, 6000))
@settings(max_examples=40, deadline=None)
def test_whatever_is_lost_all_get_it_and_the_channel_is_kept(seed, listeners, loss, size):
    blob = octets_of(b"%d" % seed, size)
    air = spread(1 + listeners, blob, 3 * HOUR, lose=lossy(loss, b"%d" % seed))
    for _ in range(40):
        for who in range(1, 1 + listeners):
            if not air.of(who, Arrived):  # it heard no head, or gave up: its owner can ask
                air.ends[who].fetch(DTAG, air.now)
        air.run(air.now + HOUR // 2)
    assert [arrived(air, who, blob) for who in range(1, 1 + listeners)] == [1] * listeners
    for who in range(1 + listeners):
        mine = [(at, RADIO_LINK.airtime_ms(len(f))) for at, sender, f in air.sent if sender == who]
        for at, airtime in mine:
            hour = [air for when, air in mine if at + airtime - HOUR <= when <= at]
            assert sum(hour) <= HOUR // 100


def test_it_comes_again_in_any_order_and_spoilt():
    source = Source(EPOCH_OBJECT, DTAG, BLOB, RADIO_LINK.mtu)
    while not source.step():
        pass
    frames = [source.frame(i) for i in range(29)]
    frames = frames[20:28] + [frames[0]] + frames[7:13] * 2 + frames[25:] + frames[3:7]
    air = Air(2)
    for number, frame in enumerate(frames):
        spoilt = bytearray(frame)
        spoilt[number * 7 % len(frame)] ^= 1 + number
        air.inject(frame)
        air.inject(bytes(spoilt))
    air.run(1000)
    assert [arrived(air, who) for who in range(2)] == [1, 1]
    assert {name for _, _, name in air.dropped} <= {
        "BadTag",
        "Malformed",
        "UnknownKind",
        "Unexpected",
    }


def test_the_head_comes_last():
    source = Source(EPOCH_OBJECT, DTAG, BLOB, RADIO_LINK.mtu)
    while not source.step():
        pass
    air = Air(1, limits=GATEWAY_OBJECTS)
    air.inject(b"\x4e\x10" + source.flow + bytes((28, 16)) + bytes(211))  # a forgery waits too
    for index in (*range(1, 17), 0):
        air.inject(source.frame(index))
    air.run(1000)
    assert arrived(air, 0) == 1
    assert air.ends[0].stats.dropped == {"BadTag": 1}


def test_what_is_not_wanted_is_not_hashed(monkeypatch):
    from pqmesh.objects import assembly

    calls = []
    genuine = assembly.head_digest
    monkeypatch.setattr(assembly, "head_digest", lambda *a: calls.append(a) or genuine(*a))
    air = spread(2, wants=lambda what, dtag, object_id: False)
    assert arrived(air, 1) == 0
    assert calls == []
    assert air.ends[1].stats.dropped["Unexpected"] >= 2
    air = spread(2, wants=lambda what, dtag, object_id: (what, dtag, object_id) == (1, DTAG, ID))
    assert arrived(air, 1) == 1
    assert len(calls) == 1


def test_an_object_is_fetched_from_whoever_has_it():
    air = Air(4, wants=lambda *_: False)
    air.ends[1].offer(EPOCH_OBJECT, DTAG, BLOB, 0, own=False)
    air.ends[2].offer(EPOCH_OBJECT, DTAG, BLOB, 0, own=False)
    air.run(1000)
    assert air.sent == []
    air.ends[3].fetch(DTAG, air.now)
    air.run(HOUR)
    assert arrived(air, 3) == 1
    assert air.of(1, Spread) == []
    shards = [f[6] for f in air.frames(CODED_KIND) if f[6]]
    assert len(shards) <= 28 + 2  # two holders, one object


def test_what_nobody_has_is_missed():
    air = Air(2)
    air.ends[0].fetch(DTAG, 0, b"objectid")
    air.run(HOUR)
    assert air.of(0, Missed) == [Missed(DTAG, b"objectid")]
    assert len(air.frames(OBJ_FETCH)) == TRIES
    assert air.ends[0].next_deadline() is None


def test_what_began_and_stopped_is_missed_and_its_memory_free():
    air = Air(2, lose=lambda number, who: number > 4)
    air.ends[0].offer(EPOCH_OBJECT, DTAG, BLOB, 0)
    air.run(IDLE_MS + HOUR)
    assert air.of(1, Missed) == [Missed(DTAG, ID)]
    fetches = [decode_fetch(f) for f in air.frames(OBJ_FETCH, 1)]
    assert [fetch.value for fetch in fetches] == [12] * TRIES
    assert air.ends[1].next_deadline() is None


def test_on_a_cable_what_is_missing_is_named():
    air = spread(2, link=SERIAL_LINK, lose=lambda number, who: number in (2, 3, 4, 5, 6, 7, 8))
    assert arrived(air, 1) == 1
    fetches = [decode_fetch(f) for f in air.frames(OBJ_FETCH, 1)]
    assert [fetch.flags for fetch in fetches] in ([0x80], [FLAG_BITMAP, 0x80])


def test_a_stranger_cannot_stop_what_it_does_not_have():
    air = Air(1)
    air.ends[0].offer(EPOCH_OBJECT, DTAG, BLOB, 0)
    for number in range(5):
        air.inject(ObjFetch(OBJ_FETCH, 0x80, b"liar%04d" % number, ID, 0, bytes(4)).encode())
        air.inject(have(ID + bytes(24), b"liar%04d" % number))
    air.run(HOUR)
    assert len(air.frames(CODED_KIND)) == 31
    assert {name for _, _, name in air.dropped} == {"BadTag"}


def test_a_question_that_is_repeated_draws_nothing_more():
    air = Air(1)
    air.ends[0].offer(EPOCH_OBJECT, DTAG, BLOB, 0, own=False)
    question = ObjFetch(OBJ_FETCH, 0, DTAG, ID, 2, b"once").encode()
    air.run(1000)
    for _ in range(5):
        air.inject(question)
        air.run(air.now + 60_000)
    assert len(air.frames(CODED_KIND)) == 4
    assert [name for _, _, name in air.dropped] == ["Unexpected"] * 4


def test_however_many_ask_a_hundredth_is_all():
    air = Air(1)
    air.ends[0].offer(EPOCH_OBJECT, DTAG, BLOB, 0, own=False)
    air.run(1000)
    for number in range(600):
        air.inject(ObjFetch(OBJ_FETCH, 0, DTAG, ID, 0, b"%04d" % number).encode())
        air.run(air.now + 10_000)
    used = sum(RADIO_LINK.airtime_ms(len(f)) for at, _, f in air.sent if at <= HOUR)
    assert HOUR // 100 - 1000 < used <= HOUR // 100


def lies(blob, object_id, count):
    """Frames of an object that says it is another."""
    source = Source(EPOCH_OBJECT, DTAG, blob, RADIO_LINK.mtu)
    source._head = replace(source._head, object_id=object_id)
    source._salt = source._head.encode()
    while not source.step():
        pass
    return [source.frame(i) for i in range(count)]


def test_an_object_that_is_not_what_its_id_names_never_arrives():
    air = Air(1)
    frames = lies(octets_of(b"false", 3373), ID, 17)
    for frame in frames:
        air.inject(frame)
    air.run(1000)
    assert arrived(air, 0) == 0
    assert air.ends[0].stats.dropped == {"BadTag": 1}
    air.inject(frames[0])  # and is not begun again
    assert air.ends[0].stats.dropped == {"BadTag": 2}
    air = spread(2)
    assert arrived(air, 1) == 1


def test_the_genuine_object_arrives_beside_a_lie():
    air = Air(2)
    for frame in lies(octets_of(b"false", 3373), ID, 9):
        air.inject(frame)
    air.ends[0].offer(EPOCH_OBJECT, DTAG, BLOB, 0)
    air.run(HOUR)
    assert arrived(air, 1) == 1
    assert air.ends[1].next_deadline() is None  # and the lie has gone with it


def test_an_object_that_the_owner_rejects_is_not_taken_again():
    air = Air(2)
    air.judge = lambda who, event: False
    for _ in range(2):
        air.ends[0].withdraw(ID)
        air.ends[0].offer(EPOCH_OBJECT, DTAG, BLOB, air.now)
        air.run(air.now + HOUR)
    assert arrived(air, 1) == 1
    assert air.frames(OBJ_FETCH) == []


def test_who_has_it_says_so_to_another_holder_later():
    air = spread(2)
    assert len(air.frames(OBJ_FETCH, 1)) == 1
    air.ends[0].withdraw(ID)
    air.ends[0].offer(EPOCH_OBJECT, DTAG, BLOB, air.now)
    air.run(air.now + HOUR)
    assert len(air.frames(OBJ_FETCH, 1)) == 2
    assert arrived(air, 1) == 1


def test_no_memory_to_decode_is_a_loss(monkeypatch):
    from pqmesh.objects.assembly import Assembly

    def none(self):
        raise MemoryError

    monkeypatch.setattr(Assembly, "finish", none)
    air = spread(2)
    assert arrived(air, 1) == 0
    assert air.ends[1].stats.dropped["Exhausted"] >= 1


def test_what_the_owner_says_of_an_object_that_is_not_known_changes_nothing():
    air = Air(1)
    end = air.ends[0]
    end.accept(b"objectid", 0)
    end.reject(b"objectid")
    end.forget(b"objectid")
    assert end.next_deadline() is None
    air.inject(have(bytes(32), b"node0007"))
    assert (end.stats.dropped, end.stats.frames_received) == ({}, 1)
    assert end.used_ms(0) == 0


def test_full_and_unfit_are_said():
    end = Air(1).ends[0]
    for number in range(BOARD_OBJECTS.offers):
        end.offer(EPOCH_OBJECT, DTAG, b"object %d" % number, 0)
    with pytest.raises(Busy):
        end.offer(EPOCH_OBJECT, DTAG, b"one more", 0)
    assert (
        end.offer(EPOCH_OBJECT, DTAG, b"object 0", 0) == hashlib.sha256(b"object 0").digest()[:8]
    )
    with pytest.raises(UsageError):
        end.offer(EPOCH_OBJECT, DTAG, bytes(30_000), 0)
    end.withdraw(b"nothing!")


def test_which_frames_are_its_own():
    assert [Exchange.takes(f) for f in (b"\x4e", b"\x88", b"\x48", b"\x80", b"")] == [
        True, True, False, False, False,
    ]  # fmt: skip


@given(st.lists(st.binary(max_size=60), max_size=30))
def test_arbitrary_frames_are_refused_and_change_nothing(frames):
    air = Air(1)
    end = air.ends[0]
    for octets in frames:
        for frame in (octets, b"\x4e\x10" + octets, b"\x88\x00" + octets):
            try:
                end.receive(frame, 0)
            except ProtocolError:
                continue
    assert end.next_event() is None
    assert len(end._assemblies.open_flows) <= BOARD_OBJECTS.assemblies
