# SPDX-License-Identifier: MIT OR Apache-2.0
"""What can be built: one table of targets, and the `make` command of each.

| target        | rung | image                                                    |
|---------------|------|----------------------------------------------------------|
| mpy-cross     | -    | the cross compiler that freezes Python into the others   |
| unix64        | L1   | MicroPython for this machine, module `pqc` inside        |
| unix32        | L1   | the same with 32-bit words: a board's heap accounting    |
| qemu-an385    | L3   | Cortex-M3 firmware                                       |
| qemu-an386    | L3   | Cortex-M4 firmware                                       |
| qemu-an500    | L3   | Cortex-M7 firmware                                       |
| pico          | L4   | the file a user flashes on a Raspberry Pi Pico           |
| pico2         | -    | the same for a Pico 2; nothing emulates it               |
| pico-bootstub | L4   | boot ROM of the emulated Pico                            |
| mpy-<arch>    | L5   | module `pqc` as a native .mpy: x64, armv6m, armv7m, ...  |
| stock-rv32    | L5   | MicroPython's own firmware for RISC-V, nothing of ours   |
"""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tools.firmware import native, paths, pico, toolchain
from tools.firmware.errors import FirmwareError, MissingTool

PORTS = paths.FIRMWARE / "ports"
FROZEN = paths.FIRMWARE / "micropython"
C_MODULES = paths.FIRMWARE / "c_pqc"
DEFAULT_HEAP_KB = 128

_BUILD_PACKAGES = ("make", "gcc", "libc6-dev", "python3", "dpkg-dev", "xz-utils", "patch")
_ARM_PACKAGES = ("gcc-arm-none-eabi", "libnewlib-arm-none-eabi")
_QEMU_PACKAGES = (*_ARM_PACKAGES, "qemu-system-arm")
# Not gcc-multilib: it cannot be installed beside any cross compiler for Linux. Where it is
# installed already, it is used.
_I386_PACKAGES = ("gcc-i686-linux-gnu", "libc6-dev-i386-cross", "libc6-i386")
_I386_COMPILERS = (
    ("gcc", "-m32"),
    ("i686-linux-gnu-gcc",),
    ("i686-linux-gnu-gcc-12",),
)


@dataclass(frozen=True)
class Target:
    """One image: how `make` is called and which of its files are the result."""

    name: str
    summary: str
    programs: tuple[str, ...]
    packages: tuple[str, ...]
    outputs: tuple[str, ...]  # in make's BUILD folder; the first is the image
    inputs: tuple[Path, ...]  # files and folders of ours that go into the image
    command: Callable[[Path, int], list[str]]  # (MicroPython source, heap in KiB) -> make ...
    size_program: str = "size"
    machine: str = ""  # QEMU's name of the machine; "" = runs on the host

    @property
    def compiler(self) -> str:
        """The program whose version is part of the cache key."""
        return self.programs[0]


def named(name: str) -> Target:
    """The target called `name`. Raises FirmwareError, naming the known ones."""
    if name not in TARGETS:
        raise FirmwareError(f"no target {name!r}", f"known targets: {', '.join(TARGETS)}")
    return TARGETS[name]


def packages_for(names: list[str]) -> list[str]:
    """Debian packages that building and running these targets needs, sorted, each once."""
    wanted = {package for name in names for package in named(name).packages}
    return sorted(wanted | {"apt"} if names else wanted)


def _user_modules() -> list[str]:
    """make's USER_C_MODULES: the folder whose subfolders hold a micropython.mk."""
    return [f"USER_C_MODULES={C_MODULES}"] if any(C_MODULES.glob("*/micropython.mk")) else []


def _mpy_cross(source: Path, _heap_kb: int) -> list[str]:
    return ["make", "-C", str(source / "mpy-cross")]


def _unix(*, bits: int) -> Callable[[Path, int], list[str]]:
    def command(source: Path, _heap_kb: int) -> list[str]:
        words = ["make", "-C", str(source / "ports" / "unix")]
        # Nothing of ours uses these, and each would need a further library.
        words += [f"MICROPY_PY_{name}=0" for name in ("BTREE", "FFI", "SSL")]
        words += ["MICROPY_SSL_MBEDTLS=0", f"FROZEN_MANIFEST={FROZEN / 'manifest.py'}"]
        if bits == 32:
            words += [f"CC={' '.join(i386_compiler())}", "MICROPY_FORCE_32BIT=0"]
        return words + _user_modules()

    return command


def _qemu(board: str) -> Callable[[Path, int], list[str]]:
    def command(source: Path, heap_kb: int) -> list[str]:
        toolchain.require_newlib()
        return [
            "make",
            "-C",
            str(PORTS / "qemu"),
            f"MPY_DIR={source}",
            f"BOARD={board}",
            f"MICROPY_HEAP_KB={heap_kb}",
            *_user_modules(),
        ]

    return command


@lru_cache
def i386_compiler() -> tuple[str, ...]:
    """A C compiler for 32-bit x86 that links on this machine. Raises MissingTool."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "probe.c"
        source.write_text("#include <stdio.h>\nint main(void) { return 0; }\n", encoding="ascii")
        for compiler in _I386_COMPILERS:
            if shutil.which(compiler[0]) is None:
                continue
            command = [*compiler, str(source), "-o", str(Path(folder) / "probe")]
            if subprocess.run(command, capture_output=True, check=False).returncode == 0:
                return compiler
    raise MissingTool(["a C compiler for 32-bit x86"], list(_I386_PACKAGES))


_CRYPTO = tuple(C_MODULES / part for part in ("include", "src", "bind_common", "bind_micropython"))
_OURS = (FROZEN, *_CRYPTO)


def _unix_target(bits: int, more_packages: tuple[str, ...]) -> Target:
    return Target(
        name=f"unix{bits}",
        summary=f"MicroPython for this machine, {bits}-bit",
        programs=("gcc", "make", "python3"),
        packages=(*_BUILD_PACKAGES, *more_packages),
        outputs=("micropython", "micropython.map"),
        inputs=_OURS,
        command=_unix(bits=bits),
    )


def _qemu_target(name: str, core: str) -> Target:
    return Target(
        name=f"qemu-{name}",
        summary=f"firmware for QEMU's mps2-{name} ({core})",
        programs=("arm-none-eabi-gcc", "gcc", "make", "python3"),
        packages=(*_BUILD_PACKAGES, *_QEMU_PACKAGES),
        outputs=("firmware.elf", "firmware.bin", "firmware.map"),
        inputs=(*_OURS, PORTS / "qemu"),
        command=_qemu(f"QEMU_MPS2_{name.upper()}"),
        size_program="arm-none-eabi-size",
        machine=f"mps2-{name}",
    )


def _pico_target(name: str, board: str, chip: str) -> Target:
    return Target(
        name=name,
        summary=f"firmware for {board} ({chip})",
        programs=pico.PROGRAMS,
        packages=(*_BUILD_PACKAGES, *pico.PACKAGES),
        outputs=("firmware.uf2", "firmware.elf", "firmware.bin"),
        inputs=(
            *_OURS,
            *(PORTS / "pico" / name for name in ("Makefile", "manifest.py", "modules")),
        ),
        command=pico.firmware(board),
        size_program="arm-none-eabi-size",
    )


def _native_target(name: str, architecture: native.Architecture) -> Target:
    return Target(
        name=f"mpy-{name}",
        summary=f"native module pqc for {architecture.boards}",
        programs=(architecture.compiler, "gcc", "make", "python3"),
        packages=(*_BUILD_PACKAGES, *architecture.packages),
        outputs=("pqc.mpy", "pqc.elf"),
        inputs=(*_CRYPTO, native.NATMOD),
        command=native.module(name),
        size_program=architecture.size_program,
    )


TARGETS: Mapping[str, Target] = {
    target.name: target
    for target in (
        Target(
            name="mpy-cross",
            summary="compiler from Python to MicroPython bytecode",
            programs=("gcc", "make", "python3"),
            packages=_BUILD_PACKAGES,
            outputs=("mpy-cross",),
            inputs=(),
            command=_mpy_cross,
        ),
        _unix_target(64, ()),
        _unix_target(32, _I386_PACKAGES),
        _qemu_target("an385", "Cortex-M3"),
        _qemu_target("an386", "Cortex-M4"),
        _qemu_target("an500", "Cortex-M7"),
        _pico_target("pico", "RPI_PICO", "RP2040"),
        _pico_target("pico2", "RPI_PICO2", "RP2350"),
        Target(
            name="pico-bootstub",
            summary="boot ROM of the emulated RP2040",
            programs=("arm-none-eabi-gcc", "make"),
            packages=(*_BUILD_PACKAGES, *pico.PACKAGES),
            outputs=("bootstub.bin", "bootstub.elf"),
            inputs=(PORTS / "pico" / "bootstub",),
            command=pico.bootstub,
            size_program="arm-none-eabi-size",
        ),
        *(_native_target(*entry) for entry in native.ARCHITECTURES.items()),
        Target(
            name="stock-rv32",
            summary="MicroPython's own firmware for QEMU's RISC-V virt machine",
            programs=("riscv64-unknown-elf-gcc", "gcc", "make", "python3"),
            packages=(*_BUILD_PACKAGES, *native.STOCK_PACKAGES),
            outputs=("firmware.elf", "firmware.map"),
            inputs=(),
            command=native.stock_rv32,
            size_program="riscv64-unknown-elf-size",
        ),
    )
}
