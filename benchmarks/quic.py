# SPDX-License-Identifier: MIT OR Apache-2.0
"""QUIC: bulk, datagrams, small messages, handshakes and memory; ours beside aioquic and qh3.

qh3 is no dependency of this project: `pip install --target build/bench qh3` and
`PYTHONPATH=build/bench` bring its rows. All on loopback, each end a process of its own, the
stacks taking turns. Rates are per second of CPU of both ends together; those per second of
wall time say more about what else the machine did. Against a real ant-quic: `quic_ant`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .measure import machine, noise, summarise
from .quic_ends import StackFailed, available, run
from .quic_load import STACKS, Kind, Load, Outcome

BULK_BYTES = 1 << 20
SMALL_BYTES = 64
DATAGRAM_BYTES = 1100
"""Fits one packet of 1,200 bytes of every stack."""

WANTED = {"aioquic": 4.0, "qh3": 1.5}
"""How many times their bulk rate per CPU-second ours is to be."""


@dataclass(frozen=True)
class Row:
    """One figure: a load, and how to make a number of its outcome."""

    name: str
    unit: str
    kind: Kind
    count: int
    size: int
    figure: Callable[[Outcome], float]


def rows(options: argparse.Namespace) -> list[Row]:
    """The figures of the table, in its order."""

    def rate(per_unit: float) -> Callable[[Outcome], float]:
        return lambda outcome: per_unit * outcome.served.arrived / outcome.cpu_s

    def wall(per_unit: float) -> Callable[[Outcome], float]:
        return lambda outcome: per_unit * outcome.served.arrived / outcome.wall_s

    bulk, datagram = 8e-6 * BULK_BYTES, 8e-6 * DATAGRAM_BYTES
    streams = (Kind.STREAMS, options.mebibytes, BULK_BYTES)
    datagrams = (Kind.DATAGRAMS, options.datagrams, DATAGRAM_BYTES)
    small = (Kind.STREAMS, options.messages, SMALL_BYTES)
    return [
        Row("bulk, 1 MiB messages", "Mbit/CPUs", *streams, rate(bulk)),
        Row("bulk, 1 MiB messages, wall", "Mbit/s", *streams, wall(bulk)),
        Row("datagrams of 1,100 B", "Mbit/CPUs", *datagrams, rate(datagram)),
        Row("datagrams that arrived", "%", *datagrams, _arrived(options.datagrams)),
        Row("64 B messages", "msg/CPUs", *small, rate(1.0)),
        Row("64 B messages, wall", "msg/s", *small, wall(1.0)),
        Row("handshakes", "1/CPUs", Kind.HANDSHAKES, options.handshakes, 0, rate(1.0)),
        Row("server's RSS per connection", "KiB", Kind.CONNECTIONS, options.connections, 0, _each),
    ]


def _arrived(count: int) -> Callable[[Outcome], float]:
    return lambda outcome: 100 * outcome.served.arrived / count


def _each(outcome: Outcome) -> float:
    return outcome.served.rss_bytes / 1024 / max(1, outcome.served.arrived)


Measured = dict[tuple[Kind, int, int], dict[str, list[Outcome]]]


def measure(stacks: Sequence[str], table: Sequence[Row], runs: int) -> Measured:
    """Every load of the table, `runs` times by every stack, interleaved."""
    measured: Measured = {}
    for load in dict.fromkeys((row.kind, row.count, row.size) for row in table):
        kind, count, size = load
        by_stack: dict[str, list[Outcome]] = {stack: [] for stack in stacks}
        for _ in range(runs):
            for stack in stacks:
                try:
                    by_stack[stack].append(run(Load(kind, stack, count, size)))
                except StackFailed as failure:
                    print(f"# {kind.value} of {size} B: {failure}", flush=True)
        measured[load] = by_stack
    return measured


def show(table: Sequence[Row], measured: Measured) -> None:
    """One line per stack and figure."""
    for row in table:
        for stack, outcomes in measured[row.kind, row.count, row.size].items():
            if outcomes:
                values = [row.figure(outcome) for outcome in outcomes]
                print(summarise(f"{stack}: {row.name}", row.unit, values).row())


def ratios(row: Row, measured: Measured) -> bool:
    """Our bulk rate over theirs, run by run; whether each median is what is wanted."""
    by_stack = measured[row.kind, row.count, row.size]
    met = True
    for theirs, wanted in WANTED.items():
        pairs = zip(by_stack.get("pqmesh", []), by_stack.get(theirs, []), strict=False)
        found = [row.figure(ours) / row.figure(other) for ours, other in pairs]
        if found:
            middle = statistics.median(found)
            met &= middle >= wanted
            verdict = "met" if middle >= wanted else "MISSED"
            spread = f"{min(found):.2f} .. {max(found):.2f}"
            name = f"{row.name}: pqmesh / {theirs}"
            print(f"{name:<46} {middle:.2f} x ({spread}); wanted {wanted:g} x: {verdict}")
    return met


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; 1 when a ratio this project promises is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quic", description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--mebibytes", type=int, default=32, help="bulk per run")
    parser.add_argument(
        "--messages", type=int, default=3_000, help="of 64 bytes, per run; qh3 breaks above"
    )
    parser.add_argument("--datagrams", type=int, default=20_000, help="per run")
    parser.add_argument("--handshakes", type=int, default=100, help="per run")
    parser.add_argument("--connections", type=int, default=100, help="held, per run")
    parser.add_argument("--stack", action="append", choices=STACKS)
    options = parser.parse_args(arguments)
    print(f"# {machine()}\n# {noise()}")
    chosen = options.stack or STACKS
    stacks = [stack for stack in chosen if available(stack)]
    for stack in set(chosen) - set(stacks):
        print(f"# {stack} is not installed: its rows are missing")
    table = rows(options)
    measured = measure(stacks, table, options.runs)
    show(table, measured)
    met = ratios(table[0], measured)
    print(f"# {noise()}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
