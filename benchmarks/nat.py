# SPDX-License-Identifier: MIT OR Apache-2.0
"""NAT traversal: every kind of NAT against every kind, in network namespaces; needs root.

`python -m benchmarks.nat [--runs 20] [--version 4|6]`. Two nodes that share one helper and know
nothing of each other's addresses connect by PeerId. Each row of the matrix runs at once, in one
process. The time is from `connect` to the first message being at the other side; where a relay
is needed, most of it is the waiting for a punch that cannot succeed (`punch_s`).
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
from collections import defaultdict

from pqmesh_host.quic.nat.outcome import TraversalLimits
from pqmesh_host.quic.relay.budget import Allowance
from support.nat_nodes import Meeting, Nodes, expected, meet
from support.natlab import Host, NatKind, NatLab, missing_for_natlab

from .measure import machine, noise

Met = dict[tuple[NatKind, NatKind], list[Meeting | None]]


async def one_row(
    lab: NatLab, hosts: dict[str, dict[NatKind, Host]], helper: Host, left: NatKind, version: int
) -> dict[NatKind, Meeting | None]:
    """``left`` with every kind; None where they did not meet."""
    async with Nodes(lab, version) as nodes:
        helping = await nodes.add(helper, relay=lambda _: Allowance())
        results = await asyncio.gather(
            *(meet(nodes, hosts["l"][left], hosts["r"][right], helping) for right in NatKind),
            return_exceptions=True,
        )
    met: dict[NatKind, Meeting | None] = {}
    for right, result in zip(NatKind, results, strict=True):
        if isinstance(result, BaseException):
            print(f"# {left.value} with {right.value}: {result}", file=sys.stderr)
        met[right] = None if isinstance(result, BaseException) else result
    return met


def measure(runs: int, version: int) -> Met:
    """``runs`` times the whole matrix."""
    met: Met = defaultdict(list)
    with NatLab() as lab:
        hosts = {
            side: {kind: lab.host(f"{side}{kind.value[:7]}", kind) for kind in NatKind}
            for side in "lr"
        }
        helper = lab.host("helper")
        for _ in range(runs):
            for left in NatKind:
                row = asyncio.run(one_row(lab, hosts, helper, left, version))
                for right, meeting in row.items():
                    met[left, right].append(meeting)
    return met


def report(met: Met, runs: int) -> int:
    """Print a line per pair; return how many pairs did not meet as they should every time."""
    wrong = 0
    print(f"{'left':<19} {'right':<19} {'as expected':<17} {'rounds':>6} {'first byte, ms':>24}")
    for (left, right), meetings in met.items():
        how = expected(left, right)
        good = [meeting for meeting in meetings if meeting is not None and meeting.how is how]
        wrong += len(good) != runs
        times = [meeting.first_byte_s * 1000 for meeting in meetings if meeting is not None]
        rounds = max((meeting.rounds for meeting in meetings if meeting is not None), default=0)
        spread = f"{statistics.median(times):.0f} (max {max(times):.0f})" if times else "-"
        share = f"{how.value} {len(good)}/{runs}"
        print(f"{left.value:<19} {right.value:<19} {share:<17} {rounds:>6} {spread:>24}")
    return wrong


def main() -> int:
    """Measure and report; 1 when a pair did not meet as it should."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--version", type=int, choices=(4, 6), default=4, help="of IP")
    chosen = parser.parse_args()
    missing = missing_for_natlab()
    if missing is not None:
        print(f"the NAT lab cannot run here: {missing}", file=sys.stderr)
        return 2
    limits = TraversalLimits()
    print(f"# {machine()}; IPv{chosen.version}, {chosen.runs} runs, punch_s {limits.punch_s:g}")
    wrong = report(measure(chosen.runs, chosen.version), chosen.runs)
    print(f"# {noise()}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
