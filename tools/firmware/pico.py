# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the targets `pico`, `pico2` and `pico-bootstub` need beyond a plain `make`.

The firmware is MicroPython's rp2 port. It takes in the Pico SDK, TinyUSB and mbedTLS, which
Debian packages on their own; here they are joined to one source tree, out of links.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from tools.firmware import paths, sources
from tools.firmware.errors import MissingTool
from tools.firmware.sources import SourceTree

PORT = paths.ROOT / "firmware" / "ports" / "pico"
STUB = PORT / "bootstub"
CRYPTO_BINDING = paths.ROOT / "firmware" / "c_pqc" / "bind_micropython" / "micropython.cmake"

# Libraries of the cross compiler that come in packages of their own.
_LIBRARIES = {
    "libm.a": "libnewlib-arm-none-eabi",
    "libstdc++.a": "libstdc++-arm-none-eabi-newlib",
}
PACKAGES = ("cmake", "g++", "ninja-build", "gcc-arm-none-eabi", *_LIBRARIES.values())
PROGRAMS = ("arm-none-eabi-gcc", "cmake", "g++", "gcc", "make", "ninja", "python3")

# Left out of Debian's MicroPython source: name below lib/ -> folder in our source tree.
_MISSING = {"tinyusb": Path("usr/src/tinyusb"), "mbedtls": Path()}
_SDK = Path("usr/src/pico-sdk")


Command = Callable[[Path, int], list[str]]  # (MicroPython source, heap in KiB) -> make ...


def firmware(board: str) -> Command:
    """The `make` command for MicroPython's `board`, given a MicroPython source.

    The heap size is not used: the board's heap is all the RAM that nothing else takes.
    """

    def command(_source: Path, _heap_kb: int) -> list[str]:
        _require_libraries()
        micropython = sources.fetch_tree("micropython")
        sdk = sources.fetch_tree("pico-sdk")
        libraries = [sources.fetch_tree(name) for name in _MISSING]
        words = ["make", "-C", str(PORT), f"BOARD={board}"]
        words += [f"MPY_DIR={_joined(micropython, libraries)}", f"PICO_SDK_DIR={_sdk_path(sdk)}"]
        words += [f"INPUTS={_identity([micropython, sdk, *libraries])}"]
        if CRYPTO_BINDING.is_file():
            words.append(f"USER_C_MODULES={CRYPTO_BINDING}")
        return words

    return command


def bootstub(_source: Path, _heap_kb: int) -> list[str]:
    """The `make` command for the emulator's boot ROM."""
    _require_libraries()
    return ["make", "-C", str(STUB)]


def _require_libraries() -> None:
    """Raise MissingTool, naming the packages to install, unless the compiler has its libraries."""
    missing = {name: package for name, package in _LIBRARIES.items() if not _has_library(name)}
    if missing:
        raise MissingTool(list(missing), sorted(missing.values()))


def _has_library(name: str) -> bool:
    """The compiler answers a library it cannot find with the bare name."""
    command = ["arm-none-eabi-gcc", "-mcpu=cortex-m0plus", "-mthumb", f"-print-file-name={name}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return Path(done.stdout.strip()).is_absolute()


def _identity(trees: Iterable[SourceTree]) -> str:
    joined = "\0".join(tree.identity for tree in trees)
    return hashlib.sha256(joined.encode()).hexdigest()[:16]


def _joined(micropython: SourceTree, libraries: list[SourceTree]) -> Path:
    """MicroPython's tree with the libraries filled in. The pinned trees stay as they are."""
    final = paths.SOURCES / f"pico-tree-{_identity([micropython, *libraries])}"
    if final.is_dir():
        return final
    with paths.scratch_beside(final) as scratch:
        tree = scratch / "tree"
        shutil.copytree(
            micropython.path,
            tree,
            symlinks=True,
            copy_function=_link_or_copy,
            ignore=shutil.ignore_patterns(".git", "build", "build-*"),
        )
        for library in libraries:
            place = tree / "lib" / library.name
            if place.is_dir() and any(place.iterdir()):
                continue  # the user's own checkout brings it
            shutil.rmtree(place, ignore_errors=True)
            place.symlink_to(library.path / _MISSING[library.name])
        # MicroPython's build looks for this file to tell that its submodules are there.
        readme = tree / "lib" / "micropython-lib" / "README.md"
        readme.parent.mkdir(exist_ok=True)
        readme.touch()
        paths.publish(tree, final)
    return final


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def _sdk_path(sdk: SourceTree) -> Path:
    """Where the SDK lies in its tree; a user's own PICO_SDK_PATH is the SDK itself."""
    return sdk.path / _SDK if (sdk.path / _SDK).is_dir() else sdk.path
