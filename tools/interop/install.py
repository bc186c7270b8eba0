# SPDX-License-Identifier: MIT OR Apache-2.0
"""Installs released ant-quic binaries with cargo, locked, into build/interop/<version>.

A build takes minutes and several hundred crates; one that is there already is kept.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "interop"
PACKAGE = "ant-quic"
NEWEST = "newest"
VERSIONS = ("0.27.44", NEWEST)
"""The release the wire notes were written from, and whatever cargo finds newest."""


class CannotInstall(Exception):
    """There is no cargo, or it failed; says which log to read."""


def binary(version: str) -> Path:
    """Where the installed program of a version stands."""
    return BUILD / version / "bin" / PACKAGE


def install(version: str, *, env: Mapping[str, str] = os.environ) -> Path:
    """Return the program of ``version``, building it first if need be.

    :raises CannotInstall: what to do is in the message
    """
    program = binary(version)
    if program.exists():
        return program
    if shutil.which("cargo") is None:
        raise CannotInstall("cargo is not installed: install Rust 1.88 or later, then try again")
    BUILD.mkdir(parents=True, exist_ok=True)
    log = BUILD / f"{version}.log"
    command = ["cargo", "install", PACKAGE, "--locked", "--no-default-features"]
    command += ["--bin", PACKAGE, "--root", str(BUILD / version)]
    if version != NEWEST:
        command += ["--version", version]
    with log.open("w") as output:
        done = subprocess.run(
            command,
            env={**env, "CARGO_TARGET_DIR": str(BUILD / "target")},
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0 or not program.exists():
        raise CannotInstall(f"cargo could not build {PACKAGE} {version}: see {log}")
    return program


def release_of(program: Path) -> str:
    """What the program says its version is."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    return done.stdout.split()[-1]


def installed() -> list[str]:
    """The versions whose program is there, without building anything."""
    return [version for version in VERSIONS if binary(version).exists()]
