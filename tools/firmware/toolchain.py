# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which programs a step needs, and the Debian packages that bring them."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from functools import lru_cache

from tools.firmware.errors import MissingTool

# Program -> Debian package. A package that brings no program of its own is named in PACKAGES_OF.
PACKAGE_OF = {
    "apt-get": "apt",
    "arm-none-eabi-gcc": "gcc-arm-none-eabi",
    "cmake": "cmake",
    "dpkg-deb": "dpkg",
    "dpkg-source": "dpkg-dev",
    "g++": "g++",
    "gcc": "gcc",
    "make": "make",
    "ninja": "ninja-build",
    "node": "nodejs",
    "patch": "patch",
    "python3": "python3",
    "qemu-system-arm": "qemu-system-arm",
    "qemu-system-riscv32": "qemu-system-misc",
    "riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf",
    "xz": "xz-utils",
}


def missing(programs: Iterable[str]) -> list[str]:
    """Those of `programs` that are not on the search path."""
    return [program for program in programs if shutil.which(program) is None]


def require(programs: Iterable[str]) -> None:
    """Raise MissingTool, naming the packages to install, unless every program is there."""
    absent = missing(programs)
    if absent:
        raise MissingTool(absent, sorted({PACKAGE_OF.get(name, name) for name in absent}))


def require_newlib() -> None:
    """Raise MissingTool unless the Arm compiler has its C library: Debian packages it apart."""
    command = ["arm-none-eabi-gcc", "-print-file-name=nano.specs"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    if not os.path.isabs(done.stdout.strip()):  # a file it cannot find is answered by its name
        raise MissingTool(["C library of arm-none-eabi-gcc"], ["libnewlib-arm-none-eabi"])


@lru_cache
def version_of(compiler: str) -> str:
    """First line of `compiler --version`: part of every cache key."""
    done = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True)
    return done.stdout.partition("\n")[0]
