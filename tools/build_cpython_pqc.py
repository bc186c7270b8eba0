# SPDX-License-Identifier: MIT OR Apache-2.0
"""Build the C crypto of ``firmware/c_pqc`` as the CPython module ``pqc``, for the tests.

The extension lands in ``build/cpython/<digest>/``, where the digest covers every source
file, the compiler, the flags and the interpreter; nothing is built twice. Run it with
``python -m tools.build_cpython_pqc``; it prints the path of the extension.

Needs a C compiler (``CC``, else ``cc``) and the interpreter's own headers.
"""

import argparse
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
C_PQC = ROOT / "firmware" / "c_pqc"
BUILD = ROOT / "build" / "cpython"

WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")
FLAGS = ("-std=c11", "-O2", "-g", "-fPIC", "-shared")


class BuildError(Exception):
    """The compiler is missing or refused the sources; the text says what to do."""


def compiler() -> list[str]:
    """Return the C compiler as a command, from ``CC`` or the system's ``cc``.

    :raises BuildError: there is none
    """
    command = shlex.split(os.environ.get("CC", "cc"))
    if not command or shutil.which(command[0]) is None:
        wanted = command[0] if command else "cc"
        raise BuildError(f"no C compiler: {wanted!r} not found; install gcc or set CC")
    return command


def python_include() -> Path:
    """Return the directory of ``Python.h``.

    :raises BuildError: the interpreter's headers are not installed
    """
    include = Path(sysconfig.get_paths()["include"])
    if not (include / "Python.h").is_file():
        raise BuildError(f"no Python.h in {include}; install the python3-dev package")
    return include


def sources() -> list[Path]:
    """Return every C file that goes into the extension, in a fixed order."""
    return [*sorted((C_PQC / "src").glob("*.c")), C_PQC / "bind_cpython" / "modpqc.c"]


def _command(output: Path) -> list[str]:
    includes = [f"-I{C_PQC / 'include'}", "-isystem", str(python_include())]
    files = [str(path) for path in sources()]
    return [*compiler(), *FLAGS, *WARNINGS, *includes, *files, "-o", str(output)]


def digest() -> str:
    """Return a short hash of everything the extension depends on."""
    state = hashlib.sha256()
    headers = sorted(C_PQC.glob("*/*.h"))
    for path in [*sources(), *headers]:
        state.update(path.relative_to(C_PQC).as_posix().encode() + b"\0")
        state.update(path.read_bytes() + b"\0")
    version = subprocess.run([*compiler(), "--version"], capture_output=True, check=True).stdout
    state.update(version + repr((FLAGS, WARNINGS, sys.version)).encode())
    return state.hexdigest()[:16]


def build() -> Path:
    """Build the extension unless an up-to-date one is there; return its path.

    Safe against a second build at the same time: the file appears whole or not at all.

    :raises BuildError: no compiler, no headers, or the compiler's own message
    """
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    target = BUILD / digest() / f"pqc{suffix}"
    if target.is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        output = Path(scratch) / target.name
        result = subprocess.run(_command(output), capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise BuildError(f"the compiler refused firmware/c_pqc:\n{result.stderr}")
        output.replace(target)
    return target


def main() -> int:
    """Build, print the path; exit status 1 with the reason when that fails."""
    argparse.ArgumentParser(description="Build the CPython module `pqc`.").parse_args()
    try:
        print(build())
    except BuildError as error:
        print(f"build_cpython_pqc: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
