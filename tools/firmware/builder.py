# SPDX-License-Identifier: MIT OR Apache-2.0
"""Builds an image, or finds that it is already there.

    build/firmware/<target>/
        <key>/              a finished image: its name is the hash of everything that went in
        objects-<key>/      make's objects, kept so that the next build is incremental
            inputs/         the copy of our sources that they were made from
        lock                held while make runs; other builds of the target wait

A finished image appears by one rename, so it is whole or absent. Objects that a killed build may
have left half written are recognised by the marker `unfinished` and thrown away.
"""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tools.firmware import cache, paths, pins, snapshot, sources, targets, toolchain
from tools.firmware.errors import FirmwareError, MissingTool
from tools.firmware.progress import Progress
from tools.firmware.sources import SourceTree
from tools.firmware.targets import DEFAULT_HEAP_KB, Target

_CROSS_COMPILER = "mpy-cross"
_MARKER = "unfinished"
_COPY = "inputs"
_IMAGES_KEPT = 6  # per target: every heap size, and a few changes back
_OBJECTS_KEPT = 3
_LOG_LINES_SHOWN = 30


@dataclass(frozen=True)
class _Plan:
    """Everything that decides one image."""

    target: Target
    source: SourceTree
    command: list[str]
    environment: dict[str, str]
    settings: list[str]
    objects_key: str

    @property
    def home(self) -> Path:
        return paths.IMAGES / self.target.name

    def image(self, key: str) -> Path:
        return self.home / key / self.target.outputs[0]

    def key_of(self, inputs: Iterable[Path], base: Path) -> str:
        return cache.key_of(self.settings, inputs, base)

    @property
    def key(self) -> str:
        """Key of the inputs as they are now."""
        return self.key_of(self.target.inputs, paths.ROOT)


def build(name: str, heap_kb: int = DEFAULT_HEAP_KB, progress: Progress | None = None) -> Path:
    """Path of the target's image, built now unless it exists for exactly these inputs.

    Inputs are copied first, so an image never mixes two states of them; when they change after
    the copy, the image returned is that of the state that was copied.
    Raises MissingTool when a program is missing, FirmwareError when the build fails.
    """
    progress = progress or Progress(name)
    target = targets.named(name)
    toolchain.require(target.programs)
    source = sources.fetch_tree("micropython", progress.about("micropython"))
    plan = _plan(target, heap_kb, source)
    image = plan.image(plan.key)
    if not image.is_file():
        if name != _CROSS_COMPILER:
            build(_CROSS_COMPILER, progress=progress.about(_CROSS_COMPILER))
        with _locked(plan.home, progress) as lock:
            if not image.is_file():  # another process may have built it while we waited
                image = plan.image(_make(plan, lock, progress))
    os.utime(image.parent)  # what was used last is kept longest
    return image


def find(name: str, heap_kb: int = DEFAULT_HEAP_KB) -> Path | None:
    """Path of the image for the present inputs, or None when it has yet to be built.

    Fetches and builds nothing.
    """
    target = targets.named(name)
    source = sources.find_tree("micropython")
    if source is None or toolchain.missing(target.programs):
        return None
    try:
        plan = _plan(target, heap_kb, source)
    except MissingTool:
        return None
    image = plan.image(plan.key)
    return image if image.is_file() else None


def _plan(target: Target, heap_kb: int, source: SourceTree) -> _Plan:
    if not 32 <= heap_kb <= 2048:
        raise FirmwareError(f"a heap of {heap_kb} KiB is out of range", "give 32 to 2048")
    command = target.command(source.path, heap_kb)
    environment = {
        "SOURCE_DATE_EPOCH": str(pins.load().source_date_epoch),
        # Or MicroPython would ask git, and find this project's repository around its source.
        "MICROPY_GIT_TAG": f"v{source.version}",
        "MICROPY_GIT_HASH": "",
        "LC_ALL": "C",
    }
    if target.name != _CROSS_COMPILER:
        cross_compiler = _plan(targets.named(_CROSS_COMPILER), DEFAULT_HEAP_KB, source)
        environment["MICROPY_MPYCROSS"] = str(cross_compiler.image(cross_compiler.key))
    compilers = sorted({toolchain.version_of(name) for name in (target.compiler, "gcc")})
    settings = [target.name, source.identity, *compilers, *command, *_items(environment)]
    settings = [word.replace(str(paths.ROOT), "") for word in settings]
    # make does not see when its own rules or the compiler change: then all objects are made anew.
    objects_key = cache.key_of(settings, _make_files(target), paths.ROOT)
    return _Plan(target, source, command, environment, settings, objects_key)


def _make_files(target: Target) -> list[Path]:
    found = [path for path in target.inputs if path.name == "Makefile"]
    for folder in target.inputs:
        if folder.is_dir():
            found += [path for path in folder.rglob("*") if path.name == "Makefile"]
            found += folder.rglob("*.mk")
    return found


def _items(environment: dict[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in sorted(environment.items())]


@contextlib.contextmanager
def _locked(home: Path, progress: Progress) -> Iterator[IO[str]]:
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w", encoding="ascii") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                progress.tick("waiting for another build of this target")
                time.sleep(0.2)
        yield lock


def _make(plan: _Plan, lock: IO[str], progress: Progress) -> str:
    """Build from a copy of the inputs; returns the key of what was copied."""
    objects = plan.home / f"objects-{plan.objects_key}"
    marker = objects / _MARKER
    if marker.exists():
        shutil.rmtree(objects)
    objects.mkdir(parents=True, exist_ok=True)
    marker.touch()
    progress.say(f"building with MicroPython {plan.source.version}")
    copy = objects / _COPY
    key = plan.key_of(snapshot.update(copy, plan.target.inputs, paths.ROOT), copy)
    command = [_in_copy(word, copy) for word in plan.command]
    command += [f"BUILD={objects}", f"-j{os.cpu_count() or 1}"]
    status = _run(command, {**os.environ, **plan.environment}, objects, lock, progress)
    if status < 0:  # make was killed: the marker stays
        raise FirmwareError(f"make was ended by signal {-status}", "try again")
    marker.unlink()  # make has ended by itself: it removes what it could not finish
    if status != 0:
        raise FirmwareError(_failure(plan, objects / "build.log", copy))
    _publish(plan, key, objects, progress.elapsed_s)
    _prune(plan.home)
    progress.say(f"built in {progress.elapsed_s:.0f} s")
    return key


def _in_copy(word: str, copy: Path) -> str:
    """A word of the command with our own folder replaced by the copy's."""
    return word.replace(str(paths.FIRMWARE), str(copy / paths.FIRMWARE.relative_to(paths.ROOT)))


def _run(
    command: list[str],
    environment: dict[str, str],
    objects: Path,
    lock: IO[str],
    progress: Progress,
) -> int:
    """Run make, log its output, say how far it is. Returns its exit status."""
    steps = 0
    with (
        (objects / "build.log").open("w", encoding="utf-8") as log,
        subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # make holds the lock too: should this process be killed, nobody builds beside it.
            pass_fds=(lock.fileno(),),
        ) as make,
    ):
        try:
            for line in make.stdout or ():
                log.write(line)
                steps += line.startswith(("CC ", "AS ", "MPY ", "GEN ", "["))  # "[": ninja
                progress.tick(f"{steps} files compiled")
        except BaseException:
            make.terminate()
            raise
        return make.wait()


def _failure(plan: _Plan, log: Path, copy: Path) -> str:
    with log.open(encoding="utf-8") as lines:
        tail = deque(lines, maxlen=_LOG_LINES_SHOWN)
    shown = "".join(line if len(line) < 400 else f"{line[:400]}...\n" for line in tail)
    shown = shown.replace(str(copy), str(paths.ROOT))  # the user's own files, not the copy
    return f"{plan.target.name} did not build; all of make's output: {log}\n{shown}"


def _publish(plan: _Plan, key: str, objects: Path, seconds: float) -> None:
    final = plan.home / key
    with paths.scratch_beside(final) as scratch:
        result = scratch / "image"
        result.mkdir()
        for name in (*plan.target.outputs, "build.log"):
            produced = objects / name
            if produced.exists():
                shutil.copy2(produced, result / name)
        if not (result / plan.target.outputs[0]).is_file():
            raise FirmwareError(f"make ended well but left no {plan.target.outputs[0]}")
        notes = {
            "target": plan.target.name,
            "micropython": plan.source.version,
            "command": plan.command,
            "build_seconds": round(seconds, 1),
        }
        (result / "build.json").write_text(json.dumps(notes, indent=2) + "\n", encoding="utf-8")
        paths.publish(result, final)


def _prune(home: Path) -> None:
    """Keep the newest few images and object folders; what is being written starts with a dot."""
    folders = [path for path in home.iterdir() if path.is_dir() and path.name[0] != "."]
    folders.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    objects = [path for path in folders if path.name.startswith("objects-")]
    images = [path for path in folders if not path.name.startswith("objects-")]
    for path in objects[_OBJECTS_KEPT:] + images[_IMAGES_KEPT:]:
        shutil.rmtree(path, ignore_errors=True)
