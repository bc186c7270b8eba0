# SPDX-License-Identifier: MIT OR Apache-2.0
"""Run every benchmark, one after the other: `python -m benchmarks` (`make bench`).

`python -m benchmarks quic nat` runs those whose name starts with one of the words.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Sequence

from .measure import machine, noise

ALL = (
    "board",
    "broadcast",
    "footprint",
    "gateway",
    "handshake",
    "latency",
    "link",
    "pqc",
    "quic",
    "quic_handshake",
    "quic_soak",
    "quic_flood",
    "quic_ant",
    "nat",
)


def main(wanted: Sequence[str] = ()) -> int:
    """Each in a process of its own, so that none warms or fattens the next."""
    print(f"# {machine()}\n# {noise()}")
    failed = []
    for name in ALL:
        if wanted and not name.startswith(tuple(wanted)):
            continue
        module = f"benchmarks.{name}"
        if importlib.util.find_spec(module) is None:
            continue
        print(f"\n## {name}", flush=True)
        if subprocess.run([sys.executable, "-m", module]).returncode:
            failed.append(name)
    print(f"\n# {noise()}")
    if failed:
        print(f"failed: {' '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
