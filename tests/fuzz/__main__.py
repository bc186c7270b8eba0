# SPDX-License-Identifier: MIT OR Apache-2.0
"""Fuzzes the parsers of `targets.py`, guided by coverage.

    python -m fuzz                            every target, a minute each
    python -m fuzz --seconds 300 tls_server   one of them, longer
    python -m fuzz --keep tls_server          and keep what reaches something new, minimised

Run by `make fuzz`, which sets the paths and installs atheris (requirements/fuzz.txt). A finding
ends the target with its input in build/fuzz; the exit status is then 1. Inputs that are kept lie
in tests/fuzz/corpus/NAME, where the ordinary tests replay them without atheris.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import subprocess
import sys
from pathlib import Path

from fuzz.reach import smallest
from fuzz.targets import CORPUS, TARGETS, Target

WORK = Path("build/fuzz")
INPUT_BYTES = 8192
KEPT_BYTES = 4096
CHILD = """
import logging, sys
import atheris
logging.disable(logging.CRITICAL)
with atheris.instrument_imports(include=["pqmesh_host", "pqmesh", "aioquic"]):
    from fuzz.targets import TARGETS
target = TARGETS[sys.argv.pop(1)]
atheris.Setup(sys.argv, target.check)
atheris.Fuzz()
"""


def main() -> int:
    """Fuzz the chosen targets one after the other. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--seconds", type=int, default=60, help="how long each (default: 60)")
    parser.add_argument("--keep", action="store_true", help="renew the corpus in the repository")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)  # aioquic logs every refusal
    unknown = set(options.names) - set(TARGETS)
    if unknown:
        parser.error(f"no target {', '.join(sorted(unknown))}; there are: {', '.join(TARGETS)}")
    status = 0
    for name in options.names or TARGETS:
        status |= _fuzz(name, TARGETS[name].seeds(), options.seconds)
        if options.keep and status == 0:
            _keep(TARGETS[name])
    return status


def _fuzz(name: str, seeds: list[bytes], seconds: int) -> int:
    """Fuzz one target for so long. Returns 1 when something was found."""
    found, kept = WORK / name, CORPUS / name
    for folder in (found, kept):
        folder.mkdir(parents=True, exist_ok=True)
    _write(found, seeds)
    print(f"{name}: {seconds} s ...", flush=True)
    limits = [f"-max_total_time={seconds}", f"-max_len={INPUT_BYTES}", "-timeout=10"]
    limits += ["-rss_limit_mb=2048", f"-artifact_prefix={WORK}/{name}-"]
    ended = _child(name, [*limits, str(found), str(kept)])
    lines = ended.stderr.splitlines()
    if ended.returncode != 0:
        print("\n".join(lines[-40:]))
        print(f"{name}: FOUND something; the input is {WORK}/{name}-*")
        return 1
    counts = [line for line in lines if "cov:" in line]
    done = [line for line in lines if line.startswith("Done")]
    print(f"{name}: {' '.join(done)}; {counts[-1].split('DONE')[-1].strip() if counts else ''}")
    return 0


def _keep(target: Target) -> None:
    """Make the kept corpus a small one that reaches every line step that is reached now."""
    kept = CORPUS / target.name
    inputs = [path.read_bytes() for path in (WORK / target.name).glob("*")]
    inputs = [data for data in (*inputs, *target.kept()) if len(data) <= KEPT_BYTES]
    chosen = smallest(target.check, inputs)
    for path in kept.glob("*"):
        path.unlink()
    _write(kept, chosen)
    print(f"{target.name}: kept {len(chosen)} inputs, {sum(map(len, chosen)):,} bytes")


def _write(folder: Path, inputs: list[bytes]) -> None:
    for data in inputs:
        (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def _child(name: str, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """A process of its own for each: libFuzzer ends the one it runs in."""
    command = [sys.executable, "-c", CHILD, name, *arguments]
    return subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
