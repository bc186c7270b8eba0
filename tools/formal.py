# SPDX-License-Identifier: MIT OR Apache-2.0
"""Run the ProVerif models of docs/formal and compare their verdicts with expected.toml there.

    python -m tools.formal [MODEL ...]        needs cpp, and `proverif` (or PROVERIF=path)

Every run names a model and the definitions it is preprocessed with; mutations are runs that must
fail. A verdict other than the expected one, in either direction, ends with exit code 1.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

FORMAL = Path(__file__).resolve().parents[1] / "docs/formal"
TIMEOUT_S = 600
_VERDICT = re.compile(r"^RESULT (?!\(even)(?:.*) (is true|is false|cannot be proved)\.", re.M)
_WORDS = {"is true": "true", "is false": "false", "cannot be proved": "unproved"}


@dataclass(frozen=True)
class Run:
    """One model under one set of definitions, and the verdicts its queries must get."""

    model: str
    define: tuple[str, ...]
    verdicts: tuple[str, ...]

    @property
    def name(self) -> str:
        """Readable and unique: the model and its definitions."""
        return " ".join((self.model, *self.define))


def load(path: Path = FORMAL / "expected.toml") -> list[Run]:
    """The expected runs, in file order."""
    rows = tomllib.loads(path.read_text())["run"]
    return [Run(row["model"], tuple(row["define"]), tuple(row["verdicts"])) for row in rows]


def verdicts_in(output: str) -> tuple[str, ...]:
    """ProVerif's answers, one per query, as "true", "false" or "unproved"."""
    return tuple(_WORDS[word] for word in _VERDICT.findall(output))


def check(run: Run, proverif: str) -> tuple[str, ...]:
    """Preprocess and run one model; returns its verdicts.

    :raises RuntimeError: cpp or ProVerif refused the model, or took more than 600 s
    """
    source = FORMAL / f"{run.model}.pv.in"
    flags = [f"-D{name}" for name in run.define]
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.pv"
        _call(["cpp", "-P", "-undef", "-traditional-cpp", *flags, str(source), str(model)], run)
        return verdicts_in(_call([proverif, str(model)], run))


def _call(command: list[str], run: Run) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"{run.name}: no answer within {TIMEOUT_S} s") from error
    if done.returncode:
        tail = (done.stdout + done.stderr)[-400:]
        raise RuntimeError(f"{run.name}: {command[0]} exited {done.returncode}: {tail}")
    return done.stdout


def main(arguments: list[str] | None = None) -> int:
    """Run all the runs, or those of the models named; 0 when every verdict is as expected."""
    parser = argparse.ArgumentParser(prog="python -m tools.formal", description=__doc__)
    parser.add_argument("models", nargs="*", help="only these models, for example: hss hsr")
    chosen = parser.parse_args(arguments).models
    proverif = os.environ.get("PROVERIF") or shutil.which("proverif")
    if not proverif or not shutil.which("cpp"):
        print("skipped: needs `proverif` (on PATH, or named by PROVERIF) and `cpp`")
        return 0
    runs = [run for run in load() if not chosen or run.model in chosen]
    if not runs:
        print(f"no model is named {' '.join(chosen)}; see docs/formal", file=sys.stderr)
        return 2
    wrong = [run for run in runs if not _report(run, proverif)]
    print(f"{len(runs) - len(wrong)} runs as expected, {len(wrong)} not")
    return 1 if wrong else 0


def _report(run: Run, proverif: str) -> bool:
    started = time.monotonic()
    found = check(run, proverif)
    good = found == run.verdicts
    expected = "" if good else f", EXPECTED {' '.join(run.verdicts)}"
    seconds = time.monotonic() - started
    print(f"{run.name:<32} {' '.join(found)}{expected}  ({seconds:.1f} s)", flush=True)
    return good


if __name__ == "__main__":
    sys.exit(main())
