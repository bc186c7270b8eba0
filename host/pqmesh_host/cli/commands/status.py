# SPDX-License-Identifier: MIT OR Apache-2.0
"""pqmesh status - what a running node is connected to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from ..context import (
    Context,
    config_option,
    control_socket,
    json_option,
    pass_context,
    socket_option,
)
from ..render import clean, console, short, table


@click.command()
@config_option
@socket_option
@json_option
@pass_context
def status(context: Context, config_path: Path, socket_path: Path | None, as_json: bool) -> None:
    """Show what a running node is connected to.

    \b
    Examples:
      pqmesh status
      pqmesh status --json | jq .neighbours
    """
    with context.client(control_socket(context, config_path, socket_path)) as client:
        node = client.request("status")
    if as_json:
        context.print_json(node)
    else:
        _show(node)


def _show(node: dict[str, Any]) -> None:
    printed = console()
    printed.print(f"{clean(node['role'])} {clean(node['peer'])}")
    printed.print(f"quic on {clean(node['quic'])}, up {node['uptime_s']:,} s")
    if node["links"]:
        headings = ("link", "state", "octets in", "octets out", "bad frames", "pinned to")
        rows = [
            (
                link["name"],
                "open" if link["open"] else "waiting",
                f"{link['octets_in']:,}",
                f"{link['octets_out']:,}",
                f"{link['frames_bad'] + sum(link['refused'].values()):,}",
                short(link["expect"]) or "anyone",
            )
            for link in node["links"]
        ]
        printed.print(table("\nLinks", headings, rows))
        _show_handshakes(printed, node["links"])
        _show_airtime(printed, node["links"])
    connected = [
        (short(one["peer"]), one["over"], f"{one['age_s']:,} s", one["waiting"])
        for one in node["neighbours"]
    ]
    if connected:
        printed.print(table("\nConnected", ("peer", "over", "since", "waiting"), connected))
    else:
        printed.print("\nNobody is connected.")
    away = set(node["waiting"]) - {one["peer"] for one in node["neighbours"]}
    if away:
        kept = [(short(peer), node["waiting"][peer]) for peer in sorted(away)]
        printed.print(table("\nMessages kept for nodes that are away", ("peer", "kept"), kept))


def _show_handshakes(printed: Console, links: list[dict[str, Any]]) -> None:
    counts = [(link["name"], link.get("handshakes", {})) for link in links]
    rows = [
        (name, found["finished"], found["resumed"], found["failed"])
        for name, found in counts
        if found
    ]
    if rows:
        headings = ("link", "sessions opened", "of these resumed", "handshakes failed")
        printed.print(table("\nHandshakes since the start", headings, rows))


def _show_airtime(printed: Console, links: list[dict[str, Any]]) -> None:
    rows = [
        (
            link["name"],
            found["where"],
            f"{found['used_ms'] / 1000:,.1f} of {found['budget_ms'] / 1000:,g} s",
            f"{found['window_ms'] / 1000:,g} s",
            f"in {found['next_in_ms'] / 1000:,.0f} s" if found["next_in_ms"] else "now",
            found["dropped"],
        )
        for link in links
        if (found := link.get("airtime"))
    ]
    if rows:
        headings = ("link", "band", "sent", "in the last", "next possible", "frames dropped")
        printed.print(table("\nAirtime", headings, rows))
