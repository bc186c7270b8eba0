# SPDX-License-Identifier: MIT OR Apache-2.0
"""The C crypto on this machine: instructions that callgrind counts, stack, code size.

A machine's cycles depend on what else it does; the instructions do not, and repeat exactly.
valgrind runs the same machine code as the processor would.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.cyclesim import section_sizes

from .pqc_cases import C_PQC, CASES, SIGNED_MESSAGES, Case, Figure, WrongResult, workspaces
from .pqc_peers import (
    DEFINES,
    FAST_STEPS,
    GLUE,
    KEM_STEPS,
    MLDSA,
    MLKEM,
    OURS,
    SMALL_STEPS,
    PeerFigure,
    fetch,
)

ROOT = Path(__file__).resolve().parent.parent
COMPILER = "gcc"
UNIT = "instructions (callgrind)"
_COUNTED = re.compile(r"Collected : (\d+)")
_NOT_HERE = ("keccak-f[1600]",)  # no function of the interface


class MissingTool(Exception):
    """This machine has no valgrind, or no compiler."""


def cases(only: str) -> list[Case]:
    """The rows of the other cores, as far as this machine has them."""
    return [case for case in CASES if only in case.name and case.name not in _NOT_HERE]


def measure_host(option: str, only: str) -> Iterator[tuple[Case, Figure]]:
    """Build for this machine; yield each row.

    :raises MissingTool: say what to install
    """
    sizes = workspaces()
    program = _program(sources(), folder(option), (option,))
    for case in cases(only):
        workspace = sizes[case.workspace] if case.workspace else 0
        instructions, stack = _run(program, case.name)
        figure = Figure(cycles=instructions, ram_bytes=workspace + stack, stack_bytes=stack)
        yield case, figure


def sources() -> list[Path]:
    return sorted((C_PQC / "src").glob("*.c"))


def folder(option: str) -> Path:
    """Where the objects of this machine lie."""
    return ROOT / "build" / "cyclesim" / f"host{option}"


def measure_host_peers(option: str) -> Iterator[PeerFigure]:
    """The same rows of mlkem-native and mldsa-native, plain C as on the boards."""
    inside = fetch()
    ours = [path for path in sources() if path.stem in (*OURS, "keccak_64")]
    ours += [path for path in sources() if path.stem in ("sha256", "aes256", "ccm")]
    for label, flags, steps in (
        ("native", (), (*KEM_STEPS, *FAST_STEPS)),
        ("native, REDUCE_RAM", ("-DPEER_REDUCE_RAM",), SMALL_STEPS),
    ):
        where = ROOT / "build" / "cyclesim" / f"peers-host{option}{len(flags)}"
        options = (option, "-DPEERS", f"-I{GLUE}", f"-I{C_PQC / 'src'}", *DEFINES, *flags)
        program = _program([inside / MLDSA, inside / MLKEM, *ours], where, options)
        for against, _ in steps:
            instructions, stack = _run(program, against)
            yield PeerFigure(
                name=f"{against.split(',')[0]} ({label})",
                against=against,
                cycles=instructions,
                ram_bytes=stack,
            )


def host_peer_code_bytes(option: str) -> int:
    """Code and constants of both libraries' objects, without the SHA-3 they borrow."""
    where = ROOT / "build" / "cyclesim" / f"peers-host{option}1"
    return section_sizes([where / f"{Path(name).stem}.o" for name in (MLDSA, MLKEM)])["code"]


def _program(parts: Sequence[Path], where: Path, options: Sequence[str]) -> Path:
    for tool in (COMPILER, "valgrind"):
        if shutil.which(tool) is None:
            raise MissingTool(f"{tool} is not here: apt-get install {tool}")
    where.mkdir(parents=True, exist_ok=True)
    flags = (
        "-std=c11",
        "-g0",
        "-fno-asynchronous-unwind-tables",
        f"-I{C_PQC / 'include'}",
        *options,
    )
    objects = []
    for source in (*parts, GLUE / "host.c"):
        objects.append(where / f"{source.stem}.o")
        command = [COMPILER, *flags, "-c", str(source), "-o", str(objects[-1])]
        subprocess.run(command, check=True)
    program = where / "host"
    subprocess.run([COMPILER, *map(str, objects), "-o", str(program)], check=True)
    return program


def _run(program: Path, name: str) -> tuple[int, int]:
    """Mean instructions of one operation, and the most stack that any took, in bytes."""
    count = len(SIGNED_MESSAGES) if name.startswith("dsa sign") else 1
    plain = subprocess.run(
        [program, name, str(count)], capture_output=True, text=True, check=False
    )
    counted = subprocess.run(
        [
            *("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"),
            *("--collect-atstart=no", "--toggle-collect=measured"),
            *(str(program), name, str(count)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    found = _COUNTED.search(counted.stderr)
    if plain.returncode or counted.returncode or found is None:
        raise WrongResult(f"{name}: exit {plain.returncode}, {counted.returncode} under valgrind")
    return int(found[1]) // count, int(plain.stdout)
