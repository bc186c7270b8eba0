# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every scenario prints the same on CPython and on each MicroPython there is: rungs L1 to L3.

CPython's transcript is the expected one; it is also kept in tests/vectors, so that a change of
the wire or of a timer shows up as a reviewed difference.
"""

import asyncio
import pathlib
import shutil
import subprocess
import sys

import pytest

from support import firmware_images

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[2]
PACKAGE = ROOT / "firmware/micropython"
TESTS = ROOT / "tests"
RUNNER = TESTS / "support/upy.mjs"
NODE_MODULES = TESTS / "support/wasm/node_modules"
TRANSCRIPTS = TESTS / "vectors/scenarios"
SCENARIOS = sorted(HERE.glob("scenarios/*.py"))
HEAPS = {"unix64": "384K", "unix32": "256K"}  # both ends in one; words of 64 bits need more
SUPPORT = ("model_crypto", "scenario", "broadcast")

scenarios = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)


def transcript(*command, **environment):
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=environment
    )
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr
    return done.stdout


def expected(scenario):
    return (TRANSCRIPTS / f"{scenario.stem}.txt").read_text()


def on_cpython(scenario):
    paths = f"{PACKAGE}:{TESTS}"
    return transcript(sys.executable, "-W", "error", str(scenario), PYTHONPATH=paths)


@scenarios
def test_cpython_prints_what_is_kept(scenario):
    assert len(expected(scenario).splitlines()) > 5
    assert on_cpython(scenario) == expected(scenario)


def test_no_transcript_without_its_scenario():
    assert {path.stem for path in TRANSCRIPTS.glob("*.txt")} == {path.stem for path in SCENARIOS}


@pytest.mark.firmware
@scenarios
def test_wasm_agrees(scenario):
    node = shutil.which("node")
    if node is None or not NODE_MODULES.is_dir():
        pytest.skip("no MicroPython for wasm: run `npm ci` in tests/support/wasm (needs node)")
    printed = transcript(node, str(RUNNER), "256", str(scenario), str(PACKAGE), str(TESTS))
    assert printed == expected(scenario)


@pytest.mark.firmware
@pytest.mark.timeout(300)
@scenarios
@pytest.mark.parametrize("target", ["unix64", "unix32"])
def test_unix_agrees(scenario, target):
    micropython = str(firmware_images.image(target))
    command = (micropython, "-X", f"heapsize={HEAPS[target]}", str(scenario))
    assert transcript(*command, MICROPYPATH=f".frozen:{TESTS}") == expected(scenario)


def self_contained(scenario):
    """The scenario as one text for a board without files: its support modules come with it."""
    lines = ["import sys", "class Module: pass", "sys.modules['support'] = Module()"]
    for name in SUPPORT:
        source = (TESTS / f"support/{name}.py").read_text().replace("from .", "from support.")
        lines += [
            f"space = {{'__name__': 'support.{name}'}}",
            f"exec({source!r}, space)",
            "module = Module()",
            "for key in space: setattr(module, key, space[key])",
            f"sys.modules['support.{name}'] = module",
            "del space",
        ]
    return "\n".join([*lines, scenario.read_text()])


@pytest.mark.firmware
@pytest.mark.timeout(600)
def test_a_cortex_m4_agrees():
    from tools.firmware.qemu import QemuBoard

    # Both ends, and the sources of the scenario, share one heap: more than a board's 128 KB.
    image = firmware_images.image("qemu-an386", heap_kb=512)

    async def run(scenario):
        async with QemuBoard(image) as board:
            return await board.repl.exec(self_contained(scenario), timeout_s=240)

    for scenario in SCENARIOS:
        printed = asyncio.run(run(scenario))
        assert printed.strip() == expected(scenario).strip(), scenario.stem
