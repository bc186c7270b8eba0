# SPDX-License-Identifier: MIT OR Apache-2.0
"""Downloads pinned Debian packages with apt, in a private state that leaves the system's alone.

Only the machine's mirror, its keys and its transport settings (proxies, credentials) are taken
over. Lists, caches and configuration live under `build/apt/`; no root is needed, nothing is
installed, no hook of the system's apt runs.
"""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.firmware import apt_sources, paths, toolchain
from tools.firmware.apt_sources import Repository
from tools.firmware.errors import FirmwareError
from tools.firmware.pins import Pin
from tools.firmware.progress import Progress

MIRROR_VARIABLE = "PQMESH_DEBIAN_MIRROR"
_MAX_MIRRORS = 3  # tried in turn; more would only make a broken network slower to report
_UPDATE_TIMEOUT_S = 300
_MIRROR_HINT = (
    f"set {MIRROR_VARIABLE} to the URI of a Debian mirror, "
    "or MICROPY_DIR to a MicroPython checkout (1.25 or 1.26)"
)


def mirrors() -> list[Repository]:
    """The machine's Debian mirrors, best first; the user's own choice wins.

    Raises FirmwareError when the machine has none (it is not Debian, or apt is not set up).
    """
    chosen = os.environ.get(MIRROR_VARIABLE)
    if chosen:
        return [Repository(chosen, ("sid",), ("main",), _archive_key())]
    found = apt_sources.debian_mirrors(_machine_repositories(), _codename())
    if not found:
        raise FirmwareError("this machine's apt sources name no Debian mirror", _MIRROR_HINT)
    return found[:_MAX_MIRRORS]


def download(pin: Pin, into: Path, progress: Progress) -> None:
    """Put the pinned package's files into `into`. Hashes are the caller's to check.

    Raises FirmwareError when no mirror has this version.
    """
    what = f"{pin.package} {pin.version}"
    _from_a_mirror(what, pin.suite, pin.kind, _fetch_command(pin), into, progress, _MIRROR_HINT)


def download_newest(packages: Sequence[str], suite: str, into: Path, progress: Progress) -> None:
    """Put the newest version of some binary packages of a suite into `into`.

    For programs to test against, which are not pinned: apt checks the archive's signature.
    Raises FirmwareError when no mirror has them.
    """
    _from_a_mirror(packages[0], suite, "binary", ["download", *packages], into, progress)


def _from_a_mirror(
    what: str,
    suite: str,
    kind: str,
    command: list[str],
    into: Path,
    progress: Progress,
    hint: str = "",
) -> None:
    """Let apt run `command` in `into` against each mirror in turn, until it succeeds."""
    toolchain.require(["apt-get"])
    problems = []
    for number, mirror in enumerate(mirrors()):
        state = paths.APT_STATE / f"{suite}-{kind}-{number}"
        environment = _prepare(state, mirror, suite, kind)
        progress.say(f"asking a Debian mirror for {what} ({suite})")
        try:
            _apt(environment, ["update"], into)
            _apt(environment, command, into)
        except FirmwareError as problem:
            problems.append(str(problem))
            continue
        return
    raise FirmwareError(f"{what} could not be had from {suite}:\n" + "\n".join(problems), hint)


def _fetch_command(pin: Pin) -> list[str]:
    wanted = f"{pin.package}={pin.version}"
    if pin.kind == "source":
        return ["source", "--download-only", "--only-source", wanted]
    return ["download", wanted]


def _prepare(state: Path, mirror: Repository, suite: str, kind: str) -> dict[str, str]:
    """Write the private configuration; returns the environment that makes apt use it."""
    for folder in ("lists/partial", "cache/archives/partial"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    types = "deb-src" if kind == "source" else "deb"
    sources = state / "mirror.sources"
    sources.write_text(mirror.stanza(suite, types), encoding="utf-8")
    configuration = state / "apt.conf"
    configuration.write_text(private_configuration(state, _machine_settings()), encoding="utf-8")
    return {**os.environ, "APT_CONFIG": str(configuration), "LC_ALL": "C"}


def private_configuration(state: Path, machine_settings: str) -> str:
    """The text of an apt.conf(5) that keeps everything under `state`.

    `machine_settings` is what `apt-config dump` prints; only its transport settings are kept.
    """
    settings = {
        "Dir::State": state,
        "Dir::State::lists": state / "lists",
        "Dir::State::status": state / "status",
        "Dir::Cache": state / "cache",
        "Dir::Etc::sourcelist": state / "mirror.sources",
        # Read after this file: pointed at nothing, so that no system hook or preference applies.
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::main": "/dev/null",
        "Dir::Etc::parts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        # A frozen mirror's Release file runs out. What is downloaded is pinned by SHA-256, so an
        # old index can withhold a version but never substitute one.
        "Acquire::Check-Valid-Until": "false",
        "Acquire::Languages": "none",
    }
    if os.geteuid() == 0:
        # apt would download as user _apt, who may not write into a tree that belongs to root.
        settings["APT::Sandbox::User"] = "root"
    kept = [line for line in machine_settings.splitlines() if _TRANSPORT.match(line)]
    return "\n".join([*kept, *(f'{key} "{value}";' for key, value in settings.items())]) + "\n"


_TRANSPORT = re.compile(r"Acquire::(http|https|ftp|tor|ForceIPv|Retries)\S* \"", re.IGNORECASE)


def _apt(environment: dict[str, str], command: list[str], cwd: Path) -> None:
    try:
        done = subprocess.run(
            ["apt-get", "-q", "-y", *command],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_UPDATE_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise FirmwareError(
            f"apt-get {command[0]} gave no answer in {_UPDATE_TIMEOUT_S} s"
        ) from None
    if done.returncode != 0:
        complaints = [line for line in done.stderr.splitlines() if line.startswith(("E:", "W:"))]
        raise FirmwareError(f"apt-get {command[0]}: " + " ".join(complaints[-3:]))


def _machine_settings() -> str:
    done = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False)
    return done.stdout


def _machine_repositories() -> Iterator[Repository]:
    etc = Path("/etc/apt")
    for path in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if path.suffix == ".sources":
            yield from apt_sources.parse_deb822(text)
        elif path.suffix == ".list":
            yield from apt_sources.parse_one_line(text)


def _codename() -> str:
    try:
        text = Path("/etc/os-release").read_text(encoding="utf-8")
    except OSError:
        return ""
    match = re.search(r"^VERSION_CODENAME=\"?([a-z]+)", text, re.MULTILINE)
    return match[1] if match else ""


def _archive_key() -> str:
    key = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
    return str(key) if key.is_file() else ""
