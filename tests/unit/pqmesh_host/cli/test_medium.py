# SPDX-License-Identifier: MIT OR Apache-2.0
"""pqmesh medium: a process that serves a channel, and a record that is worked out again."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pqmesh.airtime.lora import LoraModulation
from pqmesh_host.cli.main import main
from pqmesh_host.medium.radio import open_radio

SF7 = LoraModulation(7)


async def serve_and_talk(folder: Path, *options: str) -> tuple[int, str]:
    """Run the command, let two radios exchange frames on it, end it with SIGINT."""
    air = folder / "air"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pqmesh_host.cli.main", "medium", "run", "--socket", str(air)),
        *("--speed", "50", *options),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(20):
            while not air.exists():
                await asyncio.sleep(0.02)
            async with (
                open_radio(air, SF7, speed=50) as one,
                open_radio(air, SF7, speed=50) as two,
            ):
                await two.send(b"I am here")
                while await one.receive() != b"I am here":
                    pass
                await one.send(b"hello")
                while await two.receive() != b"hello":
                    pass
            process.send_signal(signal.SIGINT)
            printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, printed.decode()


async def test_a_medium_is_served_recorded_and_replayed(tmp_path: Path) -> None:
    record = tmp_path / "air.jsonl"
    code, printed = await serve_and_talk(tmp_path, "--record", str(record), "--seed", "9")
    assert code == 0
    assert "Ctrl-C ends it" in printed
    assert "2 received" in printed
    result = CliRunner().invoke(main, ["medium", "replay", str(record)])
    assert result.exit_code == 0, result.output
    assert "2 frames sent" in result.output
    assert "The same as recorded." in result.output
    forged = record.read_text().replace('"received"', '"lost"', 1)
    record.write_text(forged)
    result = CliRunner().invoke(main, ["medium", "replay", str(record)])
    assert result.exit_code == 1
    assert "Differs: reception 1: recorded" in result.output
    result = CliRunner().invoke(main, ["medium", "replay", str(record), "--seed", "1", "--json"])
    assert (result.exit_code, json.loads(result.output)["frames"]) == (0, 2)


async def test_json_says_the_fates_alone(tmp_path: Path) -> None:
    code, printed = await serve_and_talk(tmp_path, "--json")
    assert (code, json.loads(printed)) == (0, {"fates": {"received": 2}})


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--burst", "0.5", "--loss", "0.1"], "a burst is at least 1 frame"),
        (["--region", "MARS"], "no region 'MARS'"),
        (["--speed", "0"], "speed is a positive factor"),
        (["--board", "nowhere"], "A board's socket must be there"),
        (["--record", "nowhere/air.jsonl"], "nowhere/air.jsonl"),
    ],
)
def test_what_cannot_be_is_said(options: list[str], complaint: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pqmesh_host.cli.main", "medium", "run"]
    done = subprocess.run(
        [*command, "--socket", "air", *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_no_record_is_said(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff\xfe")
    result = CliRunner().invoke(main, ["medium", "replay", str(tmp_path / "x")])
    assert result.exit_code == 1
    assert "cannot be replayed" in result.stderr


def test_the_help_teaches() -> None:
    text = CliRunner().invoke(main, ["medium", "--help"]).output
    for word in ("airtime", "half duplex", "collisions", "duty cycle", "replay", "never claims"):
        assert word in text
