# SPDX-License-Identifier: MIT OR Apache-2.0
"""pqmesh send - have a board do something, and wait for its answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ...ops.requests import LONGEST_TIMEOUT_S, TIMEOUT_S
from ..context import (
    Context,
    config_option,
    control_socket,
    json_option,
    pass_context,
    socket_option,
)
from ..render import clean, short

REFUSED = 1
ANSWER_GRACE_S = 5.0
"""How much longer than the command may take we wait for our own node."""


@click.command()
@click.argument("command")
@click.argument("arguments", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--to", required=True, metavar="PEERID", help="Who: a PeerId, or its first digits.")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0, max=LONGEST_TIMEOUT_S, min_open=True),
    default=TIMEOUT_S,
    show_default=True,
    help="Seconds to wait for the reply.",
)
@config_option
@socket_option
@json_option
@pass_context
def send(
    context: Context,
    command: str,
    arguments: tuple[str, ...],
    to: str,
    timeout_s: float,
    config_path: Path,
    socket_path: Path | None,
    as_json: bool,
) -> None:
    """Have a board do COMMAND and wait for its answer.

    A VALUE is a number, true, false or other JSON; anything else is taken as text. The node
    that --config or --socket names carries the command. Exit code 1 when the board says no.

    \b
    Examples:
      pqmesh send --to 3f2a91c4 led on=true
      pqmesh send --to 3f2a91c4 interval ms=500 --timeout 30
    """
    values = dict(_pair(text) for text in arguments)
    socket = control_socket(context, config_path, socket_path)
    with context.client(socket) as client:
        answer = client.request(
            "send",
            answer_s=timeout_s + ANSWER_GRACE_S,
            to=to,
            command=command,
            args=values,
            timeout_s=timeout_s,
        )
    if as_json:
        context.print_json(answer)
    else:
        outcome = "done" if answer["ok"] else "refused"
        via = f" via {short(answer['via'])}" if answer["via"] != answer["from"] else ""
        click.echo(
            f"{outcome}: {clean(answer['result'])}   "
            f"{short(answer['from'])}{via}, {answer['ms']:,} ms"
        )
    if not answer["ok"]:
        raise click.exceptions.Exit(REFUSED)


def _pair(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="[NAME=VALUE]...")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
