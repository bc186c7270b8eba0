# SPDX-License-Identifier: MIT OR Apache-2.0
"""Shared options: which node a command talks to, and where its configuration comes from."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pqmesh_host.cli.context import (
    CONFIG_VARIABLE,
    Context,
    config_option,
    control_socket,
    json_option,
    pass_context,
    socket_option,
)
from pqmesh_host.config import ConfigError


@click.command()
@config_option
@socket_option
@json_option
@pass_context
def where(context: Context, config_path: Path, socket_path: Path | None, as_json: bool) -> None:
    click.echo(f"{control_socket(context, config_path, socket_path)} {as_json} {context.as_json}")


def ask(*arguments: str, variable: str | None = None) -> str:
    result = CliRunner().invoke(
        where, arguments, obj=Context(), env={CONFIG_VARIABLE: variable}, catch_exceptions=False
    )
    return result.output.strip()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "pqmesh.toml"
    path.write_text('[control]\nsocket = "here.sock"\n')
    return path


def test_the_configuration_names_the_node(config: Path) -> None:
    assert ask("--config", str(config)).startswith(str(config.parent / "here.sock"))


def test_the_variable_names_the_configuration(config: Path) -> None:
    assert ask(variable=str(config)).startswith(str(config.parent / "here.sock"))


def test_a_socket_is_taken_without_any_configuration() -> None:
    with pytest.raises(ConfigError):
        ask("--config", "none.toml")
    assert ask("--config", "none.toml", "--socket", "s.sock").startswith("s.sock")


def test_json_is_remembered_for_errors() -> None:
    assert ask("--socket", "s.sock", "--json") == "s.sock True True"
    assert ask("--socket", "s.sock") == "s.sock False False"
