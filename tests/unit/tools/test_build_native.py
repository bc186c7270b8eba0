# SPDX-License-Identifier: MIT OR Apache-2.0
"""Our C as the host's provider: built, put in place at once or not at all."""

from pathlib import Path

import pytest

from tools import build_native
from tools.build_cpython_pqc import BuildError


def test_what_is_built_is_put_in_place_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package = tmp_path / "package"
    package.mkdir()
    old = package / build_native.file_name()
    old.write_bytes(b"the one before")
    monkeypatch.setattr(build_native, "PACKAGE", package)
    monkeypatch.setattr(build_native, "BUILD", tmp_path / "build")
    with old.open("rb") as held:  # as by a process that has it loaded
        assert build_native.main(["--install"]) == 0
        assert held.read() == b"the one before"
    assert capsys.readouterr().out.strip() == str(old)
    assert [path.name for path in package.iterdir()] == [build_native.file_name()]
    assert old.read_bytes()[:4] == b"\x7fELF"


def test_without_a_compiler_the_reason_is_told_and_nothing_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def compiler() -> list[str]:
        raise BuildError("no C compiler: apt-get install gcc")

    monkeypatch.setattr(build_native, "PACKAGE", tmp_path)
    monkeypatch.setattr(build_native, "compiler", compiler)
    assert build_native.main(["--install"]) == 1
    assert "apt-get install gcc" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
