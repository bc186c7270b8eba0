# SPDX-License-Identifier: MIT OR Apache-2.0
"""``python -m tools.interop``: install ant-quic, run every cell, print the matrix.

Exits 1 when a cell fails, 2 when nothing could be installed. A cell that cannot hold,
by a bug of theirs or work of ours not done, says so and does not fail the run.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from pathlib import Path

from tools.interop import asker, cells_life, cells_messages, cells_refuse, cells_relay
from tools.interop.cell import CELLS, Cell, NotPossible
from tools.interop.install import BUILD, VERSIONS, CannotInstall, install, release_of
from tools.interop.report import MATRIX, PAGE, Result, merge, page

GROUPS = (cells_messages, cells_life, cells_relay, cells_refuse)
"""Importing these enters their cells; named so that the import is not idle."""

CELL_LIMIT_S = 180.0


async def run_cell(cell: Cell, version: str, program: Path) -> Result:
    """Run one cell within its limit; whatever goes wrong is its evidence."""
    begun = time.monotonic()
    try:
        async with asyncio.timeout(CELL_LIMIT_S):
            verdict, evidence = "pass", await cell.run(program)
    except NotPossible as reason:
        verdict, evidence = "n/a", str(reason)
    except BaseExceptionGroup as group:
        verdict, evidence = "FAIL", "; ".join(repr(e) for e in group.exceptions[:2])
    except Exception as error:  # noqa: BLE001 - the top of a task: every failure is a result
        verdict, evidence = "FAIL", f"{type(error).__name__}: {error}"
    seconds = round(time.monotonic() - begun, 1)
    return Result(version, cell.name, cell.direction, verdict, evidence[:400], seconds)


def show(result: Result) -> None:
    """Print one line of the matrix."""
    name = f"{result.name} {result.direction}"
    print(f"{result.version:8} {result.verdict:5} {name:58} {result.evidence}", flush=True)


def main() -> int:
    """Parse the command line, run, and report."""
    parser = argparse.ArgumentParser(prog="python -m tools.interop", description=__doc__)
    parser.add_argument("--version", action="append", help="an ant-quic release, or newest")
    parser.add_argument("--only", help="run the cells whose name contains this")
    parser.add_argument("--fast", action="store_true", help="leave out cells over half a minute")
    parser.add_argument("--installed", action="store_true", help="build nothing")
    parser.add_argument("--write-docs", action="store_true", help="write docs/interop.md too")
    options = parser.parse_args()
    logging.getLogger("quic").setLevel(logging.ERROR)  # refusals are expected here
    logging.getLogger("pqmesh_host").setLevel(logging.ERROR)
    results: list[Result] = []
    for version in options.version or VERSIONS:
        try:
            if options.installed and not (BUILD / version / "bin").exists():
                raise CannotInstall(f"{version} is not installed")
            program = install(version)
        except CannotInstall as error:
            print(f"SKIPPED: ant-quic {version}: {error}", file=sys.stderr)
            continue
        release = release_of(program)
        if not options.installed:
            try:
                asker.build(release)
            except CannotInstall as error:
                print(f"no asker for {release}: {error}", file=sys.stderr)
        for cell in CELLS:
            if (options.only and options.only not in cell.name) or (options.fast and cell.slow):
                continue
            results.append(asyncio.run(run_cell(cell, release, program)))
            show(results[-1])
    if not results:
        print("no ant-quic to test against", file=sys.stderr)
        return 2
    kept = merge(results, ((cell.name, cell.direction) for cell in CELLS))
    if options.write_docs:
        PAGE.write_text(page(kept))
    failed = [result for result in results if result.verdict == "FAIL"]
    print(f"{len(results)} cells, {len(failed)} failed; {MATRIX}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
