# SPDX-License-Identifier: MIT OR Apache-2.0
"""Gives the pinned source trees: downloaded once, checked against their SHA-256, unpacked.

    tree = sources.fetch("micropython")      # a folder under build/sources/

The trees are shared by all targets and never written to: builds go elsewhere.
"""

import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tools.firmware import apt, paths, pins, toolchain
from tools.firmware.errors import FirmwareError
from tools.firmware.pins import Pin
from tools.firmware.progress import Progress

OVERRIDES = {"micropython": "MICROPY_DIR", "pico-sdk": "PICO_SDK_PATH"}
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class SourceTree:
    """An unpacked source: where it is, and a string that changes whenever its content does."""

    name: str
    path: Path
    version: str
    identity: str


def fetch(name: str, progress: Progress | None = None) -> Path:
    """Folder of the unpacked source `name`; downloads it when it is not there yet.

    Raises FirmwareError when no candidate can be had or a file has the wrong SHA-256.
    """
    return fetch_tree(name, progress).path


def fetch_tree(name: str, progress: Progress | None = None) -> SourceTree:
    """Like `fetch`, with the version and the identity that cache keys are made of."""
    progress = progress or Progress(f"source {name}")
    present = find_tree(name)
    if present is not None:
        return present
    problems = []
    candidates = pins.load().of(name)
    for pin in candidates:
        try:
            _unpack(pin, progress)
        except RefusedFile:
            raise
        except FirmwareError as problem:
            problems.append(problem)
            progress.say(f"{pin.version} is not to be had; {len(candidates)} versions are known")
            continue
        return _pinned_tree(pin)
    raise FirmwareError("\n".join(p.problem for p in problems), problems[-1].hint)


def find_tree(name: str) -> SourceTree | None:
    """The source as it lies on this machine already, or None. Fetches nothing."""
    override = os.environ.get(OVERRIDES.get(name, ""), "")
    if override:
        return _user_tree(name, Path(override).expanduser())
    for pin in pins.load().of(name):
        if (paths.SOURCES / pin.directory).is_dir():
            return _pinned_tree(pin)
    return None


class RefusedFile(FirmwareError):
    """A downloaded file's SHA-256 is not the pinned one. Never worked around by a fallback."""


def verify(path: Path, sha256: str) -> None:
    """Raise RefusedFile unless the file's SHA-256 is `sha256` (lower-case hex)."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    if digest.hexdigest() != sha256:
        raise RefusedFile(
            f"{path.name}: SHA-256 is {digest.hexdigest()}, pinned is {sha256}",
            "the file was removed; try again, and if it recurs do not use this mirror",
        )


def _pinned_tree(pin: Pin) -> SourceTree:
    tree = paths.SOURCES / pin.directory
    return SourceTree(pin.name, tree, pin.version, f"{pin.name} {sorted(pin.files.values())}")


def _user_tree(name: str, tree: Path) -> SourceTree:
    """A checkout the user pointed at. Its identity is every file's size and time of change."""
    variable = OVERRIDES[name]
    if not tree.is_dir():
        raise FirmwareError(f"{variable}={tree}: no such folder", f"unset or correct {variable}")
    if name == "micropython" and not (tree / "py" / "mpconfig.h").is_file():
        raise FirmwareError(
            f"{variable}={tree} holds no MicroPython source (py/mpconfig.h is missing)",
            f"unset or correct {variable}",
        )
    digest = hashlib.sha256()
    for path in sorted(p for p in tree.rglob("*") if p.suffix in (".c", ".h", ".py", ".mk", ".S")):
        status = path.stat()
        digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return SourceTree(name, tree.resolve(), _micropython_version(tree), digest.hexdigest())


def _micropython_version(tree: Path) -> str:
    header = tree / "py" / "mpconfig.h"
    if not header.is_file():
        return "unknown"
    text = header.read_text(encoding="utf-8")
    parts = re.findall(r"#define MICROPY_VERSION_(?:MAJOR|MINOR|MICRO)\s+(\d+)", text)
    return ".".join(parts) or "unknown"


def _unpack(pin: Pin, progress: Progress) -> None:
    toolchain.require(["dpkg-deb"] if pin.kind == "binary" else ["dpkg-source", "xz", "patch"])
    files = _download(pin, progress)
    final = paths.SOURCES / pin.directory
    progress.say(f"unpacking {pin.package} {pin.version}")
    with paths.scratch_beside(final) as scratch:
        tree = scratch / "tree"
        if pin.kind == "source":
            # --no-check: the files' hashes are pinned, which says more than the .dsc's signature.
            command = [
                "dpkg-source",
                "--no-check",
                "-x",
                str(files / pin.source_control),
                str(tree),
            ]
        else:
            command = ["dpkg-deb", "-x", str(files / next(iter(pin.files))), str(tree)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise FirmwareError(f"{command[0]} failed: {done.stderr.strip()[-400:]}")
        paths.publish(tree, final)
    progress.say(f"{pin.name} {pin.version} is ready ({progress.elapsed_s:.1f} s)")


def _download(pin: Pin, progress: Progress) -> Path:
    """Folder with all of the pin's files, verified. Verified files are kept across runs."""
    final = paths.DOWNLOADS / pin.directory
    if not final.is_dir():
        with paths.scratch_beside(final) as scratch:
            incoming = scratch / "files"
            incoming.mkdir()
            apt.download(pin, incoming, progress)
            _keep_pinned_only(pin, incoming)
            paths.publish(incoming, final)
    for name, sha256 in pin.files.items():
        try:
            verify(final / name, sha256)
        except (RefusedFile, FileNotFoundError):
            shutil.rmtree(final)
            raise
    return final


def _keep_pinned_only(pin: Pin, folder: Path) -> None:
    """Check every downloaded file and drop what was not asked for."""
    for name, sha256 in pin.files.items():
        path = folder / name
        if not path.is_file():
            raise FirmwareError(f"the mirror did not send {name}")
        verify(path, sha256)
    for path in folder.iterdir():
        if path.name not in pin.files:
            path.unlink()
