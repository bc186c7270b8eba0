# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every property of constrained-design 5.6 has a test with its number, and the page says where."""

import ast
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "handshake.md").read_text()
PROPERTIES = 17
NUMBERED = re.compile(r"test_(?:property_)?(\d\d)_")


def numbered_tests() -> dict[int, set[str]]:
    """Property number -> files under tests/ that have a test function with it."""
    found: defaultdict[int, set[str]] = defaultdict(set)
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            match = NUMBERED.match(node.name) if named else None
            if match:
                found[int(match[1])].add(path.relative_to(ROOT / "tests").as_posix())
    return dict(found)


def table() -> dict[int, set[str]]:
    part = PAGE.split("## Properties, and where they are tested")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (\d+) \|[^|]*\|([^|]*)\|$", part, re.MULTILINE)
    return {int(number): set(re.findall(r"`([^`]+)`", files)) for number, files in rows}


def test_every_property_has_a_test_with_its_number() -> None:
    assert sorted(numbered_tests()) == list(range(1, PROPERTIES + 1))


def test_the_page_says_where_each_is_tested() -> None:
    assert table() == numbered_tests()
