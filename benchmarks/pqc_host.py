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

from .pqc_cases import (
    C_PQC,
    CASES,
    SIGNED_MESSAGES,
    Case,
    Figure,
    WrongResult,
    objects_of,
    sources,
    workspaces,
)
from .pqc_peers import (
    DEFINES,
    GLUE,
    MLDSA,
    MLKEM,
    OURS,
    VARIANTS,
    PeerFigure,
    fetch,
    peer_figure,
    peer_objects,
)

HOST = "host"
COMPILER = "gcc"
UNIT = "instructions (callgrind)"
_COUNTED = re.compile(r"Collected : (\d+)")
_NOT_HERE = ("keccak-f[1600]",)  # no function of the interface
_PEERS_USE = (*OURS, "keccak_64", "sha256", "aes256", "ccm")


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
    program = _program(sources(), objects_of(f"{HOST}{option}"), (option,))
    for case in cases(only):
        workspace = sizes[case.workspace] if case.workspace else 0
        instructions, stack = _run(program, case.name)
        figure = Figure(cycles=instructions, ram_bytes=workspace + stack, stack_bytes=stack)
        yield case, figure


def measure_host_peers(option: str) -> Iterator[PeerFigure]:
    """The same rows of mlkem-native and mldsa-native, plain C as on the boards."""
    inside = fetch()
    ours = [path for path in sources() if path.stem in _PEERS_USE]
    for label, flags, steps in VARIANTS:
        where = peer_objects(HOST, option, flags)
        options = (option, "-DPEERS", f"-I{GLUE}", f"-I{C_PQC / 'src'}", *DEFINES, *flags)
        program = _program([inside / MLDSA, inside / MLKEM, *ours], where, options)
        for against, _ in steps:
            yield peer_figure(against, label, *_run(program, against))


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
