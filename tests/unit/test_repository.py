# SPDX-License-Identifier: MIT OR Apache-2.0
"""What every file of this repository promises: licence, docstring, size, no machine's traces."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LICENCE = "SPDX-License-Identifier: MIT OR Apache-2.0"
SOURCE_SUFFIXES = {".py", ".c", ".h", ".mjs", ".js", ".sh", ".ld", ".S", ".s"}
FILE_LINES, TEST_FILE_LINES = 400, 500
FUNCTION_LINES, FUNCTION_P90 = 60, 30

# A registry's host or a developer's folder must be derived at run time, never written down.
REGISTRY_HOST = re.compile(
    r"(https?|git|ssh)://(deb|registry|proxy|static|files|index|security|snapshot|crates)[.a-z]"
)
MACHINE_PATH = re.compile(r"(^|[^A-Za-z0-9_.$])/(work|root|home/[a-z]+|tmp/[A-Za-z0-9_]+)/")


def tracked() -> list[Path]:
    try:
        listing = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listing.splitlines() if (ROOT / name).is_file()]


def sources() -> list[Path]:
    return [path for path in tracked() if path.suffix in SOURCE_SUFFIXES]


def text_of(path: Path) -> str:
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return ""


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def is_test(path: Path) -> bool:
    return "tests" in path.relative_to(ROOT).parts


def functions(path: Path) -> list[tuple[int, str]]:
    """(lines without the docstring, name) of every function in a Python file."""
    found = []
    for node in ast.walk(ast.parse(text_of(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            doc = node.body[0] if ast.get_docstring(node) else None
            if doc is not None:
                lines -= (doc.end_lineno or doc.lineno) - doc.lineno + 1
            found.append((lines, f"{relative(path)}:{node.name}"))
    return found


def test_every_source_file_states_its_licence() -> None:
    missing = [
        relative(path)
        for path in sources()
        if text_of(path).strip() and LICENCE not in "\n".join(text_of(path).splitlines()[:3])
    ]
    assert missing == []


def test_every_python_module_says_what_it_decides() -> None:
    missing = [
        relative(path)
        for path in sources()
        if path.suffix == ".py"
        and text_of(path).strip()
        and "scenarios" not in path.parts
        and ast.get_docstring(ast.parse(text_of(path))) is None
    ]
    assert missing == []


def test_no_file_grows_into_a_giant() -> None:
    limits = {True: TEST_FILE_LINES, False: FILE_LINES}
    giants = [
        f"{relative(path)}: {len(text_of(path).splitlines())}"
        for path in sources()
        if len(text_of(path).splitlines()) > limits[is_test(path)]
    ]
    assert giants == []


def test_no_function_grows_into_a_giant() -> None:
    sizes = sorted(size for path in sources() if path.suffix == ".py" for size in functions(path))
    assert [f"{name}: {lines}" for lines, name in sizes if lines > FUNCTION_LINES] == []
    assert sizes[len(sizes) * 9 // 10][0] <= FUNCTION_P90


def test_assert_never_carries_a_check() -> None:
    """`assert` vanishes under -O and in frozen board code, so it may not guard anything."""
    found = [
        f"{relative(path)}:{node.lineno}"
        for path in sources()
        if path.suffix == ".py" and not is_test(path)
        for node in ast.walk(ast.parse(text_of(path)))
        if isinstance(node, ast.Assert)
    ]
    assert found == []


@pytest.mark.parametrize("pattern", [REGISTRY_HOST, MACHINE_PATH], ids=["registry", "path"])
def test_no_machine_leaves_its_traces(pattern: re.Pattern[str]) -> None:
    found = [
        f"{relative(path)}:{number}"
        for path in tracked()
        if path.suffix != ".lock" and path != Path(__file__)
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_changelog_fragments_are_named_by_rule() -> None:
    rule = re.compile(r"^\d+-[a-z0-9-]+\.(feature|fix|removal)\.md$")
    bad = [
        p.name
        for p in (ROOT / "changes").glob("*.md")
        if not rule.match(p.name) and p.name != "README.md"
    ]
    assert bad == []


def test_decisions_are_numbered_once() -> None:
    files = sorted((ROOT / "docs/decisions").glob("*.md"))
    numbers = [path.name[:4] for path in files if path.name != "README.md"]
    assert all(number.isdigit() for number in numbers)
    assert len(numbers) == len(set(numbers))
