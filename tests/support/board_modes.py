# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a board pays for each handshake: the least heap, the heap in use, the stack, instructions.

One side of a handshake and of an exchange of 100 octets each way is recorded once, with both
engines in one large heap (board_record.py), and replayed alone by an engine with a board's limits
and the C cryptography (board_replay.py): on the 32-bit unix port in a heap of any size, and on the
emulated Cortex-M4, where instructions and stack can be counted.
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from support.firmware_images import image
from tools.firmware.qemu import QemuBoard

MODES = ("HS-R", "HS-RK", "HS-K", "HS-S")
ROLES = ("initiator", "responder")
ICOUNT = 5
_HERE = Path(__file__).parent
_RECORD_HEAP = "2M"
_LARGE_HEAP_KIB = 1024
_LINE_OCTETS = 256
_TICK_NS = 40  # of the board's clock, at virtual time of 2^ICOUNT ns an instruction

_WATCHED = """
import gc
peak = 0
def meter(call, *arguments):
    global peak
    call(*arguments)
    gc.collect()
    peak = max(peak, gc.mem_alloc())
"""
_COUNTED = """
import qemu
ticks = deepest = 0
def meter(call, *arguments):
    global ticks, deepest
    base = qemu.stack_paint()
    began = qemu.ticks()
    call(*arguments)
    ticks += qemu.ticks() - began
    deepest = max(deepest, qemu.stack_peak())
"""


@dataclass(frozen=True)
class Recording:
    """One mode, recorded: ``folder/0`` and ``folder/1``, and what each side said."""

    mode: str
    folder: Path
    said: tuple[str, ...]


def record(mode: str, folder: Path) -> Recording:
    """Let two boards meet by ``mode``; the folder is made."""
    folder.mkdir(parents=True)
    done = _micropython(_RECORD_HEAP, str(_HERE / "board_record.py"), mode, str(folder))
    said = tuple(done.stdout.splitlines())
    if done.returncode or len(said) != 2 or not all("Delivered" in line for line in said):
        raise RuntimeError(f"{mode} was not recorded: {done.stdout}{done.stderr}")
    return Recording(mode, folder, said)


def fits(recording: Recording, side: int, heap_kib: int) -> bool:
    """Whether this side of it succeeds in a heap of the 32-bit port, octet for octet."""
    program = f"import board_replay as r; r.replay({str(recording.folder / str(side))!r}, {side})"
    done = _micropython(f"{heap_kib}K", "-c", program)
    return done.stdout.strip() == recording.said[side]


def least_heap_kib(recording: Recording, side: int, lowest: int = 40, highest: int = 200) -> int:
    """The smallest heap that does it, in KiB."""
    for heap_kib in range(lowest, highest + 1):
        if fits(recording, side, heap_kib):
            return heap_kib
    raise RuntimeError(f"{recording.mode} does not fit {highest} KiB")


def live_heap(recording: Recording, side: int) -> int:
    """The most that is in use between two calls of the engine, in bytes, garbage collected."""
    folder = str(recording.folder / str(side))
    program = (
        f"import board_replay as r\n{_WATCHED}r.replay({folder!r}, {side}, meter)\nprint(peak)"
    )
    done = _micropython(f"{_LARGE_HEAP_KIB}K", "-c", program)
    return int(done.stdout.split()[-1])


async def on_board(board: QemuBoard, recording: Recording, side: int) -> tuple[int, int]:
    """(instructions, deepest stack in bytes) of the engine's calls on an emulated board.

    :raises RuntimeError: it did not say what was recorded
    """
    await board.repl.exec((_HERE / "board_replay.py").read_text())
    for name in ("state", "calls"):
        await _put(board, name, (recording.folder / str(side) / name).read_bytes())
    printed = await board.repl.exec(
        f"{_COUNTED}replay('', {side}, meter)\nprint(ticks, deepest)", 300
    )
    said, counted = printed.splitlines()
    if said != recording.said[side]:
        raise RuntimeError(f"{recording.mode} on the board: {said}")
    ticks, deepest = (int(number) for number in counted.split())
    return ticks * _TICK_NS >> ICOUNT, deepest


async def _put(board: QemuBoard, name: str, octets: bytes) -> None:
    await board.repl.exec(f"_f = open('/{name}', 'wb')")
    for at in range(0, len(octets), _LINE_OCTETS):
        await board.repl.exec(f"_f.write({octets[at : at + _LINE_OCTETS]!r})")
    await board.repl.exec("_f.close()")


def _micropython(heap: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(image("unix32")), "-X", f"heapsize={heap}", *arguments],
        env={**os.environ, "MICROPYPATH": f".frozen:{_HERE}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
