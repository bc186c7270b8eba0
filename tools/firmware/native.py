# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the targets `mpy-<arch>` and `stock-rv32` need beyond a plain `make`.

A native .mpy is the module `pqc` as one file, for a board whose firmware one would rather not
rebuild. `stock-rv32` is MicroPython's own QEMU port for RISC-V, with nothing of ours in it: the
firmware in which the RV32 file is tried.
"""

import importlib.util
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.firmware import paths, toolchain
from tools.firmware.errors import MissingTool

NATMOD = paths.FIRMWARE / "c_pqc" / "natmod"

_ARM = ("gcc-arm-none-eabi", "libnewlib-arm-none-eabi")
_RISCV = ("gcc-riscv64-unknown-elf", "picolibc-riscv64-unknown-elf")
_LINKER_NEEDS = "elftools"  # MicroPython's linker of native modules, tools/mpy_ld.py


@dataclass(frozen=True)
class Architecture:
    """One value of ARCH in MicroPython's py/dynruntime.mk."""

    boards: str
    compiler: str
    packages: tuple[str, ...]

    @property
    def size_program(self) -> str:
        """binutils' `size` that goes with the compiler."""
        return f"{self.compiler.removesuffix('gcc')}size"


ARCHITECTURES: Mapping[str, Architecture] = {
    "x64": Architecture("MicroPython on 64-bit x86", "gcc", ()),
    "armv6m": Architecture("Cortex-M0 and M0+ (RP2040)", "arm-none-eabi-gcc", _ARM),
    "armv7m": Architecture("Cortex-M3, or without an FPU", "arm-none-eabi-gcc", _ARM),
    "armv7emsp": Architecture("Cortex-M4F, M7 and M33", "arm-none-eabi-gcc", _ARM),
    "rv32imc": Architecture("RISC-V (ESP32-C3, -C6)", "riscv64-unknown-elf-gcc", _RISCV),
}
STOCK_PACKAGES = (*_RISCV, "qemu-system-misc")

Command = Callable[[Path, int], list[str]]  # (MicroPython source, heap in KiB) -> make ...


def module(architecture: str) -> Command:
    """The `make` command for the native .mpy of one architecture, given a MicroPython source."""

    def command(source: Path, _heap_kb: int) -> list[str]:
        _require_libraries(ARCHITECTURES[architecture].compiler)
        if importlib.util.find_spec(_LINKER_NEEDS) is None:
            raise MissingTool(["the Python package pyelftools"], ["python3-pyelftools"])
        words = ["make", "-C", str(NATMOD), f"MPY_DIR={source}", f"ARCH={architecture}"]
        return [*words, f"PYTHON={sys.executable}"]

    return command


def stock_rv32(source: Path, heap_kb: int) -> list[str]:
    """The `make` command for MicroPython's own firmware for QEMU's RISC-V `virt` machine."""
    _require_libraries("riscv64-unknown-elf-gcc")
    return [
        "make",
        "-C",
        str(source / "ports" / "qemu"),
        "BOARD=VIRT_RV32",
        # Debian's compiler picks its 32-bit library by this name, its assembler wants the other.
        "RV32_ARCH=rv32imac",
        "AFLAGS=-mabi=ilp32 -march=rv32imac_zicsr",
        f"MICROPY_HEAP_SIZE={heap_kb * 1024}",
        "FROZEN_MANIFEST=",
    ]


def _require_libraries(compiler: str) -> None:
    """Raise MissingTool unless the compiler has its C library: Debian packages it apart."""
    if compiler == "arm-none-eabi-gcc":
        toolchain.require_newlib()
    elif compiler == "riscv64-unknown-elf-gcc":
        command = [compiler, "-print-file-name=picolibc.specs"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        if not Path(done.stdout.strip()).is_absolute():
            raise MissingTool([f"C library of {compiler}"], ["picolibc-riscv64-unknown-elf"])
