# SPDX-License-Identifier: MIT OR Apache-2.0
"""The main job as a user runs it: four programs, talked to through their commands only."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


class Program:
    """A pqmesh command in its own process, printing JSON."""

    def __init__(self, *arguments: str) -> None:
        self.events: list[dict[str, Any]] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pqmesh_host.cli.main", *arguments, "--json"],
            stdout=subprocess.PIPE,
            text=True,
        )

    def until(self, kind: str, **details: Any) -> dict[str, Any]:
        """Read events up to the first of ``kind`` with these details."""
        for event in self._read():
            if event["event"] == kind and details.items() <= event.items():
                return event
        raise AssertionError(f"ended before {kind}: {self.events}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop it and return its exit code; what it still printed is in ``events``."""
        self._process.send_signal(number)
        for _ in self._read():
            pass
        return self._process.wait(15)

    def kill(self) -> None:
        """Make sure it is gone."""
        self._process.kill()
        self._process.communicate()

    def _read(self) -> Iterator[dict[str, Any]]:
        stdout = self._process.stdout
        assert stdout is not None
        for line in stdout:
            if line.endswith("\n"):  # a killed process may leave half of one
                self.events.append(json.loads(line))
                yield self.events[-1]


def ask(*arguments: str, code: int = 0) -> Any:
    """Run a command to its end and return the JSON it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "pqmesh_host.cli.main", *arguments, "--json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Mesh:
    """A board, its gateway and a peer, each with its own folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.gateway_id = self.identity("gateway")
        self.peer_id = self.identity("peer")
        self.cable = f"unix://{folder}/b.sock"
        self.address = f"127.0.0.1:{free_udp_port()}"
        self.programs: list[Program] = []

    def identity(self, name: str) -> str:
        made = ask("identity", "new", "--path", str(self.folder / name / "identity.seed"))
        return str(made[0]["peer"])

    def start_board(self, interval_ms: int = 200, *, pinned: bool = True) -> Program:
        state = str(self.folder / "board")
        options = ["--interval-ms", str(interval_ms)]
        if pinned:
            options += ["--expect", self.gateway_id]
        return self.run("node", "run", "--listen", self.cable, "--state", state, *options)

    def provision(self, baud: int) -> tuple[str, ...]:
        path = self.folder / "gateway" / "pqmesh.toml"
        path.write_text(f'[[link]]\nname = "bench"\ndevice = "{self.cable}"\n')
        name = ("--name", "greenhouse", "--baud", str(baud))
        return "provision", self.cable, *name, "--config", str(path)

    def start_gateway(self, *, dials: bool = False) -> Program:
        link = f'[[link]]\nname = "bench"\ndevice = "{self.cable}"\n'
        quic = f'[quic]\nlisten = "{self.address}"\ntrust = ["{self.peer_id}"]\n'
        dial = f'[[peer]]\naddress = "{self.address}"\nid = "{self.peer_id}"\n'
        return self._start("gateway", link + (dial if dials else quic))

    def start_peer(self, *, dials: bool = True) -> Program:
        quic = f'[quic]\nlisten = "{self.address}"\ntrust = ["{self.gateway_id}"]\n'
        dial = f'[[peer]]\naddress = "{self.address}"\nid = "{self.gateway_id}"\n'
        return self._start("peer", dial if dials else quic)

    def at(self, name: str) -> tuple[str, str]:
        return "--config", str(self.folder / name / "pqmesh.toml")

    def _start(self, role: str, text: str) -> Program:
        path = self.folder / role / "pqmesh.toml"
        path.write_text(text)
        return self.run(role, "run", "--config", str(path))

    def run(self, *arguments: str) -> Program:
        self.programs.append(Program(*arguments))
        return self.programs[-1]


@pytest.fixture
def mesh() -> Iterator[Mesh]:
    folder = Path(tempfile.mkdtemp())
    made = Mesh(folder)
    yield made
    for program in made.programs:
        program.kill()
    shutil.rmtree(folder)


def test_readings_up_a_command_down_seen_through_the_commands(mesh: Mesh) -> None:
    board = mesh.start_board()
    board_id = board.until("started")["peer"]
    gateway = mesh.start_gateway()
    assert gateway.until("started")["quic"] == mesh.address
    peer = mesh.start_peer()
    gateway.until("session-open", peer=board_id, over="bench")
    peer.until("peer-open", peer=mesh.gateway_id)

    readings = ask("listen", *mesh.at("peer"), "--kind", "reading", "--count", "5")
    assert len(readings) == 5
    for reading in readings:
        assert (reading["peer"], reading["via"]) == (board_id, mesh.gateway_id)
        assert reading["wire_bytes"] > 0

    (answer,) = ask("send", *mesh.at("peer"), "--to", board_id[:8], "interval", "ms=150")
    assert (answer["ok"], answer["result"]) == (True, 150)
    assert (answer["from"], answer["via"]) == (board_id, mesh.gateway_id)
    effect = peer.until("reading", name="interval", value=150)
    assert effect["peer"] == board_id

    (refusal,) = ask("send", *mesh.at("peer"), "--to", board_id[:8], "dance", code=1)
    assert refusal["result"].startswith("unknown command dance")

    (status,) = ask("status", *mesh.at("gateway"))
    assert {one["peer"] for one in status["neighbours"]} == {board_id, mesh.peer_id}
    assert status["links"][0]["open"]

    assert [program.stop() for program in (peer, gateway, board)] == [0, 0, 0]
    assert gateway.events[-1]["event"] == "stopped"
    assert not [event for event in gateway.events if event["event"] == "dropped"]


def test_a_killed_gateway_comes_back_and_nothing_is_lost_or_doubled(mesh: Mesh) -> None:
    board = mesh.start_board(interval_ms=1000)  # its mailbox holds 16 readings, 4 a round
    board.until("started")
    peer = mesh.start_peer(dials=False)
    peer.until("started")
    gateway = mesh.start_gateway(dials=True)
    for _ in range(6):  # in the midst of a round
        peer.until("reading")
    gateway.stop(signal.SIGKILL)
    again = mesh.start_gateway(dials=True)
    again.until("session-open")
    for _ in range(8):
        peer.until("reading")
    assert [program.stop() for program in (board, again, peer)] == [0, 0, 0]

    arrived = [event["id"] for event in peer.events if event["event"] == "reading"]
    published = [event["id"] for event in board.events if event["event"] == "published"]
    assert len(set(arrived)) == len(arrived)
    newest = max(published.index(one) for one in arrived)
    assert set(published[: newest + 1]) == set(arrived)


def test_a_new_board_is_provisioned_interrupted_resumed_and_then_belongs_to_us(mesh: Mesh) -> None:
    board = mesh.start_board(interval_ms=60_000, pinned=False)
    board_id = board.until("started")["peer"]
    first = mesh.run(*mesh.provision(baud=115_200))
    first.until("progress", stage="exchanging")
    assert first.stop(signal.SIGINT) == 130

    *progress, done = ask(*mesh.provision(baud=2_000_000))
    assert [one["stage"] for one in progress][-1] == "done"
    assert done["event"] == "provisioned"
    assert (done["peer_id"], done["name"]) == (board_id, "greenhouse")
    assert (done["prekeys"], done["stocked"], done["epoch"]) == (64, 16, 1)

    board.stop()
    board = mesh.start_board(interval_ms=60_000, pinned=False)  # it was pinned by us
    board.until("started")
    gateway = mesh.start_gateway()
    opened = gateway.until("session-open")
    assert (opened["peer"], opened["resumed"]) == (board_id, True)
    assert opened["wire_bytes"] <= 150
    (answer,) = ask("send", *mesh.at("gateway"), "--to", board_id, "status")
    assert (answer["result"]["name"], answer["result"]["pinned"]) == ("greenhouse", True)
    assert (answer["result"]["epoch"], answer["result"]["prekeys"]) == (1, 16)
    ask(*mesh.provision(baud=115_200), code=6)  # a node is running
    assert gateway.stop() == board.stop() == 0
