# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rung L3: MicroPython's own tests pass on our port, so that a failure of ours is ours."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.firmware_images import image
from tools.firmware import sources, targets

pytestmark = [pytest.mark.firmware, pytest.mark.nightly, pytest.mark.timeout(900)]

TARGET = "qemu-an385"
# Of extmod, what a node uses; the rest needs `unittest`, which Debian's source does not carry.
EXTMOD = "asyncio|binascii|hashlib|heapq|random|re_|select|time|uctypes|vfs_lfs"


@pytest.mark.parametrize(
    ("folders", "selection", "at_least"),
    [(["basics", "micropython"], [], 450), (["extmod"], ["-i", EXTMOD], 60)],
    ids=["language", "modules"],
)
def test_micropython_s_own_tests_pass(
    tmp_path: Path, folders: list[str], selection: list[str], at_least: int
) -> None:
    suite = sources.fetch("micropython") / "tests"
    emulator = (
        f"execpty:qemu-system-arm -machine {targets.named(TARGET).machine} -display none "
        "-monitor none -semihosting-config enable=on,target=native -serial pty "
        f"-kernel {image(TARGET)}"
    )
    command = [sys.executable, "run-tests.py", "-r", str(tmp_path), "-t", emulator]
    done = subprocess.run(
        [*command, *selection, "-d", *folders],
        cwd=suite,
        env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    passed = re.search(r"(\d+) tests passed", done.stdout)
    assert passed is not None, done.stdout[-2000:] + done.stderr[-2000:]
    assert "tests failed" not in done.stdout, done.stdout[-2000:]
    assert int(passed[1]) >= at_least
