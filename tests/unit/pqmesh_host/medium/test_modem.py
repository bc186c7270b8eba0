# SPDX-License-Identifier: MIT OR Apache-2.0
"""Modems share the air: everything queued is sent, and a channel that is busy is waited for."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.airtime.budget import AirtimeBudget
from pqmesh.airtime.lora import LoraModulation
from pqmesh.airtime.regions import band_of
from pqmesh_host.medium.model import MediumConfig, Reception
from pqmesh_host.medium.modem import Air, ModemConfig, QueueFull

SF7 = LoraModulation(7)
HOUR = 3_600_000_000


def run(air: Air, until_us: int = HOUR) -> list[Reception]:
    return air.advance(until_us)


def test_frames_of_one_sender_keep_their_order_and_their_gap() -> None:
    air = Air(MediumConfig(modulation=SF7))
    sender, _ = air.join("a"), air.join("b")
    for index in range(5):
        sender.offer(bytes([index]), 0)
    assert sender.waiting == 5
    got = run(air)
    assert [reception.frame for reception in got] == [bytes([index]) for index in range(5)]
    gaps = {later.at_us - early.at_us for early, later in itertools.pairwise(got)}
    assert gaps == {SF7.time_on_air_us(1) + ModemConfig().gap_us}
    assert air.next_deadline_us() is None


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2_000_000)), max_size=25))
def test_everything_queued_is_sent_however_crowded_the_air(
    script: list[tuple[int, int]],
) -> None:
    air = Air(MediumConfig(modulation=SF7))
    modems = [air.join(str(number)) for number in range(3)]
    for node, at_us in sorted(script, key=lambda step: step[1]):
        air.advance(at_us)
        modems[node].offer(bytes(50), at_us)
    run(air)
    assert sum(modem.counts["sent"] for modem in modems) == len(script)
    assert all(modem.waiting == 0 for modem in modems)


def test_a_busy_channel_is_waited_for() -> None:
    air = Air(MediumConfig(modulation=SF7))
    first, second = air.join("a"), air.join("b")
    first.offer(bytes(200), 0)
    air.advance(1_000)
    second.offer(bytes(200), 1_000)
    outcomes = {reception.outcome for reception in run(air)}
    assert outcomes == {"received"}
    assert second.counts["deferred"] > 0


def test_the_duty_cycle_is_waited_out() -> None:
    config = MediumConfig(
        modulation=SF7, budget=lambda: AirtimeBudget(band_of("EU868", 864_000_000), SF7)
    )
    air = Air(config)
    sender, _ = air.join("a"), air.join("b")
    for _ in range(12):
        sender.offer(bytes(222), 0)
    assert len(run(air, HOUR // 2)) == 3_600_000 // SF7.time_on_air_us(222)
    assert sender.counts["held by duty cycle"] == 1
    assert len(run(air, 2 * HOUR)) == 2


def test_a_full_queue_refuses() -> None:
    air = Air(MediumConfig(modulation=SF7), ModemConfig(queue_frames=1))
    modem = air.join("a")
    modem.offer(b"x", 0)
    with pytest.raises(QueueFull):
        modem.offer(b"y", 0)
    assert modem.counts["refused"] == 1
