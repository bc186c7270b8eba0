# SPDX-License-Identifier: MIT OR Apache-2.0
"""pqmesh gateway - join boards on cables to the QUIC mesh."""

from __future__ import annotations

from pathlib import Path

import click

from ...config import ConfigError
from .. import running
from ..context import Context, config_option, json_option, pass_context


@click.group()
def gateway() -> None:
    """Join boards on cables to the QUIC mesh.

    \b
    A configuration, complete:
      [identity]
      path = "gateway.seed"     # pqmesh identity new --path gateway.seed

    \b
      [[link]]                  # once per cable
      device = "/dev/ttyACM0"
      expect = "<PeerId>"       # optional: the only board this cable carries

    \b
      [quic]
      listen = "127.0.0.1:4433"
      trust = ["<PeerId>"]      # who may connect and send commands

    \b
      [[peer]]                  # optional: whom to dial
      address = "mesh.example:4433"
      id = "<PeerId>"
    """


@gateway.command()
@config_option
@json_option
@pass_context
def run(context: Context, config_path: Path, as_json: bool) -> None:
    """Run a gateway in the foreground, printing what happens.

    Stops in order on Ctrl-C or SIGTERM (exit code 0). A cable that is pulled is reported and
    opened again when it is back.

    \b
    Example:
      pqmesh gateway run --config gateway.toml
    """
    config = context.load_config(config_path)
    if not config.link:
        raise ConfigError(
            f"{config_path} names no [[link]].",
            "Add one, or run a node without links with `pqmesh peer run`.",
        )
    running.run(config, as_json)
