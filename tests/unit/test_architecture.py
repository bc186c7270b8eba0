# SPDX-License-Identifier: MIT OR Apache-2.0
"""The import rules of docs/architecture.md, enforced."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHARED = ROOT / "firmware/micropython/pqmesh"
NODE = ROOT / "firmware/micropython/pqmesh_node"
HOST = ROOT / "host/pqmesh_host"

# Present on every board we support; compat.py alone may ask which runtime it is on.
SHARED_ALLOWED = {"binascii", "collections", "hashlib", "struct"}

# package of pqmesh_host -> prefixes of pqmesh_host it may import besides itself. `pqmesh` and the
# standard library are open to all; `node` is the composition root and may import everything.
# What an operator is told (errors) and what a node reports (events) are every package's words.
FOUNDATION = {"errors", "events"}
HOST_RULES: dict[str, set[str]] = {
    "errors": set(),
    "events": set(),
    "primitives": set(),
    "quic": {"crypto", "primitives"},
    "medium": {"transports.base", "transports.stream"},
    "mesh": {
        "config",
        "driver",
        "quic",
        "store",
        "transports.base",
        "waits",
    },  # it bridges the two worlds
    "transports": {"config"},
    "store": set(),
    "ops": {"config"},
    "driver": {"transports.base"},
    "waits": {"driver"},
    "endpoint": {"crypto", "driver", "transports.base", "waits"},
    "crypto": set(),
    "config": {"config_sections", "radio_check"},
    "config_values": set(),
    "config_sections": {"config_values"},
    "radio_check": {"config_sections"},
    "network_key": set(),
    "provision": {"config", "driver", "network_key", "store", "transports.base"},
    "identity_file": set(),
    "cli": {
        "config",
        "crypto",
        "identity_file",
        "medium",
        "node",
        "ops",
        "provision",
        "store",
        "transports",
    },
}


def python_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def typing_only(tree: ast.AST) -> set[ast.AST]:
    """The statements below `if TYPE_CHECKING:`; they never run, so they bind nobody."""
    inside: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            for statement in node.body:
                inside.update(ast.walk(statement))
    return inside


def imports(path: Path, package_root: Path) -> Iterator[str]:
    """Every module `path` imports at run time, relative imports resolved to full names."""
    tree = ast.parse(path.read_text())
    skipped = typing_only(tree)
    parts = path.relative_to(package_root.parent).with_suffix("").parts
    package = parts[:-1]
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            if node.level and node.module is None:
                yield from (f"{module}.{alias.name}" for alias in node.names)
            else:
                yield module


def names(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", python_files(SHARED), ids=names)
def test_shared_code_imports_only_what_every_board_has(path: Path) -> None:
    if path.name == "compat.py":
        return
    outside = {name for name in imports(path, SHARED) if name.split(".")[0] != "pqmesh"}
    assert outside <= SHARED_ALLOWED


@pytest.mark.parametrize("path", python_files(NODE), ids=names)
def test_board_code_never_imports_the_host(path: Path) -> None:
    assert not [name for name in imports(path, NODE) if name.split(".")[0] == "pqmesh_host"]


@pytest.mark.parametrize("path", python_files(HOST), ids=names)
def test_host_imports_point_one_way(path: Path) -> None:
    module = path.relative_to(HOST).with_suffix("").parts
    own = module[0]
    if own not in HOST_RULES:
        return
    for name in imports(path, HOST):
        parts = name.split(".")
        if parts[0] != "pqmesh_host" or len(parts) < 2 or parts[1] == own:
            continue
        target = ".".join(parts[1:])
        rules = HOST_RULES[own] | (set() if own in FOUNDATION else FOUNDATION)
        if own == "config" or "config" in rules:
            rules = rules | {"config_values", "config_sections"}
        allowed = any(target == rule or target.startswith(rule + ".") for rule in rules)
        assert allowed, f"{names(path)} may not import {name}"


@pytest.mark.parametrize("path", python_files(HOST), ids=names)
def test_nothing_imports_the_command_line(path: Path) -> None:
    if "cli" in path.relative_to(HOST).parts or path.name == "__main__.py":
        return
    assert not [name for name in imports(path, HOST) if name.startswith("pqmesh_host.cli")]


NESTING = 7
"""Modules of ours that import each other in one chain; with two more a 40 KB stack overflows."""

DEEPEST = """
import importlib.machinery as machinery
chain, deepest, load = [], [], machinery.SourceFileLoader.exec_module

def watched(self, module):
    chain.append(module.__name__)
    deepest[:] = max(deepest, chain, key=len)
    load(self, module)
    chain.pop()

machinery.SourceFileLoader.exec_module = watched
import pqmesh.engine
print(" ".join(deepest))
"""


def test_imports_do_not_nest_deeper_than_a_board_bears() -> None:
    """MicroPython spends over 3 KB of C stack on each import that is inside another."""
    done = subprocess.run(
        [sys.executable, "-c", DEEPEST],
        env={"PYTHONPATH": str(SHARED.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    deepest = done.stdout.split()
    assert 2 < len(deepest) <= NESTING, " -> ".join(deepest)


def test_the_rule_can_fail(tmp_path: Path) -> None:
    """The resolver sees a forbidden relative import for what it is."""
    package = tmp_path / "pqmesh_host" / "transports"
    package.mkdir(parents=True)
    bad = package / "bad.py"
    bad.write_text("from ..cli.main import main\nfrom . import base\n")
    assert list(imports(bad, tmp_path / "pqmesh_host")) == [
        "pqmesh_host.cli.main",
        "pqmesh_host.transports.base",
    ]
