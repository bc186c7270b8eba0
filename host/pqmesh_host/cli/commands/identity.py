# SPDX-License-Identifier: MIT OR Apache-2.0
"""pqmesh identity - make or show the key this node is known by."""

from __future__ import annotations

from pathlib import Path

import click

from pqmesh.identity import Identity, short

from ...config import IdentityConfig
from ...crypto import HostCrypto
from ...identity_file import create_seed, load_seed
from ..context import FOLDER, Command, Context, json_option, pass_context

DEFAULT_PATH = FOLDER / IdentityConfig().path


@click.group()
def identity() -> None:
    """Make or show the key this node is known by.

    An identity is one ML-DSA-65 key. Its PeerId is the node's name on every transport; whoever
    has the file is the node. Keep a copy of it in a safe place.
    """


def _path_option(command: Command) -> Command:
    return click.option(
        "--path",
        type=click.Path(dir_okay=False, path_type=Path),
        default=DEFAULT_PATH,
        show_default=True,
        help="The identity file: 32 secret octets, mode 0600.",
    )(command)


@identity.command()
@click.option("--force", is_flag=True, help="Destroy an identity that is already there.")
@_path_option
@json_option
@pass_context
def new(context: Context, path: Path, force: bool, as_json: bool) -> None:
    """Make a new identity and print its PeerId.

    \b
    Example:
      pqmesh identity new --path gateway.seed
    """
    _print(context, path, create_seed(path, force=force), as_json, made=True)


@identity.command()
@_path_option
@json_option
@pass_context
def show(context: Context, path: Path, as_json: bool) -> None:
    """Print the PeerId of an identity file.

    \b
    Give the PeerId to those who pin this node, as `expect`, `trust` or `id`:
      pqmesh identity show --path gateway.seed
    """
    _print(context, path, load_seed(path), as_json, made=False)


def _print(context: Context, path: Path, seed: bytes, as_json: bool, *, made: bool) -> None:
    peer_id = Identity(seed, HostCrypto()).peer_id
    if as_json:
        context.print_json({"peer": peer_id.hex(), "path": str(path)})
        return
    click.echo(f"PeerId  {peer_id.hex()}")
    click.echo(f"short   {short(peer_id)}")
    click.echo(f"file    {path}{' (new; keep a copy in a safe place)' if made else ''}")
