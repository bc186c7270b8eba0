# SPDX-License-Identifier: MIT OR Apache-2.0
"""pqmesh medium - a pretended radio channel that firmware and simulated nodes join."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from pqmesh.errors import UsageError

from ...errors import OperatorError
from ...medium.record import BadRecord, Replayed, Writer, replay
from ...medium.server import MediumServer
from ...medium.settings import MediumSettings
from ..context import Context, json_option, pass_context

DIFFERENT = 1
SIGNALS = (signal.SIGINT, signal.SIGTERM)
PROBABILITY = click.FloatRange(0.0, 1.0)
FILE = click.Path(dir_okay=False, path_type=Path)


class MediumUnavailable(OperatorError):
    """The medium cannot be what was asked for."""


@click.group()
def medium() -> None:
    """Pretend a radio channel: for test benches, without radios.

    \b
    It is a process with a unix socket. Each connection is one LoRa radio's
    serial cable: frames of at most 255 octets go both ways, framed as on a
    cable (RFC 1662, CRC-32). The medium pretends what the radios share:
      airtime      from spreading factor, bandwidth and coding rate
      half duplex  who sends hears nothing
      collisions   two frames at once are lost, unless one is 6 dB stronger
      loss         independent or in bursts; repetition; delay
      duty cycle   of a region, if you name one
    It says nothing about range, antennas or chips. It never claims to.

    \b
    A first try, in three terminals:
      pqmesh medium run --socket air.sock --loss 0.1 --record air.jsonl
      pqmesh gateway run --config one.toml
      pqmesh gateway run --config two.toml
    where both configurations say, with folders and keys of their own,
      [radio]
      frequency_hz = 868_100_000
      spreading_factor = 7        # as the medium's
      duty_permille = 1000        # no law binds a bench
      [floors]
      strangers = "fast"          # they have never met: it takes a minute
      [[link]]
      kind = "radio"
      device = "unix:///full/path/of/air.sock"

    \b
    An emulated board joins by its serial cable, which is a socket too:
      pqmesh medium run --socket air.sock --board board/uart1
    What programs on boards and hosts say there: docs/board-guide.md,
    "Without a radio".

    \b
    And afterwards:
      pqmesh medium replay air.jsonl             the same fates again
      pqmesh medium replay air.jsonl --seed 8    what other dice would do
    """


@medium.command()
@click.option(
    "--socket", "socket_path", type=FILE, required=True, help="Where nodes join: a unix socket."
)
@click.option(
    "--board",
    "boards",
    type=FILE,
    multiple=True,
    help="The unix socket that is a board's serial cable, to plug in. May be repeated.",
)
@click.option(
    "--spreading-factor", type=click.IntRange(7, 12), default=7, show_default=True, help="Of LoRa."
)
@click.option("--bandwidth-hz", default=125_000, show_default=True, help="From 7800 to 500000.")
@click.option(
    "--coding-rate",
    type=click.IntRange(1, 4),
    default=1,
    show_default=True,
    help="From 1 to 4, for 4/5 to 4/8.",
)
@click.option(
    "--loss", type=PROBABILITY, default=0.0, show_default=True, help="Share of receptions lost."
)
@click.option(
    "--burst", default=0.0, help="Lose runs of so many frames in the mean, not single ones."
)
@click.option("--duplicate", type=PROBABILITY, default=0.0, help="Share of receptions repeated.")
@click.option("--delay", type=PROBABILITY, default=0.0, help="Share of receptions late by 0.5 s.")
@click.option(
    "--apart",
    type=(int, int),
    multiple=True,
    metavar="A B",
    help="Two radios, counted from 0 as they join, that do not hear each other.",
)
@click.option("--region", default="", help="EU868 or US915: enforce its duty cycle.")
@click.option("--frequency-hz", default=868_100_000, show_default=True, help="In that region.")
@click.option("--seed", default=0, show_default=True, help="Of the dice.")
@click.option("--speed", default=1.0, show_default=True, help="How much faster than life.")
@click.option("--record", "record_path", type=FILE, help="Write down what happens, to replay it.")
@json_option
@pass_context
def run(
    context: Context,
    /,
    socket_path: Path,
    boards: tuple[Path, ...],
    speed: float,
    record_path: Path | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Serve a medium until Ctrl-C or SIGTERM (exit code 0), then say what became of the frames.

    Boards and nodes on it must use the same modulation. A board that is emulated in real time
    wants --speed 1; simulated nodes on their own may run faster.

    \b
    Examples:
      pqmesh medium run --socket air.sock
      pqmesh medium run --socket air.sock --spreading-factor 9 --loss 0.1
      pqmesh medium run --socket air.sock --board one/uart1 --board two/uart1
      pqmesh medium run --socket air.sock --apart 1 2 --seed 7 --record air.jsonl
    """
    wanted = MediumSettings(**settings)
    try:
        fates = asyncio.run(_serve(wanted, socket_path, boards, speed, record_path, as_json))
    except (ValueError, UsageError) as error:
        raise MediumUnavailable(f"There is no such medium: {error}.") from error
    except OSError as error:
        where = error.filename or socket_path
        raise MediumUnavailable(
            f"Cannot use {where}: {error.strerror or error}.",
            "A board's socket must be there before the medium is; the medium's must not.",
        ) from error
    if as_json:
        context.print_json({"fates": fates})
    else:
        click.echo(_table(fates))


async def _serve(
    settings: MediumSettings,
    socket_path: Path,
    boards: tuple[Path, ...],
    speed: float,
    record_path: Path | None,
    quiet: bool,
) -> Mapping[str, int]:
    stop = asyncio.Event()
    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with contextlib.ExitStack() as files:
        writer = None
        if record_path is not None:
            file = files.enter_context(record_path.open("w", buffering=1))
            writer = Writer(file, settings)
        async with MediumServer.open(socket_path, settings, speed=speed, record=writer) as server:
            for board in boards:
                await server.plug_in(board)
            if not quiet:
                click.echo(f"The medium is at {socket_path}; Ctrl-C ends it.")
            await stop.wait()
            return dict(server.fates)


@medium.command(name="replay")
@click.argument("record_path", metavar="RECORD", type=click.Path(exists=True, path_type=Path))
@click.option("--seed", type=int, help="Other dice than those of the record.")
@json_option
@pass_context
def replay_command(context: Context, record_path: Path, seed: int | None, as_json: bool) -> None:
    """Work out again what became of the frames of a record; exit code 1 if it differs.

    With --seed it is expected to differ: that shows what else could have become of them.

    The medium is repeated exactly: the same frames at the same times meet the same dice. The
    nodes are not: run again in real time, they send at other times.

    \b
    Examples:
      pqmesh medium replay air.jsonl
      pqmesh medium replay air.jsonl --seed 8 --json
    """
    try:
        with record_path.open() as file:
            result = replay(file, seed)
    except (BadRecord, UnicodeDecodeError) as error:
        raise MediumUnavailable(
            f"{record_path} cannot be replayed: {error}.",
            "`pqmesh medium run --record` writes records.",
        ) from error
    if as_json:
        context.print_json(
            {"frames": result.frames, "fates": dict(result.fates), "differs": result.differs}
        )
    else:
        click.echo(_account(result))
    if result.differs and seed is None:
        raise click.exceptions.Exit(DIFFERENT)


def _account(result: Replayed) -> str:
    verdict = f"Differs: {result.differs}." if result.differs else "The same as recorded."
    return f"{result.frames} frames sent.\n{_table(result.fates)}\n{verdict}"


def _table(fates: Mapping[str, int]) -> str:
    rows = [f"{count:8} {outcome}" for outcome, count in sorted(fates.items())]
    return "\n".join(["Receptions:", *(rows or ["       0"])])
