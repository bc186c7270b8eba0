# SPDX-License-Identifier: MIT OR Apache-2.0
"""pqmesh identity: a new key is made once, and its PeerId is the same wherever it is asked."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from pqmesh.identity import Identity
from pqmesh_host.cli.main import main
from pqmesh_host.crypto import HostCrypto
from pqmesh_host.identity_file import load_seed


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["identity", *arguments])


def test_new_makes_the_file_and_prints_the_name(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "me.seed"
    result = run("new", "--path", str(path))
    name = Identity(load_seed(path), HostCrypto()).peer_id.hex()
    assert result.exit_code == 0
    assert f"PeerId  {name}\n" in result.output
    assert f"short   {name[:16]}\n" in result.output
    assert "keep a copy" in result.output


def test_show_prints_the_same_name(tmp_path: Path) -> None:
    path = str(tmp_path / "me.seed")
    made = json.loads(run("new", "--path", path, "--json").output)
    shown = json.loads(run("show", "--path", path, "--json").output)
    assert made == shown
    assert made["path"] == path
    assert "keep a copy" not in run("show", "--path", path).output


def test_only_force_replaces_an_identity(tmp_path: Path) -> None:
    path = tmp_path / "me.seed"
    run("new", "--path", str(path))
    seed = path.read_bytes()
    assert run("new", "--path", str(path)).exit_code == 4
    assert path.read_bytes() == seed
    assert run("new", "--path", str(path), "--force").exit_code == 0
    assert path.read_bytes() != seed


def test_the_secret_is_never_printed(tmp_path: Path) -> None:
    path = tmp_path / "me.seed"
    result = run("new", "--path", str(path))
    assert path.read_bytes().hex() not in result.output
