# SPDX-License-Identifier: MIT OR Apache-2.0
"""Frames until the last of N listeners has a broadcast object: `python -m benchmarks.broadcast`.

Our exchange in virtual time on a channel without collisions, with independent loss, beside what
constrained-design 2.4 predicts for k = 17. `--quick` makes a tenth of the runs.
"""

from __future__ import annotations

import argparse
import statistics
import sys

from pqmesh.objects.events import Arrived
from pqmesh.wire.objects import CODED_KIND, EPOCH_OBJECT
from support.broadcast import DTAG, Air, lossy, octets_of

EPOCH = octets_of(b"epoch", 3373)
HOUR_MS = 3_600_000
PREDICTED = {  # loss, listeners -> SACK, carousel, any-k: p50 frames
    (10, 1): (19, 29, 19),
    (10, 5): (25, 38, 21),
    (10, 20): (35, 50, 22),
    (20, 1): (21, 34, 21),
    (20, 5): (32, 51, 24),
    (20, 20): (47, 67, 26),
}


def run(loss: int, listeners: int, seed: int) -> tuple[int, int, int, int]:
    """Fragments until the last listener had it, all fragments, short frames, ms of air."""
    air = Air(1 + listeners, lose=lossy(loss, b"%d" % seed))
    air.ends[0].offer(EPOCH_OBJECT, DTAG, EPOCH, 0)
    air.run(HOUR_MS)
    had = [at for events in air.events[1:] for at, event in events if isinstance(event, Arrived)]
    if len(had) < listeners:
        had.append(HOUR_MS)
    coded = [at for at, _, frame in air.sent if frame[0] == CODED_KIND]
    spent = sum(air.link.airtime_ms(len(frame)) for _, _, frame in air.sent)
    before = sum(1 for at in coded if at < max(had))
    return before, len(coded), len(air.sent) - len(coded), spent


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.broadcast", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 runs a row, not 200")
    runs = 20 if parser.parse_args().quick else 200
    print("# an epoch object of 3,373 octets, k = 16 shards and a head, n = 28; LoRa SF8, 125 kHz")
    print("# p50 (p99) frames until all have it; predicted any-k, p50; then p50 of all there is")
    print("loss  N   until all have it  predicted  SACK  fragments  short frames  air")
    for (loss, listeners), (sack, _, any_k) in PREDICTED.items():
        found = [run(loss, listeners, seed) for seed in range(runs)]
        until, coded, short, spent = (sorted(column) for column in zip(*found, strict=True))
        middle = [statistics.median_low(column) for column in (until, coded, short, spent)]
        print(
            f"{loss:3} % {listeners:3}   {middle[0]:6} ({until[runs * 99 // 100]:3})       "
            f"{any_k:6}  {sack:6}  {middle[1]:7}  {middle[2]:11}  {middle[3] / 1000:8.1f} s"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
