# SPDX-License-Identifier: MIT OR Apache-2.0
"""pqmesh peer: its help is a configuration that works, and it wants no link."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pqmesh_host.cli import running
from pqmesh_host.cli.main import main
from pqmesh_host.config import parse


def test_the_example_in_the_help_is_a_valid_configuration() -> None:
    text = CliRunner().invoke(main, ["peer", "--help"]).output
    block = text.split("A configuration, complete:")[1].split("Options:")[0]
    lines = "\n".join(line.strip() for line in block.splitlines())
    config = parse(re.sub(r"<PeerId>", "a1" * 32, lines), Path("/etc/p.toml"))
    assert config.peer[0].address == ("127.0.0.1", 4433)


def test_it_runs_what_the_configuration_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[Any] = []
    monkeypatch.setattr(running, "run", lambda *arguments: ran.append(arguments))
    (tmp_path / "p.toml").write_text("")
    result = CliRunner().invoke(main, ["peer", "run", "--config", str(tmp_path / "p.toml")])
    assert result.exit_code == 0
    assert ran[0][0].link == ()


def test_it_opens_no_link(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text('[[link]]\ndevice = "x"\n')
    result = CliRunner().invoke(main, ["peer", "run", "--config", str(tmp_path / "p.toml")])
    assert result.exit_code == 3
    assert "pqmesh gateway run" in result.stderr
