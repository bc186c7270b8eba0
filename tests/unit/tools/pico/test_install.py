# SPDX-License-Identifier: MIT OR Apache-2.0
"""The runner's packages: pinned, without a download address, installed once."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tools.firmware.errors import FirmwareError, MissingTool
from tools.pico import install

HERE = Path(install.__file__).parent


def test_the_lock_pins_versions_and_hashes_and_no_address() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert set(packages) == {"node_modules/rp2040js"}
    for entry in packages.values():
        assert entry["integrity"].startswith("sha512-")
        assert "resolved" not in entry
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]
    assert wanted == {"rp2040js": packages["node_modules/rp2040js"]["version"]}


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation folder of our own, with a lock file and nothing installed."""
    lock = tmp_path / "package-lock.json"
    lock.write_text("{}")
    (tmp_path / "node_modules").mkdir()
    monkeypatch.setattr(install, "_LOCK", lock)
    monkeypatch.setattr(install, "_STAMP", tmp_path / "node_modules" / ".stamp")
    return tmp_path


class Commands:
    """Stands in for subprocess.run: answers `node --version`, notes what else was run."""

    def __init__(self, node: str = "v20.1.0", npm_status: int = 0) -> None:
        self.node = node
        self.npm_status = npm_status
        self.npm_calls = 0

    def __call__(self, command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        if command[0] == "node":
            return subprocess.CompletedProcess(command, 0, f"{self.node}\n", "")
        self.npm_calls += 1
        return subprocess.CompletedProcess(command, self.npm_status, "", "npm: no registry")


def use(monkeypatch: pytest.MonkeyPatch, commands: Commands) -> Commands:
    monkeypatch.setattr(subprocess, "run", commands)
    monkeypatch.setattr(install.toolchain, "missing", lambda _: [])
    return commands


def test_packages_are_installed_once(stage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = use(monkeypatch, Commands())
    assert not install.installed()
    assert install.ensure() == install.RUNNER
    install.ensure()
    assert commands.npm_calls == 1
    assert install.installed()


def test_a_changed_lock_installs_again(stage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = use(monkeypatch, Commands())
    install.ensure()
    (stage / "package-lock.json").write_text('{"changed": true}')
    assert not install.installed()
    install.ensure()
    assert commands.npm_calls == 2


def test_the_stamp_is_the_one_the_shell_writes(
    stage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Commands())
    (stage / "node_modules" / ".stamp").write_text(hashlib.sha256(b"{}").hexdigest() + "  -\n")
    assert install.installed()


@pytest.mark.parametrize("version", ["v16.20.2", "", "broken"])
def test_an_old_node_is_refused(
    stage: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    use(monkeypatch, Commands(node=version))
    with pytest.raises(FirmwareError, match="needs 18"):
        install.ensure()


def test_npm_failing_is_told_and_leaves_no_stamp(
    stage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Commands(npm_status=1))
    with pytest.raises(FirmwareError, match="no registry"):
        install.ensure()
    assert not install.installed()


def test_missing_node_names_the_package(stage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install.toolchain, "missing", lambda programs: list(programs))
    with pytest.raises(MissingTool, match="node"):
        install.ensure()
