# SPDX-License-Identifier: MIT OR Apache-2.0
"""Where the firmware tools read and write. Everything they write lies under `build/`."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
FIRMWARE = ROOT / "firmware"
PINS = FIRMWARE / "sources.toml"
DOWNLOADS = BUILD / "downloads"
SOURCES = BUILD / "sources"
APT_STATE = BUILD / "apt"
IMAGES = BUILD / "firmware"


@contextmanager
def scratch_beside(final: Path) -> Iterator[Path]:
    """A new directory on `final`'s file system, so that a rename into place is atomic.

    It is removed on the way out unless it was renamed. What a killed process leaves behind
    starts with a dot and is never taken for a result.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{final.name}.", dir=final.parent))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def publish(scratch: Path, final: Path) -> None:
    """Rename `scratch` to `final`. When another process was first, its result stands.

    Both processes worked from the same pinned or hashed inputs, so either result will do.
    """
    scratch.chmod(0o755)  # mkdtemp makes it private; a build tree is for every user of the machine
    try:
        os.rename(scratch, final)
    except OSError:
        if not final.is_dir():
            raise
