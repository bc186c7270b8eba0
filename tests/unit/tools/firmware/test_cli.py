# SPDX-License-Identifier: MIT OR Apache-2.0
"""The command line: results on standard output, errors that say what to do, exit codes."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.firmware import builder, cli, paths
from tools.firmware.errors import MissingTool


def test_list_names_every_target(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list"]) == 0
    assert "qemu-an386" in capsys.readouterr().out


def test_apt_packages_fit_on_a_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["apt-packages", "unix64", "qemu-an386"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert "gcc-arm-none-eabi" in out.split()


def test_an_unknown_target_is_an_error_with_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["build", "qemu"]) == 1
    assert "known targets: mpy-cross" in capsys.readouterr().err


def test_a_missing_tool_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*arguments: object) -> Path:
        raise MissingTool(["arm-none-eabi-gcc"], ["gcc-arm-none-eabi"])

    monkeypatch.setattr(builder, "build", missing)
    assert cli.main(["build", "qemu-an386"]) == 1
    captured = capsys.readouterr()
    assert "apt-get install gcc-arm-none-eabi" in captured.err
    assert captured.out == ""


def test_an_image_that_is_not_built_is_an_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder, "find", lambda name, heap_kb: None)
    assert cli.main(["image", "qemu-an386"]) == 1
    assert "tools.firmware build qemu-an386" in capsys.readouterr().err


def test_ctrl_c_ends_with_the_shell_s_status(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(builder, "build", interrupted)
    assert cli.main(["build", "qemu-an386"]) == 130


def test_it_needs_the_standard_library_only() -> None:
    """It sets the project up, so it must run before any package is installed."""
    code = "import tools.firmware.cli, tools.firmware.builder, sys; print(len(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, '.'); {code}"],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
