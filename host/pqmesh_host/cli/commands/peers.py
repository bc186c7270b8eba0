# SPDX-License-Identifier: MIT OR Apache-2.0
"""pqmesh peers - where a running node has reached QUIC peers before."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from ..context import (
    Context,
    config_option,
    control_socket,
    json_option,
    pass_context,
    socket_option,
)
from ..render import clean, console, short, table

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400


@click.command()
@click.option("--forget", metavar="PEERID", help="Forget where this one was reached.")
@config_option
@socket_option
@json_option
@pass_context
def peers(
    context: Context,
    forget: str | None,
    config_path: Path,
    socket_path: Path | None,
    as_json: bool,
) -> None:
    """Show where a running node has reached QUIC peers, the most promising address first.

    A peer comes in when it has proved its identity there. A [[peer]] with an id and no address
    is dialled at these; one with an address is dialled at them when nobody answers there. An
    address counts for less the longer ago it worked, and is forgotten after 60 days or 20
    failures in a row.

    \b
    Examples:
      pqmesh peers
      pqmesh peers --json
      pqmesh peers --forget 3f0c
    """
    with context.client(control_socket(context, config_path, socket_path)) as client:
        if forget is None:
            answer = client.request("peers")
        else:
            answer = client.request("forget", peer=forget)
    if as_json:
        context.print_json(answer)
    elif forget is None:
        _show(answer, time.time())
    else:
        click.echo(f"forgot {answer['addresses']} address(es) of {short(answer['peer'])}")


def _show(known: list[dict[str, Any]], now_s: float) -> None:
    printed = console()
    if not known:
        printed.print("This node has reached nobody over QUIC yet.")
        return
    headings = ("peer", "address", "how", "worked/failed", "last")
    rows = [
        (
            short(one["peer"]),
            clean(one["address"]),
            one["how"],
            f"{one['successes']}/{one['failures']}",
            "connected" if one["connected"] else _ago(now_s - one["success_s"]),
        )
        for one in known
    ]
    printed.print(table("Known addresses", headings, rows))


def _ago(seconds: float) -> str:
    for unit_s, name in ((DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "min")):
        if seconds >= unit_s:
            return f"{int(seconds // unit_s)} {name} ago"
    return "just now"
