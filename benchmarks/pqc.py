# SPDX-License-Identifier: MIT OR Apache-2.0
"""The C crypto on modelled cores: cycles, RAM and code size, beside targets and references.

    python -m benchmarks.pqc                        the whole table (some minutes)
    python -m benchmarks.pqc --cores m4 --only kem  part of it
    python -m benchmarks.pqc --check                fail when a figure is 2 % over its reference
    python -m benchmarks.pqc --record               make the figures of now the reference
    python -m benchmarks.pqc --peers --cores m4     beside mlkem-native and mldsa-native

Cycles come from `tools.cyclesim`, whose README says how far to trust them; they are not
milliseconds, and they repeat exactly, so there is no noise and one run each is enough. The core
`host` is this machine: instructions, counted by callgrind.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tools.cyclesim import CORES, Core, Machine, build, section_sizes

from .pqc_cases import CASES, ENTRIES, Bench, Case, Figure, measure, objects_of, sources
from .pqc_host import COMPILER as HOST_COMPILER
from .pqc_host import HOST, MissingTool, measure_host, measure_host_peers
from .pqc_host import UNIT as HOST_UNIT
from .pqc_peers import PeerFigure, PeerUnavailable, fetch, measure_peers, peer_code_bytes

REFERENCE = Path(__file__).with_name("pqc_figures.json")
TOLERANCE = 1.02
SYMMETRIC = ("aes", "ccm", "hmac", "sha256")
UNCALIBRATED = "cycles (not calibrated)"
UNITS = {HOST: HOST_UNIT, "m7": "instructions", "rv32": UNCALIBRATED, "m3": UNCALIBRATED}

Figures = dict[str, dict[str, int]]


def measure_core(core: Core, option: str, only: str) -> Iterator[tuple[Case, Figure]]:
    """Build for ``core`` and yield every row whose name contains ``only``."""
    objects = objects_of(f"{core.name}{option}")
    image = build(sources(), core, options=(option,), output_dir=objects, entries=ENTRIES)
    bench = Bench(Machine(image, core))
    for case in CASES:
        figure = measure(case, bench)  # of all: one makes what the next one takes
        if only in case.name:
            yield case, figure


def print_rows(rows: Iterable[tuple[Case, Figure]], core: str) -> Figures:
    figures: Figures = {}
    for case, figure in rows:
        figures[case.name] = asdict(figure)
        print(row(case, figure, core), flush=True)
    return figures


def code_sizes(objects: Path) -> Figures:
    """Print and return what the objects in a folder take."""
    figures: Figures = {}
    parts = sources()
    for name, part in (
        ("code: ML-KEM, ML-DSA, SHA-3", [s for s in parts if not s.stem.startswith(SYMMETRIC)]),
        ("code: all of it", parts),
    ):
        sizes = section_sizes([objects / f"{source.stem}.o" for source in part])
        figures[name] = sizes
        line = f"  {name:<30} {sizes['code']:>12,} bytes with constants"
        print(f"{line}, .data {sizes['data']}, .bss {sizes['bss']}", flush=True)
    return figures


def row(case: Case, figure: Figure, core: str) -> str:
    """One line of the table: cycles, RAM, and each against its target."""
    target = {"m4": case.m4_target, "m0plus": case.m0plus_target}.get(core)
    text = f"  {case.name:<30} {figure.cycles:>12,}"
    ratio = f"{figure.cycles / target / 1e6:.2f}" if target else ""
    text += f" {ratio:>6}   {figure.ram_bytes:>7,} B"
    if case.ram_target and core != HOST:  # it is a board's
        text += f" {figure.ram_bytes / case.ram_target:>6.2f}"
    else:
        text += " " * 7
    return text + f"   stack {figure.stack_bytes:>4}"


def print_peers(peers: Iterable[PeerFigure], ours: Figures) -> None:
    """Rows of the peers: their cycles and stack, and how many times ours they take."""
    print("  mlkem-native, mldsa-native: their figure, times ours; stack, times our RAM")
    for peer in peers:
        text = f"  {peer.name:<34} {peer.cycles:>12,}"
        own = ours.get(peer.against)
        if own is not None:
            cycles, ram = peer.cycles / own["cycles"], peer.ram_bytes / own["ram_bytes"]
            text += f" {cycles:>6.2f}   {peer.ram_bytes:>7,} B {ram:>6.2f}"
        print(text, flush=True)


def exceeded(name: str, now: Figures, reference: Figures) -> list[str]:
    """Name every figure of ``now`` that is more than 2 % over its reference."""
    worse = []
    for case, figures in now.items():
        for what, value in figures.items():
            before = reference.get(case, {}).get(what)
            if before is not None and value > before * TOLERANCE:
                change = 100 * (value / before - 1) if before else float("inf")
                worse.append(f"{name}, {case}, {what}: {before:,} -> {value:,} (+{change:.1f} %)")
    return worse


def measure_one(name: str, option: str, chosen: argparse.Namespace) -> Figures:
    """Measure and print one core, beside the peers if they were asked for.

    :raises MissingTool: the host has no compiler, or no valgrind
    """
    rows: Iterable[tuple[Case, Figure]]
    peers: Iterable[PeerFigure]
    if name == HOST:
        rows, peers = measure_host(option, chosen.only), measure_host_peers(option)
    else:
        rows = measure_core(CORES[name], option, chosen.only)
        peers = measure_peers(CORES[name], option)
    figures = print_rows(rows, name) | code_sizes(objects_of(f"{name}{option}"))
    if chosen.peers:  # else they are not even built
        print_peers(peers, figures)
        print(f"  {'code without SHA-3':<34} {peer_code_bytes(name, option):>12,} bytes")
    return figures


def compiler_of(name: str) -> str:
    return HOST_COMPILER if name == HOST else CORES[name].compiler


def compiler_version(compiler: str) -> str:
    command = [compiler, "-dumpfullversion"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def load_reference() -> dict[str, Any]:
    reference: dict[str, Any] = json.loads(REFERENCE.read_text()) if REFERENCE.is_file() else {}
    return reference


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pqc", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    known = (*CORES, HOST)
    parser.add_argument("--cores", default=",".join(known), help="of " + ", ".join(known))
    parser.add_argument("--options", default="-O2", help="-O2, -Os or both: -O2,-Os")
    parser.add_argument("--only", default="", help="part of the name of an operation")
    parser.add_argument("--check", action="store_true", help="exit 1 on a figure 2 %% worse")
    parser.add_argument("--peers", action="store_true", help="build and run the peers, too")
    parser.add_argument("--record", action="store_true", help="store the figures as reference")
    return parser.parse_args()


def main() -> int:
    chosen = arguments()
    if chosen.peers:
        try:
            fetch()
        except PeerUnavailable as problem:
            print(f"benchmarks.pqc: {problem}", file=sys.stderr)
            return 1
    reference = load_reference()
    worse: list[str] = []
    for core in chosen.cores.split(","):
        version = compiler_version(compiler_of(core))
        for option in chosen.options.split(","):
            name = f"{core} {option}"
            unit = UNITS.get(core, "cycles")
            print(f"{name}, {compiler_of(core)} {version}, {unit}, / target, RAM, / target")
            try:
                figures = measure_one(core, option, chosen)
            except MissingTool as problem:
                print(f"benchmarks.pqc: {problem}", file=sys.stderr)
                return 1
            known = reference.get(name, {})
            if chosen.check and known.get("compiler") == version:
                worse += exceeded(name, figures, known["figures"])
            elif chosen.check:
                print(f"  no reference made with this compiler: {name} is not checked")
            if chosen.record:
                reference[name] = {"compiler": version, "figures": figures}
    if chosen.record:
        REFERENCE.write_text(json.dumps(reference, indent=1, sort_keys=True) + "\n")
    for line in worse:
        print(f"over its reference: {line}", file=sys.stderr)
    if worse:
        print("If it must be so, state why and run with --record.", file=sys.stderr)
    return 1 if worse else 0


if __name__ == "__main__":
    raise SystemExit(main())
