# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the QUIC benchmarks conclude from what they measured."""

from array import array

import pytest

from benchmarks import quic, quic_soak
from benchmarks.quic_load import Kind, Outcome, Served

BULK = quic.Row("bulk", "Mbit/CPUs", Kind.STREAMS, 10, 1 << 20, lambda o: 1 / o.cpu_s)
KEY = (BULK.kind, BULK.count, BULK.size)


def outcome(cpu_s: float) -> Outcome:
    return Outcome(wall_s=1.0, cpu_s=cpu_s, served=Served(0.1, 10, 0))


@pytest.mark.parametrize(
    ("ours", "aioquic", "qh3", "met"),
    [(1.0, 4.1, 1.6, True), (1.0, 3.9, 1.6, False), (1.0, 4.1, 1.4, False)],
)
def test_what_is_promised_is_judged(
    ours: float,
    aioquic: float,
    qh3: float,
    met: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    by_stack = {"pqmesh": ours, "aioquic": aioquic, "qh3": qh3}
    measured = {KEY: {stack: [outcome(cpu)] * 3 for stack, cpu in by_stack.items()}}
    assert quic.ratios(BULK, measured) is met
    assert ("MISSED" in capsys.readouterr().out) is not met


def test_a_stack_that_is_not_there_misses_nothing() -> None:
    assert quic.ratios(BULK, {KEY: {"pqmesh": [outcome(1.0)]}})


def samples(rss_per_cycle: float, blocks_per_cycle: float) -> quic_soak.Samples:
    taken = quic_soak.Samples(50)
    rows = []
    for n in range(50):
        cycles, noise = 200 * n, 4096 * (n % 3)
        rss = 50_000_000 + int(rss_per_cycle * cycles) + noise
        rows += [cycles, rss, 7_000_000, 136_000 + int(blocks_per_cycle * cycles), 34_700]
    taken._taken, taken._count = array("q", rows), 50
    return taken


@pytest.mark.parametrize(
    ("rss", "blocks", "flat"),
    [(0.0, 0.0, True), (40.0, 0.0, True), (64.0, 0.0, False), (0.0, 1.0, False)],
    ids=["flat", "less than any object", "an object a cycle", "a block a cycle"],
)
def test_a_leak_of_one_object_per_connection_is_growth(
    rss: float, blocks: float, flat: bool
) -> None:
    assert quic_soak.report(samples(rss, blocks)) is flat


def test_a_sample_is_what_the_process_has() -> None:
    taken = quic_soak.Samples(2)
    taken.take(1)
    taken.take(2)
    assert taken.column(0) == [1, 2]
    assert all(value > 0 for number in range(1, 5) for value in taken.column(number))
