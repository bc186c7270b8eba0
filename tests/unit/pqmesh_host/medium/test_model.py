# SPDX-License-Identifier: MIT OR Apache-2.0
"""The medium's physics, one property a test; and that a seed repeats a run."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.airtime.budget import AirtimeBudget, AirtimeExhausted
from pqmesh.airtime.lora import LoraModulation
from pqmesh.airtime.regions import band_of
from pqmesh_host.medium.loss import Independent
from pqmesh_host.medium.model import Medium, MediumConfig, RadioBusy, Reception

SF7 = LoraModulation(7)
AIR = SF7.time_on_air_us(10)
FRAME = bytes(10)


def medium(nodes: int = 3, **settings: object) -> Medium:
    config = dataclasses.replace(MediumConfig(modulation=SF7), **settings)  # type: ignore[arg-type]
    made = Medium(config)
    for number in range(nodes):
        made.join(f"node {number}")
    return made


def drain(made: Medium) -> list[Reception]:
    found: list[Reception] = []
    while (moment := made.next_deadline_us()) is not None:
        found += made.receptions(moment)
    return found


def seen(receptions: list[Reception]) -> list[tuple[int, str]]:
    return [(reception.receiver, reception.outcome) for reception in receptions]


def test_a_frame_reaches_everybody_else_when_its_airtime_is_over() -> None:
    made = medium()
    assert made.transmit(0, FRAME, 100) == 100 + AIR
    assert made.receptions(100 + AIR - 1) == []
    assert seen(made.receptions(100 + AIR)) == [(1, "received"), (2, "received")]
    assert made.next_deadline_us() is None


def test_equal_overlapping_frames_destroy_each_other_and_senders_are_deaf() -> None:
    made = medium()
    made.transmit(0, FRAME, 0)
    made.transmit(1, FRAME, AIR - 1)
    assert sorted(seen(drain(made))) == [
        (0, "was sending"),
        (1, "was sending"),
        (2, "collided"),
        (2, "collided"),
    ]


def test_frames_that_touch_do_not_overlap() -> None:
    made = medium()
    made.transmit(0, FRAME, 0)
    made.transmit(1, FRAME, AIR)
    assert {outcome for _, outcome in seen(drain(made))} == {"received"}


def test_the_stronger_frame_is_captured() -> None:
    levels = {(0, 2): -60.0, (1, 2): -90.0}
    made = medium(hears=lambda sender, receiver: levels.get((sender, receiver)))
    made.transmit(0, FRAME, 0)
    made.transmit(1, FRAME, 10)
    assert seen(drain(made)) == [(2, "received"), (2, "collided")]


def test_who_is_out_of_range_hears_nothing_and_disturbs_nobody() -> None:
    made = medium(hears=lambda s, r: -80.0 if {s, r} != {0, 2} else None)
    made.transmit(0, FRAME, 0)
    assert not made.idle(1, 1)
    assert made.idle(2, 1)  # the hidden node
    assert not made.idle(0, 1)
    assert seen(drain(made)) == [(1, "received")]
    assert made.idle(1, 2 * AIR)


def test_a_radio_sends_one_thing_at_a_time() -> None:
    made = medium()
    made.transmit(0, FRAME, 0)
    with pytest.raises(RadioBusy) as refusal:
        made.transmit(0, FRAME, AIR - 1)
    assert refusal.value.until_us == AIR


def test_the_duty_cycle_is_enforced_per_node() -> None:
    made = medium(budget=lambda: AirtimeBudget(band_of("EU868", 864_000_000), SF7))
    now = 0
    for _ in range(3_600_000 // SF7.time_on_air_us(255)):
        now = made.transmit(0, bytes(255), now)
    with pytest.raises(AirtimeExhausted) as refusal:
        made.transmit(0, bytes(255), now)
    assert refusal.value.next_possible_us > now
    assert made.transmit(1, FRAME, now) == now + AIR


def test_loss_repetition_and_delay_happen_at_their_rates() -> None:
    made = medium(2, loss=Independent(0.25), duplicate=0.1, delay=0.1, seed=3)
    got, arrivals = 0, []
    for index in range(2_000):
        made.transmit(0, index.to_bytes(10, "big"), index * 2 * AIR)
    for reception in drain(made):
        if reception.outcome == "received":
            got += 1
            arrivals.append(reception.frame)
    assert len(set(arrivals)) / 2_000 == pytest.approx(0.75, abs=0.04)
    assert got / len(set(arrivals)) == pytest.approx(1.1, abs=0.03)
    assert arrivals != sorted(arrivals)


@pytest.mark.parametrize("frame", [b"", bytes(256)])
def test_a_frame_no_modem_sends_is_refused(frame: bytes) -> None:
    with pytest.raises(ValueError, match="bytes"):
        medium().transmit(0, frame, 0)


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3 * AIR), st.integers(1, 60)), max_size=30
    ),
    st.integers(0, 1_000),
)
def test_a_seed_repeats_the_run_and_every_frame_has_one_fate_per_receiver(
    script: list[tuple[int, int, int]], seed: int
) -> None:
    def play() -> list[Reception]:
        made = medium(4, seed=seed, loss=Independent(0.3))
        now, sent = 0, 0
        for node, gap, length in script:
            now += gap
            try:
                made.transmit(node, bytes(length), now)
                sent += 1
            except RadioBusy:
                continue
        fates = drain(made)
        assert len(fates) == 3 * sent
        return fates

    assert [repr(fate) for fate in play()] == [repr(fate) for fate in play()]
