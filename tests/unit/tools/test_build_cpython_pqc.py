# SPDX-License-Identifier: MIT OR Apache-2.0
"""The tool that builds the CPython extension: once, again on change, and clear when it fails."""

from pathlib import Path

import pytest

from tools import build_cpython_pqc as tool

SOURCE = "int pqc_nothing;\n"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for firmware/c_pqc that compiles in no time."""
    for folder in ("src", "include", "bind_cpython"):
        (tmp_path / "c_pqc" / folder).mkdir(parents=True)
    (tmp_path / "c_pqc" / "bind_cpython" / "modpqc.c").write_text(SOURCE)
    (tmp_path / "c_pqc" / "include" / "pqc.h").write_text("")
    monkeypatch.setattr(tool, "C_PQC", tmp_path / "c_pqc")
    monkeypatch.setattr(tool, "BUILD", tmp_path / "build")
    try:
        tool.compiler()
        tool.python_include()
    except tool.BuildError as error:
        pytest.skip(str(error))
    return tmp_path / "c_pqc"


def test_it_builds_once(tree: Path) -> None:
    first = tool.build()
    stamp = first.stat().st_mtime_ns
    assert tool.build() == first
    assert first.stat().st_mtime_ns == stamp


@pytest.mark.parametrize("changed", ["include/pqc.h", "bind_cpython/modpqc.c"])
def test_a_changed_source_or_header_is_another_build(tree: Path, changed: str) -> None:
    first = tool.build()
    (tree / changed).write_text(SOURCE + "\n")
    assert tool.build() != first
    assert first.is_file()  # another process may be using it


def test_the_compilers_complaint_is_passed_on_and_nothing_is_left(tree: Path) -> None:
    (tree / "src" / "bad.c").write_text("int main(void) { return nonsense; }\n")
    with pytest.raises(tool.BuildError, match="nonsense"):
        tool.build()
    assert not [path for path in tool.BUILD.rglob("*") if path.is_file()]


def test_a_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler -O2")
    with pytest.raises(tool.BuildError, match=r"'no-such-compiler' not found; install gcc"):
        tool.compiler()
    monkeypatch.setenv("CC", "")
    with pytest.raises(tool.BuildError, match="'cc' not found"):
        tool.compiler()


def test_missing_headers_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tool.sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    with pytest.raises(tool.BuildError, match="install the python3-dev package"):
        tool.python_include()


def test_the_command_prints_the_path_or_the_reason(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["build_cpython_pqc"])
    assert tool.main() == 0
    assert Path(capsys.readouterr().out.strip()).is_file()
    monkeypatch.setenv("CC", "no-such-compiler")
    assert tool.main() == 1
    assert "no C compiler" in capsys.readouterr().err
