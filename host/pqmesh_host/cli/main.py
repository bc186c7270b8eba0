# SPDX-License-Identifier: MIT OR Apache-2.0
"""Entry point. Adding a command is one import and one line in COMMANDS.

The one place where an error becomes advice and an exit code; the codes stand in errors.py.
"""

from __future__ import annotations

import importlib.metadata
import json

import click

from ..errors import OperatorError
from .commands.gateway import gateway
from .commands.identity import identity
from .commands.listen import listen
from .commands.medium import medium
from .commands.node import node
from .commands.peer import peer
from .commands.peers import peers
from .commands.provision import provision_command
from .commands.send import send
from .commands.status import status
from .context import Context

COMMANDS: tuple[click.Command, ...] = (
    identity,
    gateway,
    peer,
    node,
    provision_command,
    send,
    listen,
    status,
    peers,
    medium,
)
INTERRUPTED = 130


class Main(click.Group):
    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except OperatorError as error:
            context = ctx.find_object(Context)
            _advise(error, context is not None and context.as_json)
            raise click.exceptions.Exit(error.exit_code) from error
        except KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED) from None


def _advise(error: OperatorError, as_json: bool) -> None:
    """Say on standard error what is wrong and what to do about it."""
    if as_json:
        told = {"message": error.message, "advice": error.advice, "code": error.exit_code}
        click.echo(json.dumps({"error": told}), err=True)
        return
    click.echo(f"Error: {error.message}", err=True)
    if error.advice:
        click.echo(f"  {error.advice}", err=True)


EPILOG = """\b
Exit codes:
  0 done                         5 a link's device cannot be opened
  1 refused                      6 a port or address is taken
  2 wrong usage                  7 no node answers on the control socket
  3 configuration file           8 state database
  4 identity file                9 no reply in time
  130 interrupted
"""


@click.group(
    name="pqmesh",
    cls=Main,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(importlib.metadata.version("pqmesh"), prog_name="pqmesh")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Operate a post-quantum mesh of boards and QUIC peers.

    \b
    The first steps:
      pqmesh identity new                        make this node's key
      pqmesh gateway --help                      see a complete configuration
      pqmesh gateway run --config gateway.toml   join your boards to the mesh
    """
    ctx.obj = ctx.obj or Context()


for command in COMMANDS:
    main.add_command(command)


if __name__ == "__main__":
    main()
