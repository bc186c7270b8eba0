# SPDX-License-Identifier: MIT OR Apache-2.0
"""Gets what the runner imports, once: exactly the versions and hashes of package-lock.json."""

import fcntl
import hashlib
import subprocess
from pathlib import Path

from tools.firmware import toolchain
from tools.firmware.errors import FirmwareError
from tools.firmware.progress import Progress

HERE = Path(__file__).resolve().parent
RUNNER = HERE / "runner.mjs"
_LOCK = HERE / "package-lock.json"
_MODULES = HERE / "node_modules"
_STAMP = _MODULES / ".pqmesh-stamp"  # shared with setup_npm in tools/lib/setup.sh
_OLDEST_NODE = 18
_TIMEOUT_S = 300


def installed() -> bool:
    """Whether node_modules/ holds what the lock file asks for."""
    return _STAMP.is_file() and _STAMP.read_text(encoding="ascii").strip() == _wanted()


def ensure(progress: Progress | None = None) -> Path:
    """Path of runner.mjs, ready to be run by node.

    Raises MissingTool without node or npm, FirmwareError when the packages cannot be had.
    """
    toolchain.require(["node"])
    _check_node()
    if not installed():
        toolchain.require(["npm"])
        with _LOCK.open(encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # npm may not run twice in one folder
            if not installed():
                (progress or Progress("pico runner")).say("installing rp2040js from npm")
                _npm_ci()
                _STAMP.write_text(_wanted() + "\n", encoding="ascii")
    return RUNNER


def _npm_ci() -> None:
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(
            command, cwd=HERE, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise FirmwareError(f"npm gave no answer in {_TIMEOUT_S} s") from None
    if done.returncode != 0:
        raise FirmwareError(
            f"npm ci failed: {done.stderr.strip()[-400:]}",
            "the runner needs the npm registry once; see `npm config get registry`",
        )


def _wanted() -> str:
    """What `sha256sum <package-lock.json` prints."""
    return hashlib.sha256(_LOCK.read_bytes()).hexdigest() + "  -"


def _check_node() -> None:
    done = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
    major = done.stdout.strip().removeprefix("v").partition(".")[0]
    if not major.isdigit() or int(major) < _OLDEST_NODE:
        raise FirmwareError(
            f"node is {done.stdout.strip() or 'broken'}, the runner needs {_OLDEST_NODE} or newer",
            "Debian 12 and Ubuntu 24.04 package a new enough one: apt-get install nodejs npm",
        )
