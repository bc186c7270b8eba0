# SPDX-License-Identifier: MIT OR Apache-2.0
"""The CPython module ``pqc``, built when its sources have changed and imported.

Usage: ``from support.pqc_extension import pqc``. Where no C compiler is installed, the
importing test module is skipped, with the reason.
"""

import importlib.util
import sys
from types import ModuleType

import pytest

from tools.build_cpython_pqc import BuildError, build, compiler, python_include


def load() -> ModuleType:
    """Build and import the extension.

    :raises tools.build_cpython_pqc.BuildError: it cannot be built
    """
    if "pqc" in sys.modules:
        return sys.modules["pqc"]
    spec = importlib.util.spec_from_file_location("pqc", build())
    if spec is None or spec.loader is None:
        raise BuildError("the built extension is no importable module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules["pqc"] = module
    return module


def load_or_skip() -> ModuleType:
    """Like :func:`load`, but skip when the tools are missing. Bad sources still fail."""
    try:
        compiler()
        python_include()
    except BuildError as error:
        pytest.skip(str(error), allow_module_level=True)
    return load()


pqc = load_or_skip()
