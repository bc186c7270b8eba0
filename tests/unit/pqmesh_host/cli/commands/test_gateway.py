# SPDX-License-Identifier: MIT OR Apache-2.0
"""pqmesh gateway: its help is a configuration that works, and it wants a link."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pqmesh_host.cli import running
from pqmesh_host.cli.main import main
from pqmesh_host.config import Config, parse


def example_in_help(command: str) -> str:
    """The configuration shown by ``pqmesh <command> --help``."""
    text = CliRunner().invoke(main, [command, "--help"]).output
    block = text.split("A configuration, complete:")[1].split("Options:")[0]
    return re.sub(r"<PeerId>", "a1" * 32, "\n".join(line.strip() for line in block.splitlines()))


def test_the_example_in_the_help_is_a_valid_configuration() -> None:
    config = parse(example_in_help("gateway"), Path("/etc/g.toml"))
    assert config.link[0].device == "/dev/ttyACM0"
    assert config.quic.listen == ("127.0.0.1", 4433)
    assert config.named_peers == {b"\xa1" * 32}


def test_it_runs_what_the_configuration_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[Any] = []
    monkeypatch.setattr(running, "run", lambda *arguments: ran.append(arguments))
    path = tmp_path / "g.toml"
    path.write_text('[[link]]\ndevice = "/dev/ttyACM0"\n')
    result = CliRunner().invoke(main, ["gateway", "run", "--config", str(path), "--json"])
    assert result.exit_code == 0
    ((config, as_json),) = ran
    assert isinstance(config, Config)
    assert config.link[0].device == "/dev/ttyACM0"
    assert as_json is True


def test_it_wants_a_link(tmp_path: Path) -> None:
    (tmp_path / "g.toml").write_text("")
    result = CliRunner().invoke(main, ["gateway", "run", "--config", str(tmp_path / "g.toml")])
    assert result.exit_code == 3
    assert "names no [[link]]" in result.stderr
