# SPDX-License-Identifier: MIT OR Apache-2.0
"""Builds the Raspberry Pi Pico firmware that users flash, and the emulator's boot stub.

The board definitions are MicroPython's own RPI_PICO and RPI_PICO2, unchanged; ours are the
crypto module and the frozen packages. MicroPython, Pico SDK, TinyUSB and mbedTLS are pinned Debian
sources. `pico` is booted in tests (tools/pico); `pico2` is built only: nothing emulates it.
"""

import hashlib
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tools.firmware import paths, pins, sources, toolchain
from tools.firmware.errors import FirmwareError, MissingTool
from tools.firmware.progress import Progress
from tools.firmware.sources import SourceTree

PORT = paths.ROOT / "firmware" / "ports" / "pico"
PACKAGES = paths.ROOT / "firmware" / "micropython"
CRYPTO = paths.ROOT / "firmware" / "c_pqc"
CRYPTO_BINDING = CRYPTO / "bind_micropython" / "micropython.cmake"
STUB = PORT / "bootstub"

_PROGRAMS = ("arm-none-eabi-gcc", "cmake", "gcc", "make", "ninja", "python3")
# Libraries of the cross compiler that come in packages of their own.
_LIBRARIES = {
    "libm.a": "libnewlib-arm-none-eabi",
    "libstdc++.a": "libstdc++-arm-none-eabi-newlib",
}
# Filled into the MicroPython tree, whose Debian source leaves them out: name -> folder in ours.
_LIBRARY_TREES = {"tinyusb": Path("usr/src/tinyusb"), "mbedtls": Path()}
_SDK = Path("usr/src/pico-sdk")

_FLASH_BASE = 0x10000000
_STUB_LIMIT_BYTES = 16 * 1024  # the RP2040's ROM, datasheet 2.2
_UF2_PAYLOAD_BYTES = 256
_UF2_MAGICS = (0x0A324655, 0x9E5D5157, 0x0AB16F30)
_UF2_FAMILY_PRESENT = 0x2000


@dataclass(frozen=True)
class Target:
    """One board of MicroPython's rp2 port: its name there, and its UF2 family (boot/uf2.h)."""

    board: str
    family: int


TARGETS = {
    "pico": Target("RPI_PICO", 0xE48BFF56),
    "pico2": Target("RPI_PICO2", 0xE48BFF59),  # RP2350 running its Arm cores in secure state
}


def build(name: str, progress: Progress | None = None) -> Path:
    """Path of the UF2 file for `pico` or `pico2`; built when any input has changed.

    The folder also holds firmware.bin, firmware.elf and build.log. Raises FirmwareError.
    """
    progress = progress or Progress(name)
    target = TARGETS[name]
    _require_tools()
    micropython = sources.fetch_tree("micropython", progress)
    sdk = sources.fetch_tree("pico-sdk", progress)
    libraries = [sources.fetch_tree(library, progress) for library in _LIBRARY_TREES]
    trees = [micropython, sdk, *libraries]
    key = _key([target.board, *(tree.identity for tree in trees)], [PORT, PACKAGES, CRYPTO])
    final = paths.IMAGES / f"{name}-{key}"
    image = final / "firmware.uf2"
    if image.is_file():
        return image
    with paths.scratch_beside(final) as scratch:
        tree = _assemble(micropython, libraries, progress)
        _compile(target, tree, _sdk_path(sdk), scratch, progress)
        _collect(target, scratch)
        paths.publish(scratch, final)
    progress.say(f"built {image.name}, {image.stat().st_size} bytes ({progress.elapsed_s:.0f} s)")
    return image


def bootstub(progress: Progress | None = None) -> Path:
    """Path of the boot stub, a ROM image for the emulator; built when any input has changed."""
    progress = progress or Progress("boot stub")
    _require_tools()
    final = paths.IMAGES / f"pico-bootstub-{_key([], [STUB])}"
    image = final / "bootstub.bin"
    if image.is_file():
        return image
    with paths.scratch_beside(final) as scratch:
        log = scratch / "build.log"
        _run(["make", "-C", str(STUB), f"OUT={scratch}"], log, progress)
        size = (scratch / image.name).stat().st_size
        if size > _STUB_LIMIT_BYTES:
            raise FirmwareError(f"the boot stub has {size} bytes, over the ROM's 16 KiB")
        paths.publish(scratch, final)
    return image


def _require_tools() -> None:
    toolchain.require(_PROGRAMS)
    missing = {name: package for name, package in _LIBRARIES.items() if not _has_library(name)}
    if missing:
        raise MissingTool(list(missing), sorted(missing.values()))


def _has_library(name: str) -> bool:
    """The compiler answers a library it cannot find with the bare name."""
    command = ["arm-none-eabi-gcc", "-mcpu=cortex-m0plus", "-mthumb", f"-print-file-name={name}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return Path(done.stdout.strip()).is_absolute()


def _key(words: Iterable[str], folders: Iterable[Path]) -> str:
    """Changes with the given words, any source file in the folders, the compiler, this file."""
    digest = hashlib.sha256()
    for word in [*words, toolchain.version_of("arm-none-eabi-gcc"), _epoch()]:
        digest.update(word.encode() + b"\0")
    files = [Path(__file__)]
    for folder in folders:
        files += sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        if "__pycache__" not in path.parts:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{path.relative_to(paths.ROOT)}\0{content}\0".encode())
    return digest.hexdigest()[:16]


def _epoch() -> str:
    return str(pins.load().source_date_epoch)


def _assemble(
    micropython: SourceTree, libraries: Iterable[SourceTree], progress: Progress
) -> Path:
    """MicroPython's tree with the libraries that Debian's source lacks, as links: nothing is
    copied and the pinned trees stay as they are."""
    identity = "".join(tree.identity for tree in [micropython, *libraries])
    final = paths.SOURCES / f"pico-tree-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"
    if final.is_dir():
        return final
    progress.say("joining MicroPython, TinyUSB and mbedTLS")
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
            place.symlink_to(library.path / _LIBRARY_TREES[library.name])
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


def _compile(target: Target, tree: Path, sdk: Path, scratch: Path, progress: Progress) -> None:
    log = scratch / "build.log"
    build = scratch / "cmake"
    options = [
        f"-DMICROPY_BOARD={target.board}",
        f"-DPICO_SDK_PATH_OVERRIDE={sdk}",
        f"-DMICROPY_FROZEN_MANIFEST={PORT / 'manifest.py'}",
        f"-DPython3_EXECUTABLE={sys.executable}",
        "-DPICO_NO_PICOTOOL=1",
    ]
    if CRYPTO_BINDING.is_file():
        options.append(f"-DUSER_C_MODULES={CRYPTO_BINDING}")
    else:
        progress.say(f"{CRYPTO_BINDING.relative_to(paths.ROOT)} is missing: no module `pqc`")
    progress.say(f"building {target.board} (about a minute)")
    _run(["make", "-C", str(tree / "mpy-cross"), "-j2"], log, progress)
    cmake = ["cmake", "-S", str(tree / "ports" / "rp2"), "-B", str(build), "-G", "Ninja"]
    _run([*cmake, *options], log, progress)
    _run(["ninja", "-C", str(build)], log, progress)


def _collect(target: Target, scratch: Path) -> None:
    """Keep the images, drop some 100 MB of object files."""
    build = scratch / "cmake"
    for name in ("firmware.bin", "firmware.elf"):
        shutil.move(build / name, scratch / name)
    binary = (scratch / "firmware.bin").read_bytes()
    (scratch / "firmware.uf2").write_bytes(uf2(binary, target.family))
    shutil.rmtree(build)


def uf2(binary: bytes, family: int, base: int = _FLASH_BASE) -> bytes:
    """The UF2 file that puts `binary` at address `base` of a chip of `family`.

    512-byte blocks of 256 payload bytes, the last one padded with zeros (UF2 specification;
    constants as in the Pico SDK's boot/uf2.h).
    """
    if not binary:
        raise FirmwareError("there is no image to convert to UF2")
    count = -(-len(binary) // _UF2_PAYLOAD_BYTES)
    start_0, start_1, end = _UF2_MAGICS
    blocks = []
    for number in range(count):
        at = number * _UF2_PAYLOAD_BYTES
        payload = binary[at : at + _UF2_PAYLOAD_BYTES]
        head = struct.pack(
            "<8I",
            start_0,
            start_1,
            _UF2_FAMILY_PRESENT,
            base + at,
            _UF2_PAYLOAD_BYTES,
            number,
            count,
            family,
        )
        blocks.append(head + payload.ljust(476, b"\0") + struct.pack("<I", end))
    return b"".join(blocks)


def _run(command: list[str], log: Path, progress: Progress) -> None:
    """Run a build step with its output in `log`; raise FirmwareError with the log's last lines."""
    environment = {
        **os.environ,
        "LC_ALL": "C",
        "MICROPY_GIT_TAG": "v" + _version(),
        "PYTHONDONTWRITEBYTECODE": "1",
        "SOURCE_DATE_EPOCH": _epoch(),
    }
    with log.open("ab") as output:
        output.write(f"\n$ {' '.join(command)}\n".encode())
        output.flush()
        process = subprocess.Popen(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=environment
        )
        while True:
            try:
                status = process.wait(timeout=1)
                break
            except subprocess.TimeoutExpired:
                progress.tick("still building")
            except BaseException:
                process.kill()
                process.wait()
                raise
    if status != 0:
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-25:]
        raise FirmwareError(f"{command[0]} failed:\n" + "\n".join(tail))


def _version() -> str:
    """What the firmware calls itself: without this, the build asks git and gets our commit."""
    return sources.fetch_tree("micropython").version.partition("+")[0]
