# SPDX-License-Identifier: MIT OR Apache-2.0
"""The gate: nothing leaves too early, strangers hold nobody up, and the engine's clock waits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.airtime.budget import KNOWN, STRANGER, AirtimeBudget, AirtimeExhausted
from pqmesh.airtime.gate import HELD_FRAMES, AirGate
from pqmesh.airtime.lora import LoraModulation
from pqmesh.airtime.regions import Band, band_of
from pqmesh.errors import UsageError

SECOND = 1_000_000
HOUR = 3_600 * SECOND
SF7, SF9, SF12 = LoraModulation(7), LoraModulation(9), LoraModulation(12)
BAND = band_of("EU868", 868_100_000)
FULL = bytes(222)
AIR = SF9.time_on_air_us(222)
IN_AN_HOUR = 36 * SECOND // AIR  # frames that fill the budget
LEFT = 36 * SECOND - IN_AN_HOUR * AIR  # of the budget then: as much of the first may stay


class Radio:
    """An engine's queue, a gate, and a radio that sends what it is offered at once."""

    def __init__(self, *frames, modulation=SF9, kinds=None):
        self.queue = list(frames)
        self.now = 0
        self.sent = []
        self.gate = AirGate(
            AirtimeBudget(BAND, modulation),
            lambda: self.queue.pop(0) if self.queue else None,
            kinds,
        )

    def send(self):
        """Send until nothing more may start; returns how many frames did."""
        count = 0
        while (frame := self.gate.offer(self.now)) is not None:
            duration = self.gate.started(self.now)
            self.sent.append((self.now, duration, frame))
            self.now += duration
            count += 1
        return count


def by_first_octet(frame):
    return STRANGER if frame[0] else KNOWN


def test_frames_go_in_order_while_there_is_airtime():
    radio = Radio(b"one", b"two", b"three")
    assert radio.send() == 3
    assert [frame for _, _, frame in radio.sent] == [b"one", b"two", b"three"]
    assert radio.gate.next_possible_us(radio.now) is None
    assert radio.gate.engine_ms(radio.now) == radio.now // 1000
    assert radio.gate.wall_us(7, radio.now) == 7_000


def test_what_is_offered_stays_offered_until_it_has_started():
    radio = Radio(b"one", b"two")
    assert radio.gate.offer(0) == b"one"
    assert radio.gate.offer(5) == b"one"
    assert radio.gate.next_possible_us(7) == 7
    assert radio.gate.started(9) == SF9.time_on_air_us(3)
    with pytest.raises(UsageError):
        radio.gate.started(9)


def test_a_radio_that_must_not_talk_yet_learns_that_something_waits_and_pulls_nothing():
    queue = [b"stale", b"fresh"]
    account = AirtimeBudget(BAND, SF9)
    gate = AirGate(account, lambda: queue.pop(0) if queue else None, None, lambda: bool(queue))
    assert gate.waiting(0)
    assert queue == [b"stale", b"fresh"]
    del queue[0]  # it was answered while the channel was busy
    assert gate.offer(0) == b"fresh"
    assert gate.waiting(0)  # offered, not started
    gate.started(0)
    assert not gate.waiting(1)


def test_what_the_law_holds_does_not_wait_for_the_channel():
    for waits in (None, lambda: True):
        radio = Radio(*[FULL] * (IN_AN_HOUR + 1))
        radio.gate._waits = waits
        assert radio.gate.waiting(0)
        radio.send()
        assert not radio.gate.waiting(radio.now)
        assert radio.gate.waiting(radio.gate.next_possible_us(radio.now))


def test_strangers_wait_for_the_channel_when_their_time_has_come():
    stranger = b"\x01" + bytes(221)
    radio = Radio(*[stranger] * (36 * SECOND // 5 // AIR + 1), kinds=by_first_octet)
    radio.send()
    assert not radio.gate.waiting(radio.now)
    assert radio.gate.waiting(radio.gate.next_possible_us(radio.now))


def test_a_known_frame_waits_for_its_time_and_the_engine_s_clock_with_it():
    radio = Radio(*[FULL] * (IN_AN_HOUR + 2))
    assert radio.send() == IN_AN_HOUR
    began = radio.now
    possible = radio.gate.next_possible_us(began)
    assert possible == HOUR - LEFT
    assert radio.gate.engine_ms(began) == began // 1000
    assert radio.gate.engine_ms(began + 60 * SECOND) == began // 1000
    assert radio.gate.wall_us(began // 1000 + 5, began + SECOND) == possible + (
        5_000 + began // 1000 * 1000 - began
    )
    radio.now = possible - 1
    assert radio.gate.offer(radio.now) is None
    radio.now = possible
    assert radio.send() == 2  # for each that began an hour ago one may begin now
    assert radio.gate.held_us == possible - began
    assert radio.gate.next_possible_us(radio.now) is None
    assert radio.gate.wall_us(0, radio.now) == radio.gate.held_us


def test_strangers_have_a_fifth_and_hold_nobody_up():
    stranger = b"\x01" + bytes(221)
    share = 36 * SECOND // 5 // AIR
    radio = Radio(*[stranger] * (share + 3), FULL, FULL, kinds=by_first_octet)
    assert radio.send() == share + 2
    assert [frame for _, _, frame in radio.sent[-2:]] == [FULL, FULL]
    assert radio.gate.held_us == 0
    possible = radio.gate.next_possible_us(radio.now)
    assert possible > radio.now
    radio.now = possible
    assert radio.send() >= 1
    assert radio.sent[-1][2] == stranger


def test_known_frames_and_strangers_may_wait_at_once():
    stranger = b"\x01" + bytes(221)
    radio = Radio(*[FULL] * IN_AN_HOUR, stranger, FULL, kinds=by_first_octet)
    assert radio.send() == IN_AN_HOUR
    assert radio.gate.next_possible_us(radio.now) == HOUR - LEFT
    radio.now = HOUR - LEFT
    assert radio.send() == 2


def test_what_strangers_have_waiting_is_bounded():
    stranger = b"\x01" + bytes(221)
    share = 36 * SECOND // 5 // AIR
    radio = Radio(*[stranger] * (share + HELD_FRAMES + 5), kinds=by_first_octet)
    assert radio.send() == share
    assert radio.gate.dropped == 5
    assert not radio.queue


def test_a_frame_that_no_budget_covers_is_dropped_and_the_next_one_goes():
    narrow = Band("narrow", 0, 1, 14, SF12.time_on_air_us(50))
    queue = [FULL, b"short"]
    gate = AirGate(AirtimeBudget(narrow, SF12), lambda: queue.pop(0) if queue else None)
    assert gate.offer(0) == b"short"
    assert gate.dropped == 1


def test_a_refusal_names_the_moment_from_which_a_burst_could_go():
    radio = Radio(*[FULL] * 20)
    handshake = [222] * 13
    radio.gate.check(handshake, 0)
    radio.gate.check([], 0)
    radio.send()
    with pytest.raises(AirtimeExhausted) as refusal:
        radio.gate.check(handshake, radio.now)
    possible = refusal.value.next_possible_us
    assert possible > radio.now
    with pytest.raises(AirtimeExhausted):
        radio.gate.check(handshake, possible - 1)
    radio.gate.check(handshake, possible)
    with pytest.raises(UsageError):
        radio.gate.check([222] * 34, 0)
    with pytest.raises(UsageError):  # a fifth of the hour holds six
        radio.gate.check([222] * 7, 0, STRANGER)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 40 * 60 * SECOND),  # from the frame before
            st.integers(1, 222),
            st.booleans(),
            st.integers(0, 200_000),  # the radio listens before it talks
        ),
        max_size=80,
    )
)
def test_11_no_window_of_an_hour_ever_holds_more_than_the_budget(script):
    """Property 11 of constrained-design 5.6, behind the gate."""
    radio = Radio(modulation=SF9, kinds=by_first_octet)
    log = []

    def drain(until):
        while True:
            possible = radio.gate.next_possible_us(radio.now)
            frame = radio.gate.offer(radio.now)
            if frame is None:
                possible = radio.gate.next_possible_us(radio.now)
                if possible is None or possible > until:
                    return
                radio.now = possible
                continue
            start = radio.now + dice.pop() if dice else radio.now
            duration = radio.gate.started(start)
            log.append((start, start + duration, frame[0]))
            radio.now = start + duration

    dice = [step[3] for step in script]
    arrival = 0
    for pause, length, stranger, _ in script:
        arrival += pause
        drain(arrival)
        radio.now = max(radio.now, arrival)
        radio.queue.append(bytes([stranger]) + bytes(length - 1))
    drain(1 << 62)
    for limit, kinds in ((36 * SECOND, (0, 1)), (36 * SECOND // 5, (1,))):
        for _, edge, _ in log:  # a window is fullest where it ends with a transmission
            used = sum(
                max(0, min(end, edge) - max(begin, edge - HOUR))
                for begin, end, kind in log
                if kind in kinds
            )
            assert used <= limit
