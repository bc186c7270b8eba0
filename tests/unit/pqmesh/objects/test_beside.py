# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sessions first, broadcasts beside them, over one link and to one driver."""

import pytest

from pqmesh.engine.events import Established, Received
from pqmesh.engine.stamps import dtag_of
from pqmesh.errors import ProtocolError
from pqmesh.limits import GATEWAY_OBJECTS, RADIO_LINK, SERIAL_LINK
from pqmesh.objects.beside import BroadcastEngine
from pqmesh.objects.carrier import Carrier, Learned, wants_for
from pqmesh.objects.events import Spread
from pqmesh.objects.exchange import Exchange
from pqmesh.wire.entry import HELLO
from pqmesh.wire.objects import CODED_KIND
from support.credentials import CRYPTO, START, Owner
from support.scenario import Line

OWNERS = [Owner(b"one"), Owner(b"other")]
NAMES = {dtag_of(owner.peer_id): owner.peer_id for owner in OWNERS}


class Cable(Line):
    """A Line between two engines with broadcasts; each has a credential that the other lacks."""

    def boot(self, side):
        owner = OWNERS[side]
        ring = owner.keyring(clock=lambda: START)
        ring.adopt(owner.epoch(1))
        exchange = Exchange(
            self.link, owner.entropy, dtag_of(owner.peer_id), wants_for(NAMES.get), GATEWAY_OBJECTS
        )
        carrier = Carrier(exchange, ring, CRYPTO, NAMES.get)
        self.ends[side] = BroadcastEngine(
            carrier, owner.identity, CRYPTO, owner.entropy, self.link, keyring=ring
        )

    def of(self, side, kind):
        return [event for event in self.events[side] if isinstance(event, kind)]


def test_both_learn_the_others_key_and_a_session_runs_beside_it():
    cable = Cable()
    for side in (0, 1):
        cable.ends[side].carrier.spread(OWNERS[side].peer_id, 0)
    handle = cable.ends[0].connect(0)
    cable.run(20_000)
    cable.ends[0].send(handle, b"reading", cable.now)
    cable.run(40_000)
    for side in (0, 1):
        assert cable.of(side, Learned) == [Learned(OWNERS[1 - side].peer_id, 1, False)]
        assert [event.neighbours for event in cable.of(side, Spread)] == [1]
        assert len(cable.of(side, Established)) == 1
        assert cable.ends[side].next_deadline() is not None  # keepalive
    assert [event.payload for event in cable.of(1, Received)] == [b"reading"]


def ready(link=SERIAL_LINK):
    """An engine with a credential to send, prepared, and nothing else."""
    cable = Cable(link=link)
    engine = cable.ends[0]
    engine.carrier.spread(OWNERS[0].peer_id, 0)
    while engine.carrier.exchange._carousel.step():
        pass
    return engine


def test_sessions_go_first():
    engine = ready()
    engine.connect(0)
    engine.handle_timeout(0)
    kinds = []
    while (frame := engine.next_transmit()) is not None:
        kinds.append(frame[0])
    assert len(kinds) > 1
    assert kinds.index(CODED_KIND) == len(kinds) - 1


def test_nobody_talks_into_an_answer_that_is_awaited():
    engine = ready(RADIO_LINK)
    engine.carrier._keyring.learn(OWNERS[1].credential(OWNERS[1].epoch(1)), CRYPTO)
    engine.connect(0, OWNERS[1].peer_id)
    engine.handle_timeout(0)
    assert engine.next_transmit(0)[0] == HELLO
    assert engine.next_transmit(1) is None
    assert not engine.waits()
    free = engine._context.tx.quiet_from(1)
    assert free > 1
    assert engine.next_deadline() <= free
    assert engine.next_transmit(free)[0] == CODED_KIND


def test_a_broadcast_is_for_everybody_and_spends_a_stranger_s_airtime():
    engine = ready(RADIO_LINK)
    assert engine.waits()
    frame = engine.next_transmit(5)
    assert frame[0] == CODED_KIND
    assert (engine.destination, engine.for_stranger) == (b"", True)
    assert (engine.stats.frames_sent, engine.stats.bytes_sent) == (1, len(frame))
    assert engine.next_transmit(6) is None  # a pause for others
    assert not engine.waits()
    engine.handle_timeout(engine.next_deadline())
    assert engine.next_transmit() is not None


def test_what_is_refused_is_counted_where_all_frames_are():
    engine = ready()
    with pytest.raises(ProtocolError):
        engine.receive(b"\x4e\x10", 0)
    with pytest.raises(ProtocolError):
        engine.receive(b"\x02\x00\x00\x00\x00", 0)
    assert engine.stats.frames_received == 2
    assert sum(engine.stats.dropped.values()) == 2
