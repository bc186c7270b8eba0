# SPDX-License-Identifier: MIT OR Apache-2.0
"""Between an engine and the sessions: every input wakes the driver, and carries the time."""

import pytest

from pqmesh.conversation.carrier import EngineCarrier
from pqmesh.errors import Busy, NoSuchSession


class Engine:
    def __init__(self):
        self.calls = []
        self.error = None

    def _do(self, *call):
        self.calls.append(call)
        if self.error is not None:
            raise self.error
        return 7

    def connect(self, now, peer):
        return self._do("connect", now, peer)

    def send(self, session, payload, now, priority, deadline):
        return self._do("send", session, payload, now, priority, deadline)

    def close(self, session, now):
        self._do("close", session, now)


class Waits:
    def now(self):
        return 55

    def event(self):
        return None

    async def within(self, awaitable, ms):
        return True


@pytest.fixture
def engine():
    return Engine()


@pytest.fixture
def woken():
    return []


@pytest.fixture
def carrier(engine, woken):
    return EngineCarrier(engine, Waits(), lambda: woken.append(1))


def test_each_input_reaches_the_engine_and_wakes_the_driver(carrier, engine, woken):
    assert carrier.dial(b"p") == 7
    assert carrier.send(1, b"x", 2, 99) == 7
    assert carrier.hang_up(1)
    assert engine.calls == [
        ("connect", 55, b"p"),
        ("send", 1, b"x", 55, 2, 99),
        ("close", 1, 55),
    ]
    assert len(woken) == 3


def test_what_has_ended_is_not_hung_up(carrier, engine):
    engine.error = NoSuchSession("it is over")
    assert not carrier.hang_up(1)


def test_a_full_engine_says_so(carrier, engine):
    engine.error = Busy("full")
    with pytest.raises(Busy):
        carrier.dial(None)
