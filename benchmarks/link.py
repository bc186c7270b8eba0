# SPDX-License-Identifier: MIT OR Apache-2.0
"""Time to a session over each kind of link: our engine on the medium, in virtual time.

    python -m benchmarks.link [--quick] [--runs N] [--mode d ...] [--link "SF7, 1 %" ...]

Prints, per mode, link and loss, p50/p90/p99 over seeded runs beside the prediction of
constrained-design 2.3, and the ratio of the medians. Time begins with connect() and ends when
*both* sides have said Established ("one-sided": HS-R, HS-RK and HS-RP are open at R2, and when
every R3 is lost the responder learns of it by the first message, which here never comes). Frames
are lost independently; the cryptography is a stand-in of the right sizes and of virtual cost
(link_crypto.py). docs/decisions/0020-bench-link.md says what is modelled and what is not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from statistics import median

from pqmesh.engine.events import Established, Refused
from pqmesh_host.medium.station import Station, World

from .link_bearers import BEARERS, RADIO, Bearer
from .link_crypto import KEM_US, SIGN_US, VERIFY_US
from .link_figures import OCTETS, TIMES
from .link_modes import MODES
from .measure import machine

LIMIT_US = 40 * 3_600_000_000
LOSSES = (0, 5, 10, 20)
WORKERS = 2


@dataclass(frozen=True)
class Run:
    """What one handshake took. ``seconds`` is None when it came to nothing."""

    seconds: float | None
    octets: int
    frames: int
    airtime_s: float
    why: str = ""
    one_sided: bool = False
    """The initiator has its session; the responder will learn of it by the first message."""


@dataclass(frozen=True)
class Cell:
    """One cell of the table."""

    mode: str
    bearer: str
    loss: int
    runs: tuple[Run, ...]

    def seconds(self) -> list[float]:
        """Times, in order; a failure takes for ever."""
        return sorted(
            run.seconds if run.seconds is not None else float("inf") for run in self.runs
        )

    def quantile(self, share: float) -> float:
        """As in the reference: the value at ``share`` of the sorted times."""
        times = self.seconds()
        return times[min(len(times) - 1, int(share * len(times)))]

    def octets(self) -> float:
        """The median of the octets on the wire."""
        return median(run.octets for run in self.runs)

    def failures(self) -> list[str]:
        """Why runs came to nothing."""
        return [run.why for run in self.runs if run.seconds is None and not run.one_sided]

    def one_sided(self) -> int:
        """Runs that left the responder waiting: every R3 was lost, and nobody spoke since."""
        return sum(run.one_sided for run in self.runs)


def one_run(mode_letter: str, bearer: Bearer, loss: int, seed: int) -> Run:
    """One handshake between two nodes."""
    mode = MODES[mode_letter]
    world = World(bearer.config(loss / 100, seed), bearer.times)
    stations: list[Station] = []
    ends = mode.make(bearer.profile, seed)
    for number, end in enumerate(ends):
        end.crypto.work()  # what was done before the run is not the run's
        stations.append(world.add(f"node {number}", end.engine, end.crypto.work, bearer.budget()))
    stations[0].connect(ends[1].identity.peer_id if mode.named else None, mode.heal)
    world.run_until(lambda: all(_over(station) for station in stations), LIMIT_US)
    last = [station.events[-1] if station.events else None for station in stations]
    done = all(isinstance(event, Established) for event in last)
    return Run(
        seconds=world.now_us / 1e6 if done else None,
        octets=sum(station.counts["octets"] for station in stations),
        frames=sum(station.counts["frames"] for station in stations),
        airtime_s=max(station.airtime_us for station in stations) / 1e6,
        why="" if done else f"{last}",
        one_sided=isinstance(last[0], Established) and last[1] is None,
    )


def _over(station: Station) -> bool:
    return bool(station.events) and isinstance(station.events[-1], (Established, Refused))


def cell(mode: str, bearer_name: str, loss: int, runs: int) -> Cell:
    """All runs of one cell; without loss there is nothing to repeat."""
    bearer = BEARERS[bearer_name]
    count = runs if loss and not bearer.link_layer_repeats else 1
    done = tuple(one_run(mode, bearer, loss, seed) for seed in range(count))
    return Cell(mode, bearer_name, loss, done)


def cells(modes: Sequence[str], bearers: Sequence[str], runs: int) -> Iterator[Cell]:
    """The table, row by row."""
    wanted = [
        (mode, bearer, loss, runs) for mode in modes for bearer in bearers for loss in LOSSES
    ]
    with ProcessPoolExecutor(WORKERS) as pool:
        futures = [pool.submit(cell, *each) for each in wanted]
        for future in futures:
            yield future.result()


def span(seconds: float) -> str:
    """Seconds as a person reads them."""
    if seconds == float("inf"):
        return "never"
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def row(found: Cell) -> str:
    """One line of the table."""
    measured = "/".join(span(found.quantile(share)) for share in (0.5, 0.9, 0.99))
    predicted = TIMES.get((found.mode, found.bearer, found.loss))
    beside, ratio = "-", "-"
    if predicted is not None:
        beside = "/".join(span(value) for value in predicted if value is not None)
        ratio = f"{found.quantile(0.5) / predicted.p50:.2f}"
    failed = f"  {len(found.failures())} came to nothing" if found.failures() else ""
    if found.one_sided():
        failed += f"  {found.one_sided()} one-sided"
    return (
        f"{found.mode:<3}{found.bearer:<16}{found.loss:>3} %  {measured:<30} {beside:<30}"
        f" {ratio:>5}  {found.octets():>7,.0f}{failed}"
    )


def assumptions() -> str:
    """What the figures rest on."""
    return (
        f"# LoRa: turnaround {RADIO.turnaround_us // 1000} ms, gap {RADIO.gap_us // 1000} ms,"
        f" listens before it talks ({RADIO.slots} slots of {RADIO.slot_us // 1000} ms)\n"
        f"# CPU: a KEM operation {KEM_US / 1000:g} ms, ML-DSA sign {SIGN_US / 1000:g} ms,"
        f" verify {VERIFY_US / 1000:g} ms (Cortex-M4, 64 MHz); loss independent per frame"
    )


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.link", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 runs a cell")
    parser.add_argument("--runs", type=int, default=200, help="per cell")
    parser.add_argument("--mode", action="append", choices=sorted(MODES))
    parser.add_argument("--link", action="append", choices=sorted(BEARERS))
    options = parser.parse_args(arguments)
    runs = 20 if options.quick else options.runs
    print(f"# {machine()}; {runs} runs a cell\n{assumptions()}")
    print(f"# {'mode, link, loss':<25} {'p50/p90/p99':<30} {'predicted':<30} ratio   octets")
    lossless: dict[str, float] = {}
    for found in cells(options.mode or list(MODES), options.link or list(BEARERS), runs):
        print(row(found), flush=True)
        if found.bearer == "SF7, 1 %" and not found.loss:
            lossless[found.mode] = found.octets()
    for mode, octets in lossless.items():
        print(
            f"# {mode}: {octets:,.0f} octets at MTU 222 without loss; predicted {OCTETS[mode]:,}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
