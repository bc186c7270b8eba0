# SPDX-License-Identifier: MIT OR Apache-2.0
"""Builds the small Rust program that makes the real library ask us for ACK-v2 and probes."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from tools.interop.install import BUILD, CannotInstall

SOURCE = Path(__file__).parent / "asker"


def binary(release: str) -> Path:
    """Where the asker of this source, linked against a release, stands."""
    source = hashlib.sha256((SOURCE / "src" / "main.rs").read_bytes()).hexdigest()[:8]
    return BUILD / release / f"asker-{source}"


def build(release: str) -> Path:
    """Return the asker linked against ``release`` of ant-quic, building it if need be.

    :raises CannotInstall: cargo failed; says which log to read
    """
    program = binary(release)
    if program.exists():
        return program
    if shutil.which("cargo") is None:
        raise CannotInstall("cargo is not installed: install Rust 1.88 or later, then try again")
    copy = BUILD / f"asker-{release}"
    shutil.copytree(SOURCE, copy, dirs_exist_ok=True)
    manifest = copy / "Cargo.toml"
    manifest.write_text(re.sub(r'"=[\d.]+"', f'"={release}"', manifest.read_text()))
    log = BUILD / f"asker-{release}.log"
    with log.open("w") as output:
        done = subprocess.run(
            ["cargo", "build", "--release"],
            cwd=copy,
            env={**os.environ, "CARGO_TARGET_DIR": str(BUILD / "target")},
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    built = BUILD / "target" / "release" / "asker"
    if done.returncode != 0 or not built.exists():
        raise CannotInstall(f"cargo could not build the asker for {release}: see {log}")
    program.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(built, program)
    return program
