# SPDX-License-Identifier: MIT OR Apache-2.0
"""No branch and no address of the KEM or the symmetric part depends on a secret (valgrind).

This looks at host code; ``test_target.py`` looks at what the cross-compilers make of it.
"""

import shutil
import subprocess
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from tools.build_cpython_pqc import C_PQC

MEMCHECK = Path("/usr/include/valgrind/memcheck.h")
ERROR = 99


def run(folder: Path, compiler: str, *flags: str) -> subprocess.CompletedProcess[str]:
    """Build the programme with secrets poisoned and run it under valgrind."""
    for programme in ("valgrind", compiler):
        if shutil.which(programme) is None:
            pytest.skip(f"{programme} is not installed")
    if not MEMCHECK.is_file():
        pytest.skip("valgrind's headers are not installed")
    image = folder / "poisoned"
    sources = [str(path) for path in sorted((C_PQC / "src").glob("*.c"))]
    config = '-DPQC_CONFIG_FILE="../tests/poison.h"'
    command = [compiler, "-std=c11", "-gdwarf-4", config, *flags, *sources]
    subprocess.run([*command, str(C_PQC / "tests" / "poisoned.c"), "-o", str(image)], check=True)
    return subprocess.run(
        ["valgrind", "--quiet", f"--error-exitcode={ERROR}", str(image)],
        capture_output=True,
        text=True,
        check=False,
    )


def slow(*values: str) -> ParameterSet:
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.parametrize("keccak", ["-DPQC_KECCAK_64", slow("-DPQC_KECCAK_BI")])
@pytest.mark.parametrize("level", ["-O2", slow("-O1"), slow("-O3"), slow("-Os")])
@pytest.mark.parametrize("compiler", ["gcc", slow("clang")])
def test_secrets_reach_no_branch_and_no_address(
    compiler: str, level: str, keccak: str, tmp_path: Path
) -> None:
    done = run(tmp_path, compiler, level, keccak)
    assert done.returncode == 0, done.stderr


def test_a_leak_is_found(tmp_path: Path) -> None:
    done = run(tmp_path, "gcc", "-O0", "-DLEAK")
    assert done.returncode == ERROR
    assert "depends on uninitialised value" in done.stderr
