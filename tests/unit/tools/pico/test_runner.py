# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs the runner's own unit tests (*.test.mjs, beside this file) under node."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tools.pico import install

HERE = Path(__file__).parent


def test_the_runner_passes_its_own_tests() -> None:
    if shutil.which("node") is None or not install.installed():
        pytest.skip("needs node and the packages of tools/pico (./tools/test --pico sets them up)")
    files = sorted(str(path) for path in HERE.glob("*.test.mjs"))
    done = subprocess.run(
        ["node", "--test", *files], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    passed = re.search(r"^# pass (\d+)$", done.stdout, re.MULTILINE)
    assert passed is not None
    assert int(passed[1]) >= len(files)
