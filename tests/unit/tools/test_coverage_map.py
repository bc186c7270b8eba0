# SPDX-License-Identifier: MIT OR Apache-2.0
"""The coverage map finds what is missing: the test file, a line, a branch."""

import pytest

from tools import coverage_map

SOURCE = "def sign(n):\n    if n < 0:\n        return -1\n    return 1\n"
HALF = """import sys
sys.path.insert(0, {root!r})
import part

def test():
    assert part.sign(1) == 1
"""


@pytest.fixture
def tree(tmp_path, monkeypatch):
    package, tests = tmp_path / "package", tmp_path / "tests"
    package.mkdir()
    tests.mkdir()
    for name, value in (("ROOT", tmp_path), ("PACKAGE", package), ("TESTS", tests)):
        monkeypatch.setattr(coverage_map, name, value)
    (package / "part.py").write_text(SOURCE)
    return tmp_path


def write_test(tree, text):
    (tree / "tests" / "test_part.py").write_text(text.format(root=str(tree / "package")))


def home(source, tree):
    return coverage_map.home_of_tests(source, tree / "package", tree / "tests")


def check(tree, monkeypatch):
    monkeypatch.setattr(
        coverage_map,
        "home_of_tests",
        lambda source: tree / "tests" / f"test_{source.name}",
    )
    return coverage_map.main([])


def test_tests_mirror_the_source(tree):
    assert home(tree / "package/a/b.py", tree) == tree / "tests/a/test_b.py"


def test_a_long_test_file_may_be_continued_but_not_by_anothers(tree):
    package, tests = tree / "package", tree / "tests"
    (package / "part_states.py").touch()
    for name in ("test_part.py", "test_part_more.py", "test_part_states.py", "test_other.py"):
        (tests / name).touch()
    found = coverage_map.companions(package / "part.py", tests / "test_part.py")
    assert [path.name for path in found] == ["test_part.py", "test_part_more.py"]


def test_a_missing_test_file_fails(tree, monkeypatch, capsys):
    assert check(tree, monkeypatch) == 1
    assert "part.py: has no tests/test_part.py" in capsys.readouterr().out


@pytest.mark.slow
def test_an_unreached_line_fails(tree, monkeypatch, capsys):
    write_test(tree, HALF)
    assert check(tree, monkeypatch) == 1
    assert "lines 3 and branches 2->3" in capsys.readouterr().out


@pytest.mark.slow
def test_full_coverage_passes(tree, monkeypatch, capsys):
    write_test(tree, HALF + "    assert part.sign(-1) == -1\n")
    assert check(tree, monkeypatch) == 0
    assert "1 files checked, 0 with gaps" in capsys.readouterr().out


@pytest.mark.slow
def test_failing_tests_are_a_gap_too(tree, monkeypatch, capsys):
    write_test(tree, HALF + "    assert False\n")
    assert check(tree, monkeypatch) == 1
    assert "test_part.py fails" in capsys.readouterr().out


def test_files_without_code_need_no_tests(tree, monkeypatch):
    (tree / "package" / "part.py").write_text(
        '"""Only words."""\n\nimport os\n\n__all__ = ("os",)\n'
    )
    assert check(tree, monkeypatch) == 0


def test_a_part_of_the_path_narrows_it_down(tree, capsys):
    assert coverage_map.main(["elsewhere"]) == 0
    assert "0 files checked" in capsys.readouterr().out


def test_a_report_of_another_kind_is_an_error():
    with pytest.raises(TypeError):
        coverage_map.missing({"missing_lines": 3, "missing_branches": []})
