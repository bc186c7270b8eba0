# SPDX-License-Identifier: MIT OR Apache-2.0
"""One file knows the runtime; here it is loaded as each of the two would."""

import importlib.util
import sys
import types

import pqmesh.compat


def load_afresh():
    spec = importlib.util.spec_from_file_location("compat_again", pqmesh.compat.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_cpython_gets_its_own_const():
    assert load_afresh().const(0x7E) == 0x7E


def test_micropython_gets_its_own_const(monkeypatch):
    builtin = types.ModuleType("micropython")
    builtin.const = lambda value: value + 1
    monkeypatch.setitem(sys.modules, "micropython", builtin)
    assert load_afresh().const(1) == 2


def test_dataclass_transform_leaves_the_class_alone():
    class Plain:
        pass

    assert pqmesh.compat.dataclass_transform()(Plain) is Plain


def test_type_checking_is_false_at_run_time():
    assert pqmesh.compat.TYPE_CHECKING is False
