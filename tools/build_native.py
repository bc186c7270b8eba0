# SPDX-License-Identifier: MIT OR Apache-2.0
"""Build the C crypto of ``firmware/c_pqc`` for this machine, as a provider of the host.

    python -m tools.build_native             build into build/native and print the path
    python -m tools.build_native --install   put it beside pqmesh_host.primitives, which uses it

The same sources and binding as ``tools.build_cpython_pqc``, optimised for speed: that one is
for tests, keeps its symbols and assertions about warnings, and signs a third slower. Nothing
is asked of the processor beyond its architecture's baseline (`-march=native` gained nothing),
and -O3 is among the levels at which valgrind finds no secret in a branch or an address
(tests/unit/c_pqc/test_poisoned.py).
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from types import ModuleType

from tools.build_cpython_pqc import C_PQC, ROOT, BuildError, compiler, python_include, sources

BUILD = ROOT / "build" / "native"
PACKAGE = ROOT / "host" / "pqmesh_host" / "primitives"
FLAGS = ("-std=c11", "-O3", "-DNDEBUG", "-fPIC", "-shared", "-s")
NAME = "pqc"


def file_name() -> str:
    """What this interpreter calls an extension module ``pqc``."""
    return f"{NAME}{sysconfig.get_config_var('EXT_SUFFIX')}"


def build(folder: Path = BUILD) -> Path:
    """Build anew into ``folder``; return the extension's path.

    :raises BuildError: no compiler, no headers, or the compiler's own message
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / file_name()
    includes = [f"-I{C_PQC / 'include'}", "-isystem", str(python_include())]
    files = [str(path) for path in sources()]
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        output = Path(scratch) / target.name
        command = [*compiler(), *FLAGS, *includes, *files, "-o", str(output)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BuildError(f"the compiler refused firmware/c_pqc:\n{done.stderr}")
        output.replace(target)
    return target


def load() -> ModuleType:
    """Build and import the extension, without installing it.

    :raises BuildError: as ``build``
    """
    spec = importlib.util.spec_from_file_location(NAME, build())
    if spec is None or spec.loader is None:
        raise BuildError("the built extension is no importable module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def install(built: Path) -> Path:
    """Put the extension where pqmesh_host looks; a process that has the old one keeps it."""
    target = PACKAGE / built.name
    fresh = shutil.copy2(built, target.with_suffix(".new"))
    return Path(fresh).replace(target)


def main(arguments: list[str] | None = None) -> int:
    """Build, print the path; exit status 1 with the reason when that fails."""
    parser = argparse.ArgumentParser(
        description="Build the host's native provider of ML-KEM and ML-DSA."
    )
    parser.add_argument("--install", action="store_true", help="for pqmesh_host to use")
    options = parser.parse_args(arguments)
    try:
        built = build()
    except BuildError as error:
        print(f"build_native: {error}", file=sys.stderr)
        return 1
    if options.install:
        built = install(built)
    print(built)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
