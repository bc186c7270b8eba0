# SPDX-License-Identifier: MIT OR Apache-2.0
"""pqmesh provision - make a new node one of ours, over a cable."""

from __future__ import annotations

import asyncio
import signal
import socket
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from pqmesh.identity import Identity
from pqmesh.limits import SERIAL_LINK

from ...config import Config
from ...config_values import device, peer_id
from ...crypto import HostCrypto
from ...errors import AddressUnavailable
from ...identity_file import load_seed
from ...provision import Plan, Result, provision
from ...provision import Progress as Report
from ...store import Custody, Store
from ...transports.base import Provider
from ...transports.serial import SerialProvider
from ..context import Context, config_option, json_option, pass_context
from ..render import console

INTERRUPTED = 130


def _device(_ctx: click.Context, _parameter: click.Parameter, value: str) -> str:
    try:
        return device(value, Path())
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _peer_id(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> bytes | None:
    if value is None:
        return None
    try:
        return peer_id(value, Path())
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command("provision")
@click.argument("port", callback=_device)
@click.option("--name", default="", help="What people are to call the node, at most 32 bytes.")
@click.option(
    "--interval-ms",
    type=click.IntRange(100, 86_400_000),
    help="Milliseconds between two rounds of readings.",
)
@click.option(
    "--expect",
    metavar="PEERID",
    callback=_peer_id,
    help="The PeerId the node must have (`pqmesh_node.peer_id()` at its prompt).",
)
@click.option(
    "--baud",
    type=click.IntRange(300, 4_000_000),
    default=SERIAL_LINK.bits_per_second,
    show_default=True,
    help="Bits per second of the node's data link.",
)
@config_option
@json_option
@pass_context
def provision_command(
    context: Context,
    port: str,
    name: str,
    interval_ms: int | None,
    expect: bytes | None,
    baud: int,
    config_path: Path,
    as_json: bool,
) -> None:
    """Make the node on PORT one of ours: keys both ways, so that a radio is enough later.

    PORT is the node's data link: /dev/ttyACM1, socket://host:port or unix:///path. The node makes
    its own keys; none of them leaves it. Afterwards it obeys this gateway alone, and both sides
    hold what their first exchange on a radio needs. [radio] and [floors] of the configuration go
    to the node. Takes some 15 s at 115200 baud; Ctrl-C loses nothing, and the next run goes on.

    \b
    Examples:
      pqmesh provision /dev/ttyACM1 --name greenhouse
      pqmesh provision unix:///run/board.sock --config gateway.toml --json
    """
    if len(name.encode()) > 32:
        raise click.BadParameter("at most 32 bytes", param_hint="--name")
    config = context.load_config(config_path)
    _check_free(config.control.socket)
    provider = SerialProvider(port, mtu=SERIAL_LINK.mtu, baud=baud, name=port)
    plan = Plan.of(config, name, interval_ms)
    shown = _JsonReport(context) if as_json else _Bars()
    try:
        with shown:
            result = asyncio.run(_run(config, provider, plan, expect, baud, shown))
    except (KeyboardInterrupt, asyncio.CancelledError):
        click.echo("Interrupted. What has been exchanged is kept: run it again.", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    if as_json:
        context.print_json({"event": "provisioned", **_facts(result, name)})
    else:
        _tell(result, name)


async def _run(
    config: Config,
    provider: Provider,
    plan: Plan,
    expect: bytes | None,
    baud: int,
    report: _JsonReport | _Bars,
) -> Result:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    if task is not None:  # SIGTERM ends it in order, as Ctrl-C does
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    crypto = HostCrypto()
    identity = Identity(load_seed(config.identity.path), crypto)
    with Store.open(config.store.path) as store:
        custody = Custody(store, identity, crypto)
        result = await provision(
            provider, custody, plan, expect=expect, baud=baud, report=report.show
        )
        labels = [link.label for link in config.link if link.device == provider.name]
        # A gateway that starts afterwards tries to resume with whom its cable carried last.
        store.note_peer(result.peer_id, labels[0] if labels else provider.name)
        return result


def _check_free(path: Path) -> None:
    """Two processes must not work on one store: a running node knows its tickets by heart."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return
    raise AddressUnavailable(
        f"A node is running with this configuration (it answers on {path}).",
        "Stop it for the minute this takes, then start it again.",
    )


class _JsonReport:
    """One line for each tenth of the way, and for each stage."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._last: tuple[str, int] | None = None

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...

    def show(self, progress: Report) -> None:
        total = progress.up_total + progress.down_total
        tenth = 10 * (progress.up + progress.down) // total if total else 0
        if (progress.stage, tenth) != self._last:
            self._last = (progress.stage, tenth)
            self._context.print_json({"event": "progress", **vars(progress)})


class _Bars:
    """Two bars on standard error, one for each direction."""

    def __init__(self) -> None:
        self._bars = Progress(
            TextColumn("{task.description:<12}"),
            BarColumn(),
            TextColumn("{task.completed:>7,.0f} of {task.total:,.0f} B"),
            TimeElapsedColumn(),
            console=console(stderr=True),
        )
        self._up: TaskID | None = None
        self._down: TaskID | None = None

    def __enter__(self) -> None:
        self._bars.start()

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def show(self, progress: Report) -> None:
        if progress.stage in ("connecting", "preparing"):
            self._bars.console.print(_STAGES[progress.stage])
            return
        if self._up is None or self._down is None:
            self._up = self._bars.add_task("from the node", total=progress.up_total)
            self._down = self._bars.add_task("to the node", total=progress.down_total)
        self._bars.update(self._up, total=progress.up_total, completed=progress.up)
        self._bars.update(self._down, total=progress.down_total, completed=progress.down)


_STAGES = {
    "connecting": "Meeting the node ...",
    "preparing": "The node makes its keys ...",
}


def _facts(result: Result, name: str) -> dict[str, Any]:
    return {**vars(result), "peer_id": result.peer_id.hex(), "name": name}


def _tell(result: Result, name: str) -> None:
    shown = console()
    shown.print(f"Provisioned {name or 'the node'}: {result.peer_id.hex()}")
    shown.print(
        f"  its credential of epoch {result.epoch}; {result.prekeys} one-time keys of it here, "
        f"{result.stocked} of ours there"
    )
    shown.print(
        f"  {result.total_ms / 1000:.1f} s, of which the handshake {result.handshake_ms:,} ms and "
        f"the line {result.line_ms:,} ms ({result.octets_in:,} B in, {result.octets_out:,} B out)"
    )
    shown.print(f'  Its cable in the configuration: expect = "{result.peer_id.hex()}"')
