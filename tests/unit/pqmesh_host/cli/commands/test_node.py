# SPDX-License-Identifier: MIT OR Apache-2.0
"""pqmesh node run: the board's program under this Python, kept apart from the real ones."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pqmesh_host.cli.commands import node as subject
from pqmesh_host.cli.context import Context
from pqmesh_host.cli.main import main
from pqmesh_host.errors import AddressUnavailable, OperatorError


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp())
    yield made
    shutil.rmtree(made)


async def run_until_published(folder: Path, capfd: Any, **changes: Any) -> list[dict[str, Any]]:
    """Run a board until it has published, stop it by a signal, return what it printed."""
    socket = str(folder / "b.sock")
    settings = {"autostart": False, "interval_ms": 100, **changes}
    serving = asyncio.create_task(
        subject._serve(Context(), socket, folder, settings, as_json=True)
    )
    printed = ""
    async with asyncio.timeout(10):
        while '"published"' not in printed:
            await asyncio.sleep(0.02)
            printed += capfd.readouterr().out
        os.kill(os.getpid(), signal.SIGTERM)
        await serving
    printed += capfd.readouterr().out
    return [json.loads(line) for line in printed.splitlines()]


async def test_a_board_starts_publishes_and_stops(folder: Path, capfd: Any) -> None:
    events = await run_until_published(folder, capfd)
    kinds = [event["event"] for event in events]
    assert (kinds[0], kinds[-1]) == ("started", "stopped")
    assert all(event["at_ms"] > 1_600_000_000_000 for event in events)
    assert not (folder / "b.sock").exists()


async def test_a_board_keeps_its_identity_in_its_folder(folder: Path, capfd: Any) -> None:
    first = await run_until_published(folder, capfd)
    second = await run_until_published(folder, capfd)
    assert first[0]["peer"] == second[0]["peer"]
    other = folder / "other"
    other.mkdir()
    assert (await run_until_published(other, capfd))[0]["peer"] != first[0]["peer"]


async def test_an_address_that_cannot_be_had_is_said_plainly(folder: Path) -> None:
    with pytest.raises(AddressUnavailable, match="cannot listen"):
        await subject._serve(Context(), str(folder / ("x" * 120)), folder, {}, as_json=True)


async def test_a_setting_no_board_takes_is_said_plainly(folder: Path) -> None:
    socket = str(folder / "b.sock")
    with pytest.raises(OperatorError, match="cannot be used"):
        await subject._serve(Context(), socket, folder, {"interval_ms": 1}, as_json=True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--listen", "socket://h:1", "--state", "s"), "offers a unix socket"),
        (("--listen", "/plain/path", "--state", "s"), "socket://host:port"),
        (("--listen", "unix:///x", "--state", "s", "--expect", "abcd"), "want a PeerId"),
        (("--listen", "unix:///x", "--state", "s", "--interval-ms", "5"), "100<=x"),
        (("--state", "s"), "Missing option"),
    ],
)
def test_wrong_usage_is_explained(arguments: tuple[str, ...], words: str) -> None:
    result = CliRunner().invoke(main, ["node", "run", *arguments])
    assert result.exit_code == 2
    assert words in result.output


def test_options_become_settings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Any] = []

    async def serve(*arguments: Any) -> None:
        served.extend(arguments)

    monkeypatch.setattr(subject, "_serve", serve)
    state = folder / "deep" / "state"
    options = ("--interval-ms", "500", "--expect", "a1" * 32)
    arguments = ("--listen", "unix:///x", "--state", str(state), *options)
    assert CliRunner().invoke(main, ["node", "run", *arguments]).exit_code == 0
    assert served[3] == {"autostart": False, "interval_ms": 500, "expect": b"\xa1" * 32}
    assert state.is_dir()


def test_a_folder_that_cannot_be_made_is_said_plainly(folder: Path) -> None:
    (folder / "file").write_text("")
    arguments = ("--listen", "unix:///x", "--state", str(folder / "file" / "s"))
    result = CliRunner().invoke(main, ["node", "run", *arguments])
    assert result.exit_code == 1
    assert "Choose another --state" in result.stderr


def test_people_get_lines(capsys: pytest.CaptureFixture[str]) -> None:
    subject._show(Context(), False, "published", {"name": "t\x1b", "value": 1})
    assert (
        "board  published     name=t\N{REPLACEMENT CHARACTER}  value=1" in capsys.readouterr().out
    )
