# SPDX-License-Identifier: MIT OR Apache-2.0
"""An engine with tickets: what it hands to its resumptions. Continues test_engine."""

from pqmesh.engine.events import Established, Refused
from pqmesh.errors import Malformed
from support.resumption import R1, R2, ResumePair


def ready():
    pair = ResumePair()
    pair.provision()
    return pair


def test_a_connect_by_name_resumes_and_its_frames_find_their_way():
    pair = ready()
    handle = pair.resume(0)
    assert pair.ends[0].next_deadline() is not None
    pair.run_until(pair.joined)
    assert pair.last(0, Established).session == handle
    assert (pair.kinds(0)[0], pair.kinds(1)[0]) == (R1, R2)


def test_its_timers_run():
    pair = ready()
    pair.intercept = lambda side, frame: []
    pair.resume(0)
    pair.run_for(1_500)
    assert pair.kinds(0) == [R1, R1]


def test_it_can_be_given_up():
    pair = ready()
    pair.intercept = lambda side, frame: []
    handle = pair.resume(0)
    pair.close(0, handle)
    assert pair.last(0, Refused).session == handle
    assert pair.ends[0].next_deadline() is None


def test_spoilt_lengths_are_dropped_and_counted():
    pair = ready()
    for kind in (R1, R2):
        assert isinstance(pair.deliver(0, bytes((kind,)) + bytes(60)), Malformed)
    assert pair.ends[0].stats.dropped == {"Malformed": 2}
