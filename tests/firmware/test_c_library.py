# SPDX-License-Identifier: MIT OR Apache-2.0
"""The plain C library on a Cortex-M3: cross-compiled by CMake, run in QEMU, no MicroPython."""

import subprocess
from pathlib import Path

import pytest

from support import c_library

pytestmark = [pytest.mark.firmware, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    c_library.need("cmake", "arm-none-eabi-gcc", "qemu-system-arm")
    toolchain = c_library.MPS2 / "toolchain.cmake"
    return c_library.build(tmp_path_factory.mktemp("m3"), f"-DCMAKE_TOOLCHAIN_FILE={toolchain}")


def run(program: Path) -> "subprocess.CompletedProcess[str]":
    command = ["qemu-system-arm", "-machine", "mps2-an385", "-display", "none"]
    command += ["-monitor", "none", "-semihosting-config", "enable=on,target=native"]
    return subprocess.run(
        [*command, "-kernel", str(program)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_example_prints_what_it_prints_on_the_host(example: Path) -> None:
    done = run(example)
    assert (done.returncode, done.stdout.splitlines()) == (0, c_library.expected_lines())


def test_the_library_itself_has_no_writable_static_data(example: Path) -> None:
    done = subprocess.run(
        ["arm-none-eabi-size", "--totals", str(example.parents[1] / "libpqc.a")],
        capture_output=True,
        text=True,
        check=True,
    )
    code, data, zero = (int(field) for field in done.stdout.splitlines()[-1].split()[:3])
    assert (data, zero) == (0, 0)
    assert code < 32 * 1024
