# SPDX-License-Identifier: MIT OR Apache-2.0
"""Running in the foreground: events are printed, signals stop it, errors come out whole."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from pqmesh_host.cli import running as subject
from pqmesh_host.config import Config
from pqmesh_host.errors import OperatorError
from support.mesh_nodes import make_config


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(tmp_path)


async def stopped_by(number: signal.Signals, config: Config, as_json: bool) -> None:
    serving = asyncio.create_task(subject._serve(config, as_json))
    async with asyncio.timeout(10):
        while not config.control.socket.is_socket():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        os.kill(os.getpid(), number)
        await serving


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_stops_it_in_order(
    config: Config, number: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    await stopped_by(number, config, True)
    events = [json.loads(line)["event"] for line in capfd.readouterr().out.splitlines()]
    assert events == ["started", "stopped"]


async def test_people_get_lines(config: Config, capfd: pytest.CaptureFixture[str]) -> None:
    await stopped_by(signal.SIGTERM, config, False)
    first, last = capfd.readouterr().out.splitlines()
    assert "peer on udp 127.0.0.1:" in first
    assert "stopped" in last


async def test_an_error_comes_out_after_what_was_printed(config: Config) -> None:
    config.identity.path.chmod(0o644)
    with pytest.raises(OperatorError, match="mode 0644"):
        await subject._serve(config, True)


async def test_a_reader_that_goes_away_stops_the_node(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(subject, "_print", gone)
    with pytest.raises(BrokenPipeError):
        async with asyncio.timeout(10):
            await subject._serve(config, True)
    assert not config.control.socket.exists()


def test_run_is_the_blocking_door(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[object] = []

    async def serve(*arguments: object) -> None:
        served.extend(arguments)

    monkeypatch.setattr(subject, "_serve", serve)
    subject.run(config, True)
    assert served == [config, True]
