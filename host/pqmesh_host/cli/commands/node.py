# SPDX-License-Identifier: MIT OR Apache-2.0
"""pqmesh node - run the board's own program on this machine, as a simulated board."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import functools
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from pqmesh.engine.events import Delivered, Established, Lost, Refused
from pqmesh.identity import short
from pqmesh.limits import SERIAL_LINK
from pqmesh.record import Record

from ...config_values import peer_id, socket_address
from ...crypto import HostCrypto
from ...errors import AddressUnavailable, OperatorError
from ...events import plain
from ..context import Context, json_option, pass_context
from ..render import clean, console


@click.group()
def node() -> None:
    """Run the board's own program on this machine, as a simulated board.

    It is the program the boards run (pqmesh_node), under this Python instead of MicroPython,
    with a unix socket for a cable: the gateway's link then has device = "unix:///path".
    """


def _socket_path(_ctx: click.Context, _parameter: click.Parameter, value: str) -> str:
    try:
        address = socket_address(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    if not isinstance(address, str):
        raise click.BadParameter("a simulated board offers a unix socket: unix:///path")
    return address


def _peer_id(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> bytes | None:
    if value is None:
        return None
    try:
        return peer_id(value, Path())
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@node.command()
@click.option(
    "--listen",
    "path",
    required=True,
    metavar="unix:///PATH",
    callback=_socket_path,
    help="Where the gateway plugs in: unix:///path/to/socket.",
)
@click.option(
    "--state",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The board's flash: a folder for its identity and settings; made when missing.",
)
@click.option(
    "--interval-ms",
    type=click.IntRange(100, 86_400_000),
    help="Milliseconds between two rounds of readings.",
)
@click.option(
    "--expect",
    metavar="PEERID",
    callback=_peer_id,
    help="The gateway this board belongs to. Without it the board obeys no command.",
)
@json_option
@pass_context
def run(
    context: Context,
    path: str,
    folder: Path,
    interval_ms: int | None,
    expect: bytes | None,
    as_json: bool,
) -> None:
    """Run a simulated board in the foreground, printing what it does.

    Its identity is made at the first start and kept in the --state folder, as on a board.

    \b
    Example:
      pqmesh node run --listen unix:///run/b.sock --state board \\
                      --expect <PeerId>
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise OperatorError(
            f"Cannot make {folder}: {error.strerror}.", "Choose another --state."
        ) from error
    changes: dict[str, Any] = {"autostart": False}
    if interval_ms is not None:
        changes["interval_ms"] = interval_ms
    if expect is not None:
        changes["expect"] = expect
    asyncio.run(_serve(context, path, folder, changes, as_json))


async def _serve(
    context: Context, path: str, folder: Path, changes: dict[str, Any], as_json: bool
) -> None:
    # Imported late: on most hosts nobody ever runs a board.
    from pqmesh_node import settings
    from pqmesh_node.app import Node
    from pqmesh_node.cable import CablePort
    from pqmesh_node.serial import SerialLink
    from pqmesh_node.store import Directory, Store, StoreError

    show = functools.partial(_show, context, as_json)
    try:
        port = CablePort(path)
    except (OSError, ValueError) as error:
        raise AddressUnavailable(
            f"The board cannot listen on {path}: {error}.", "Choose another --listen."
        ) from error
    with contextlib.closing(port):
        try:
            flash = Store(Directory(str(folder)))
            known = settings.load(flash) or settings.default()
            settings.save(flash, settings.changed(known, **changes))
            link = SerialLink(port, SERIAL_LINK.mtu)
            board = Node(link, flash, HostCrypto(), on_event=lambda event: tell(event))
            tell = _Teller(show, board).tell
        except (StoreError, settings.SettingsError) as error:
            raise OperatorError(
                f"The board's flash at {folder} cannot be used: {error}.",
                "Choose another --state folder, or remove this one to start with a new board.",
            ) from error
        show("started", {"peer": board.peer_id.hex(), "listen": path})
        await _until_stopped(board)
        show("stopped", {"peer": board.peer_id.hex()})


async def _until_stopped(board: Any) -> None:
    running = asyncio.ensure_future(board.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await board.goodbye()


def _show(context: Context, as_json: bool, name: str, facts: dict[str, Any]) -> None:
    at_ms = time.time_ns() // 1_000_000
    if as_json:
        context.print_json({"event": name, "at_ms": at_ms, **facts})
        return
    moment = datetime.datetime.fromtimestamp(at_ms / 1000)
    words = "  ".join(f"{key}={clean(value)}" for key, value in facts.items())
    console().print(f"{moment:%H:%M:%S}.{at_ms % 1000:03d}  board  {name:<12}  {words}")


class _Teller:
    """Prints what a person at the bench wants to know of a board's events."""

    def __init__(self, show: Callable[[str, dict[str, Any]], None], board: Any) -> None:
        self._show = show
        self._board = board
        self._resumed = 0

    def tell(self, event: Record) -> None:
        facts = {name: plain(getattr(event, name)) for name in event.FIELDS}
        if isinstance(event, Established):
            before, self._resumed = self._resumed, self._board.engine_stats.handshakes_resumed
            facts |= {"peer_id": short(event.peer_id), "resumed": self._resumed > before}
        wanted = isinstance(event, Established | Delivered | Lost | Refused)
        if wanted or type(event).__name__ in ("Published", "Executed", "LinkFailed"):
            self._show(type(event).__name__.lower(), facts)
