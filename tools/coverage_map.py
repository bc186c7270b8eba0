# SPDX-License-Identifier: MIT OR Apache-2.0
"""Measure each file of ``pqmesh`` by its own test file, and by nothing else.

    python -m tools.coverage_map [PART OF A PATH ...]

``firmware/micropython/pqmesh/a/b.py`` belongs to ``tests/unit/pqmesh/a/test_b.py``, and to
``test_b_*.py`` beside it where one file would grow too long. A source file without its test
file, or a line or branch its own tests do not reach, is a failure: what is covered by accident,
a change elsewhere uncovers. Files that only hold a docstring and imports need no test. Ends
with exit code 1 and one line per shortcoming.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "firmware" / "micropython" / "pqmesh"
TESTS = ROOT / "tests" / "unit" / "pqmesh"

QUICK = "not slow and not nightly and not firmware"
"""What coverage must be reached with: long programmes may not be its only witness."""


@dataclass(frozen=True)
class Gap:
    """What one source file lacks."""

    source: str
    problem: str

    def __str__(self) -> str:
        return f"{self.source}: {self.problem}"


def has_code(source: str) -> bool:
    """Whether a file defines anything: more than a docstring, imports and ``__all__``."""
    return any(
        isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.For, ast.If))
        for node in ast.parse(source).body
    )


def home_of_tests(source: Path, package: Path = PACKAGE, tests: Path = TESTS) -> Path:
    """Return where the tests of ``source`` belong."""
    inside = source.relative_to(package)
    return tests / inside.parent / f"test_{inside.name}"


def companions(source: Path, test: Path) -> list[Path]:
    """Return ``test`` and the files that continue it, but none that belong to another source."""
    others = {f"test_{sibling.name}" for sibling in source.parent.glob("*.py")} - {test.name}
    more = test.parent.glob(f"{test.stem}_*.py")
    return [test, *sorted(path for path in more if path.name not in others)]


def missing(report: dict[str, object]) -> str:
    """Say in one line what a file's entry of coverage's JSON report lacks; "" for nothing."""
    lines = report["missing_lines"]
    branches = report["missing_branches"]
    if not isinstance(lines, list) or not isinstance(branches, list):
        raise TypeError("not a report of coverage json")
    parts = []
    if lines:
        parts.append("lines " + ", ".join(map(str, lines)))
    if branches:
        parts.append("branches " + ", ".join(f"{a}->{b}" for a, b in branches))
    return "its own tests do not reach " + " and ".join(parts) if parts else ""


def measure(source: Path, tests: list[Path], scratch: Path) -> str:
    """Run the tests of one file under coverage; return what is missing, or "".

    :raises RuntimeError: the tests themselves fail
    """
    environment = dict(os.environ, COVERAGE_FILE=str(scratch / "data"))
    run = [sys.executable, "-m", "coverage", "run", "--branch", f"--include={source}"]
    pytest = ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", QUICK]
    done = subprocess.run(
        [*run, *pytest, *map(str, tests)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{tests[0].name} fails:\n{done.stdout[-2000:]}{done.stderr[-500:]}")
    out = scratch / "report.json"
    report = [sys.executable, "-m", "coverage", "json", "-q", "-o", str(out)]
    subprocess.run(report, cwd=ROOT, env=environment, capture_output=True, check=True)
    (entry,) = json.loads(out.read_text())["files"].values()
    return missing(entry)


def check(source: Path, scratch: Path) -> Gap | None:
    """Return what ``source`` lacks, or None."""
    if not has_code(source.read_text()):
        return None
    name = str(source.relative_to(ROOT))
    test = home_of_tests(source)
    if not test.is_file():
        return Gap(name, f"has no {test.relative_to(ROOT)}")
    try:
        problem = measure(source, companions(source, test), scratch)
    except RuntimeError as error:
        problem = str(error)
    return Gap(name, problem) if problem else None


def main(arguments: list[str] | None = None) -> int:
    """Check every file, or those whose path holds one of the arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.coverage_map",
        description="Line and branch coverage of pqmesh, each file by its own test file.",
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help="check only paths that hold this")
    wanted = parser.parse_args(arguments).parts
    gaps = checked = 0
    for source in sorted(PACKAGE.rglob("*.py")):
        if wanted and not any(part in str(source.relative_to(ROOT)) for part in wanted):
            continue
        with tempfile.TemporaryDirectory() as scratch:
            gap = check(source, Path(scratch))
        checked += 1
        if gap:
            gaps += 1
            print(gap, flush=True)
    print(f"{checked} files checked, {gaps} with gaps")
    return 1 if gaps else 0


if __name__ == "__main__":
    sys.exit(main())
