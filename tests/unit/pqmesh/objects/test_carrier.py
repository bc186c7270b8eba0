# SPDX-License-Identifier: MIT OR Apache-2.0
"""Credentials by broadcast: into the keyring of who wants them, by the rules of any credential."""

import pytest

from pqmesh.engine.stamps import dtag_of
from pqmesh.errors import Busy
from pqmesh.limits import GATEWAY_OBJECTS
from pqmesh.objects.carrier import Carrier, Learned, Rejected, wants_for
from pqmesh.objects.events import Missed, Spread
from pqmesh.wire.objects import CODED_KIND, CREDENTIAL, EPOCH_OBJECT, OBJ_FETCH
from support.broadcast import Air, lossy
from support.credentials import CRYPTO, START, Owner

HOUR = 3_600_000
OWNERS = [Owner(b"owner%d" % number) for number in range(3)]
ALICE = OWNERS[0]


class Neighbours:
    """Alice, who has an epoch, and two who know her name."""

    def __init__(self, lose=None, known=(ALICE,)):
        names = {dtag_of(owner.peer_id): owner.peer_id for owner in known}
        wanted = names.get
        self.air = Air(3, lose=lose, limits=GATEWAY_OBJECTS, wants=wants_for(wanted))
        self.rings = [owner.keyring(clock=lambda: START) for owner in OWNERS]
        self.rings[0].adopt(ALICE.epoch(1))
        self.carriers = [
            Carrier(end, ring, CRYPTO, wanted)
            for end, ring in zip(self.air.ends, self.rings, strict=True)
        ]
        self.air.pull = lambda who: self.carriers[who].next_event(self.air.now)

    def run(self):
        self.air.run(self.air.now + HOUR)

    def learned(self, kind=Learned):
        return [self.air.of(who, kind) for who in (1, 2)]


@pytest.mark.parametrize("loss", [0, 20])
def test_neighbours_learn_the_key_without_a_session(loss):
    there = Neighbours(lossy(loss))
    assert there.carriers[0].spread(ALICE.peer_id, 0)
    there.run()
    assert there.learned() == [[Learned(ALICE.peer_id, 1, False)]] * 2
    for ring in there.rings[1:]:
        assert ring.peer(ALICE.peer_id).public == there.rings[0].current().public
    assert there.air.of(0, Spread)[0].neighbours == 2


def test_the_same_credential_goes_round_once_and_the_next_one_again():
    there = Neighbours()
    there.carriers[0].spread(ALICE.peer_id, 0)
    there.run()
    assert not there.carriers[0].spread(ALICE.peer_id, there.air.now)
    there.rings[0].rotate()
    assert there.carriers[0].spread(ALICE.peer_id, there.air.now)
    there.run()
    there.rings[0].adopt(ALICE.epoch(2))
    assert there.carriers[0].spread(ALICE.peer_id, there.air.now)
    there.run()
    assert [event.epoch for event in there.learned()[0]] == [1, 1, 2]
    assert there.rings[1].peer(ALICE.peer_id).public == there.rings[0].current().public


def test_a_stranger_s_is_not_taken_and_there_is_none_to_spread():
    there = Neighbours(known=())
    there.carriers[0].spread(ALICE.peer_id, 0)
    assert not there.carriers[1].spread(OWNERS[1].peer_id, 0)
    there.run()
    assert there.learned() == [[], []]
    assert there.air.frames(OBJ_FETCH) == []


def test_one_that_is_asked_for_comes_from_whoever_has_it():
    there = Neighbours()
    blob = there.rings[0].credential()
    there.air.ends[1].offer(CREDENTIAL, dtag_of(ALICE.peer_id), blob, 0, own=False)
    there.carriers[2].fetch(ALICE.peer_id, 0)
    there.run()
    assert there.learned()[1] == [Learned(ALICE.peer_id, 1, False)]
    there.carriers[2].fetch(OWNERS[1].peer_id, there.air.now)
    there.run()
    assert there.air.of(2, Missed) == [Missed(dtag_of(OWNERS[1].peer_id), bytes(8))]


def test_a_revocation_arrives_and_is_told_on():
    there = Neighbours()
    there.carriers[0].spread(ALICE.peer_id, 0)
    there.run()
    kill = ALICE.identity.public_key + ALICE.epoch(3, flags=0x8000).object
    there.air.ends[0].offer(CREDENTIAL, dtag_of(ALICE.peer_id), kill, there.air.now)
    there.run()
    assert there.learned()[0][1:] == [Learned(ALICE.peer_id, 3, True)]
    assert there.rings[1].peer(ALICE.peer_id) is None
    assert there.air.of(0, Spread)[1].neighbours == 2


@pytest.mark.parametrize("what", ["another's", "spoilt", "short", "old"])
def test_what_a_handshake_would_refuse_is_refused_and_not_taken_again(what):
    there = Neighbours()
    blob = there.rings[0].credential()
    if what == "another's":
        other = OWNERS[1].keyring(clock=lambda: START)
        other.adopt(OWNERS[1].epoch(1))
        blob = other.credential()
    elif what == "spoilt":
        blob = blob[:3000] + bytes((blob[3000] ^ 1,)) + blob[3001:]
    elif what == "short":
        blob = blob[:-1]
    else:
        there.rings[0].adopt(ALICE.epoch(2))
        there.carriers[0].spread(ALICE.peer_id, 0)
        there.run()
    name = there.air.ends[0].offer(CREDENTIAL, dtag_of(ALICE.peer_id), blob, there.air.now)
    there.run()
    before = len(there.air.frames(OBJ_FETCH))
    there.air.ends[0].withdraw(name)
    there.air.ends[0].offer(CREDENTIAL, dtag_of(ALICE.peer_id), blob, there.air.now)
    there.run()
    for rejected in there.learned(Rejected):
        assert [event.peer_id for event in rejected] == [ALICE.peer_id]
    assert len(there.air.frames(OBJ_FETCH)) == before  # nobody says that it is here
    assert len(there.air.frames(CODED_KIND)) > 2 * 53


def test_no_memory_lets_it_come_once_more(monkeypatch):
    there = Neighbours()
    genuine = there.rings[1].intake

    def none(*_):
        monkeypatch.setattr(there.rings[1], "intake", genuine)
        raise MemoryError

    monkeypatch.setattr(there.rings[1], "take", none)
    there.carriers[0].spread(ALICE.peer_id, 0)
    there.run()
    assert len(there.air.of(1, Rejected)) == 1
    monkeypatch.undo()
    there.carriers[0].retire()
    there.carriers[0].spread(ALICE.peer_id, there.air.now)
    there.run()
    assert there.learned()[0] == [Learned(ALICE.peer_id, 1, False)]


def test_another_kind_of_object_is_no_credential():
    wants = wants_for(lambda dtag: ALICE.peer_id)
    assert wants(CREDENTIAL, b"any dtag", bytes(8))
    assert not wants(EPOCH_OBJECT, b"any dtag", bytes(8))
    there = Neighbours()
    there.air.ends[0].offer(EPOCH_OBJECT, b"any dtag", b"not wanted any more", 0)
    there.air.ends[1].fetch(b"any dtag", 0)
    there.run()
    assert there.learned() == [[], []]
    assert there.learned(Rejected) == [[], []]


def test_too_many_questions_are_refused():
    carrier = Neighbours().carriers[1]
    for number in range(8):
        carrier.fetch(b"%032d" % number, 0)
    with pytest.raises(Busy):
        carrier.fetch(bytes(32), 0)
