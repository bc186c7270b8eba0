# SPDX-License-Identifier: MIT OR Apache-2.0
"""pqmesh peer - take part in the QUIC mesh without any cable."""

from __future__ import annotations

from pathlib import Path

import click

from ...config import ConfigError
from .. import running
from ..context import Context, config_option, json_option, pass_context


@click.group()
def peer() -> None:
    """Take part in the QUIC mesh without any cable.

    \b
    A configuration, complete:
      [identity]
      path = "peer.seed"        # pqmesh identity new --path peer.seed

    \b
      [[peer]]                  # the gateway to join
      address = "127.0.0.1:4433"
      id = "<PeerId>"
    """


@peer.command()
@config_option
@json_option
@pass_context
def run(context: Context, config_path: Path, as_json: bool) -> None:
    """Run a peer in the foreground, printing the readings it receives.

    Commands are sent through it with `pqmesh send`, from another terminal.

    \b
    Example:
      pqmesh peer run --config peer.toml
    """
    config = context.load_config(config_path)
    if config.link:
        raise ConfigError(
            f"{config_path} names a [[link]], which a peer does not open.",
            "Run it with `pqmesh gateway run`, or take the link out.",
        )
    running.run(config, as_json)
