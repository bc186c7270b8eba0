# SPDX-License-Identifier: MIT OR Apache-2.0
"""Reads `firmware/sources.toml`: which Debian packages, which versions, which SHA-256."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.firmware.errors import FirmwareError
from tools.firmware.paths import PINS

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+~_-]*\Z")
_KEYS = {"suite", "version", "kind", "package", "files"}


@dataclass(frozen=True)
class Pin:
    """One candidate of a source: an exact Debian version and the SHA-256 of each of its files."""

    name: str
    package: str
    suite: str
    version: str
    kind: str  # "source" or "binary"
    files: Mapping[str, str]  # file name -> SHA-256, lower-case hex

    @property
    def directory(self) -> str:
        """Name of the folder that the unpacked files get. It changes when any pinned hash does."""
        return f"{self.name}-{self.version}-{min(self.files.values())[:8]}"

    @property
    def source_control(self) -> str:
        """Name of the .dsc file of a source package."""
        return next(name for name in self.files if name.endswith(".dsc"))


@dataclass(frozen=True)
class Pins:
    """All of `firmware/sources.toml`."""

    source_date_epoch: int
    candidates: Mapping[str, tuple[Pin, ...]]  # source name -> candidates, best first

    def of(self, name: str) -> tuple[Pin, ...]:
        """Candidates of one source, best first. Raises FirmwareError for an unknown name."""
        if name not in self.candidates:
            known = ", ".join(sorted(self.candidates))
            raise FirmwareError(f"no source named {name!r}", f"known sources: {known}")
        return self.candidates[name]


def load(path: Path = PINS) -> Pins:
    """Read and check the pin file. Raises FirmwareError for anything out of place."""
    return parse(tomllib.loads(path.read_text(encoding="utf-8")))


def parse(document: Mapping[str, Any]) -> Pins:
    """The typed form of a decoded pin file. Raises FirmwareError for anything out of place."""
    epoch = document.get("source_date_epoch")
    if not isinstance(epoch, int):
        raise FirmwareError("sources.toml: source_date_epoch must be seconds since 1970")
    tables = {name: value for name, value in document.items() if name != "source_date_epoch"}
    candidates = {}
    for name, entries in tables.items():
        if not isinstance(entries, list):
            raise FirmwareError(f"sources.toml: {name} must be a [[{name}]] table")
        candidates[name] = tuple(_pin(name, entry) for entry in entries)
    return Pins(epoch, candidates)


def _pin(name: str, entry: Mapping[str, Any]) -> Pin:
    where = f"sources.toml: [[{name}]] {entry.get('version', '?')}"
    unknown = set(entry) - _KEYS
    if unknown:
        raise FirmwareError(f"{where}: unknown key {sorted(unknown)[0]!r}")
    missing = _KEYS - {"package"} - set(entry)
    if missing:
        raise FirmwareError(f"{where}: {sorted(missing)[0]!r} is missing")
    files = dict(entry["files"])
    for file_name, digest in files.items():
        if not _FILE_NAME.match(file_name):
            raise FirmwareError(f"{where}: {file_name!r} is not a plain file name")
        if not _SHA256.match(str(digest)):
            raise FirmwareError(f"{where}: {file_name} needs a SHA-256 in lower-case hex")
    suffix = {"source": ".dsc", "binary": ".deb"}.get(entry["kind"])
    if suffix is None:
        raise FirmwareError(f"{where}: kind must be 'source' or 'binary'")
    if sum(file_name.endswith(suffix) for file_name in files) != 1:
        raise FirmwareError(f"{where}: a {entry['kind']} package has exactly one {suffix} file")
    package = entry.get("package", name)
    return Pin(name, package, entry["suite"], entry["version"], entry["kind"], files)
