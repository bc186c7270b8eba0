# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rungs L1 and L3: the node's parts do on MicroPython exactly what they do on CPython."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from support.firmware_images import image
from tools.firmware.qemu import QemuBoard

HERE = Path(__file__).parent
PACKAGES = HERE.parents[1] / "firmware" / "micropython"
SCENARIOS = sorted((HERE / "scenarios").glob("node_*.py"))

pytestmark = pytest.mark.firmware


def transcript(*command: str) -> str:
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PYTHONPATH": str(PACKAGES)},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(params=SCENARIOS, ids=lambda path: path.stem)
def scenario(request: pytest.FixtureRequest) -> tuple[Path, str]:
    """A script, and what CPython makes it print."""
    expected = transcript(sys.executable, "-W", "error", str(request.param))
    assert len(expected.splitlines()) > 3
    return request.param, expected


@pytest.mark.parametrize("target", ["unix64", "unix32"])
def test_same_transcript_on_the_unix_port(target: str, scenario: tuple[Path, str]) -> None:
    script, expected = scenario
    assert transcript(str(image(target)), "-X", "heapsize=256K", str(script)) == expected


def test_same_transcript_on_a_cortex_m4(scenario: tuple[Path, str]) -> None:
    script, expected = scenario

    async def run() -> str:
        async with QemuBoard(image("qemu-an386")) as board:
            return await board.repl.exec(script.read_text(), timeout_s=60)

    assert asyncio.run(run()) == expected.rstrip("\n")
