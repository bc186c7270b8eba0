# SPDX-License-Identifier: MIT OR Apache-2.0
"""What every command may ask for: the configuration, a client of the node, where output goes.

Also the options that mean the same everywhere, written once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ..config import Config, load
from ..ops.control_client import ControlClient

Command = TypeVar("Command", bound=Callable[..., Any])

CONFIG_VARIABLE = "PQMESH_CONFIG"
FOLDER = Path(click.get_app_dir("pqmesh"))
DEFAULT_CONFIG = FOLDER / "pqmesh.toml"


class Context:
    """Handed to every command. Tests put a different one in ``ctx.obj``."""

    def __init__(self) -> None:
        self.as_json = False

    def load_config(self, path: Path) -> Config:
        """Read and check the configuration file."""
        return load(path)

    def client(self, socket: Path) -> ControlClient:
        """A client of the node whose control socket this is; connects on its first request."""
        return ControlClient(socket)

    def print_json(self, value: Any) -> None:
        """One JSON document, on one line."""
        click.echo(json.dumps(value))


pass_context = click.make_pass_decorator(Context)


def config_option(command: Command) -> Command:
    """``--config``: the file that describes the node."""
    return click.option(
        "--config",
        "config_path",
        type=click.Path(dir_okay=False, path_type=Path),
        default=DEFAULT_CONFIG,
        envvar=CONFIG_VARIABLE,
        show_default=True,
        help=f"The node's configuration file. The variable {CONFIG_VARIABLE} sets it too.",
    )(command)


def socket_option(command: Command) -> Command:
    """``--socket``: a running node, named directly instead of by its configuration."""
    return click.option(
        "--socket",
        "socket_path",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Talk to the node with this control socket, instead of the one --config names.",
    )(command)


def json_option(command: Command) -> Command:
    """``--json``: for scripts. The names stay; new ones may be added."""
    return click.option(
        "--json",
        "as_json",
        is_flag=True,
        callback=_note_json,
        help="Print JSON, one document per line; errors too. Names stay, new ones may come.",
    )(command)


def control_socket(context: Context, config_path: Path, socket_path: Path | None) -> Path:
    """The control socket to talk to: the one named, or the configuration's."""
    return socket_path or context.load_config(config_path).control.socket


def _note_json(ctx: click.Context, _parameter: click.Parameter, value: bool) -> bool:
    context = ctx.find_object(Context)
    if context is not None and value:
        context.as_json = True  # the error handler in main.py asks
    return value
