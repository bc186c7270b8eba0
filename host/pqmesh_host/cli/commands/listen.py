# SPDX-License-Identifier: MIT OR Apache-2.0
"""pqmesh listen - watch what a running node sees."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ...events import KINDS
from ..context import (
    Context,
    config_option,
    control_socket,
    json_option,
    pass_context,
    socket_option,
)
from ..render import console, event_line


@click.command()
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    metavar="KIND",
    type=click.Choice(sorted(KINDS)),
    help=f"Only events of this kind; may be repeated. Kinds: {', '.join(sorted(KINDS))}.",
)
@click.option("--from", "prefix", default="", help="Only events about PeerIds that begin so.")
@click.option("--count", type=click.IntRange(min=1), help="Stop after so many events.")
@config_option
@socket_option
@json_option
@pass_context
def listen(
    context: Context,
    kinds: tuple[str, ...],
    prefix: str,
    count: int | None,
    config_path: Path,
    socket_path: Path | None,
    as_json: bool,
) -> None:
    """Watch what a running node sees, as it happens.

    Ends when the node does, after --count events, or on Ctrl-C.

    \b
    Examples:
      pqmesh listen --kind reading
      pqmesh listen --kind reading --from 3f2a --count 5 --json
    """
    printed = console()
    with context.client(control_socket(context, config_path, socket_path)) as client:
        chosen = _chosen(client.events(), kinds, prefix.lower())
        for event in itertools.islice(chosen, count):
            if as_json:
                context.print_json(event)
            else:
                printed.print(event_line(event))


def _chosen(
    events: Iterator[dict[str, Any]], kinds: tuple[str, ...], prefix: str
) -> Iterator[dict[str, Any]]:
    for event in events:
        wanted = not kinds or event["event"] in kinds or event["event"] == "lost"
        if wanted and str(event.get("peer", "")).startswith(prefix):
            yield event
