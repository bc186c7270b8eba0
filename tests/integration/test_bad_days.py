# SPDX-License-Identifier: MIT OR Apache-2.0
"""What an operator gets wrong: each time a clear error, its own exit code, and no damage."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pqmesh_host.cli.main import main
from pqmesh_host.identity_file import create_seed
from pqmesh_host.ops.control_client import ControlClient


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with an identity, and a path short enough for a unix socket."""
    made = Path(tempfile.mkdtemp())
    create_seed(made / "identity.seed")
    yield made
    shutil.rmtree(made)


def run_gateway(folder: Path, text: str, *options: str) -> Result:
    (folder / "g.toml").write_text(text)
    return CliRunner().invoke(
        main, ["gateway", "run", "--config", str(folder / "g.toml"), *options]
    )


def refused(result: Result, code: int, *words: str) -> None:
    assert result.exit_code == code, result.output
    assert result.stderr.startswith("Error: ")
    for word in words:
        assert word in result.stderr
    assert "Traceback" not in result.output


LINK = '[[link]]\ndevice = "socket://127.0.0.1:1"\n'


def test_a_configuration_with_a_typo(folder: Path) -> None:
    result = run_gateway(folder, '[[link]]\ndevcie = "/dev/ttyACM0"\n')
    refused(result, 3, "g.toml:2: unknown key 'devcie'", "Did you mean 'device'?")


def test_no_configuration_at_all(folder: Path) -> None:
    result = CliRunner().invoke(main, ["peer", "run", "--config", str(folder / "none.toml")])
    refused(result, 3, "no configuration file", "--config")


def test_a_gateway_without_a_link_and_a_peer_with_one(folder: Path) -> None:
    refused(run_gateway(folder, ""), 3, "names no [[link]]", "pqmesh peer run")
    (folder / "p.toml").write_text(LINK)
    result = CliRunner().invoke(main, ["peer", "run", "--config", str(folder / "p.toml")])
    refused(result, 3, "names a [[link]]", "pqmesh gateway run")


def test_a_serial_device_that_is_missing(folder: Path) -> None:
    result = run_gateway(folder, f'[[link]]\ndevice = "{folder}/ttyACM0"\n')
    refused(result, 5, "There is no serial port", "Plug the board in")
    assert not (folder / "control.sock").exists()


def test_a_serial_device_that_is_busy(folder: Path) -> None:
    board, device = os.openpty()
    path = os.ttyname(device)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        result = run_gateway(folder, f'[[link]]\ndevice = "{path}"\n')
        refused(result, 5, "in use by another program", f"fuser -v {path}")
    finally:
        holder.kill()
        holder.communicate()
        os.close(board)
        os.close(device)


HOLD = """
import sys, time, serial
port = serial.Serial(sys.argv[1], exclusive=True)
print("held", flush=True)
time.sleep(60)
"""


def test_a_udp_port_that_is_taken(folder: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        result = run_gateway(folder, f'{LINK}[quic]\nlisten = "127.0.0.1:{port}"\n')
    refused(result, 6, f"UDP port {port}", "[quic].listen")


def test_a_metrics_port_that_is_taken(folder: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        result = run_gateway(folder, f'{LINK}[metrics]\nlisten = "127.0.0.1:{port}"\n')
    refused(result, 6, f"metrics on 127.0.0.1 port {port}", "[metrics].listen")


def test_a_control_socket_that_another_node_has(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(folder / "control.sock"))
        other.listen()
        refused(run_gateway(folder, LINK), 6, "Another pqmesh node listens", "[control].socket")
    assert (folder / "control.sock").exists()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: path.chmod(0o644), ("mode 0644", "chmod 600")),
        (lambda path: path.write_bytes(bytes(7)), ("exactly 32 bytes", "backup")),
        (lambda path: path.unlink(), ("no identity file", "pqmesh identity new")),
    ],
    ids=["loose", "cut short", "missing"],
)
def test_an_identity_file_that_is_unsafe(
    folder: Path, damage: object, words: tuple[str, ...]
) -> None:
    seed = folder / "identity.seed"
    damage(seed)  # type: ignore[operator]
    before = seed.read_bytes() if seed.exists() else None
    refused(run_gateway(folder, LINK), 4, *words)
    assert (seed.read_bytes() if seed.exists() else None) == before
    shown = CliRunner().invoke(main, ["identity", "show", "--path", str(seed)])
    refused(shown, 4, *words)


def test_an_identity_is_not_overwritten(folder: Path) -> None:
    seed = folder / "identity.seed"
    before = seed.read_bytes()
    result = CliRunner().invoke(main, ["identity", "new", "--path", str(seed)])
    refused(result, 4, "already an identity", "--force")
    assert seed.read_bytes() == before


def test_a_state_database_that_is_something_else(folder: Path) -> None:
    (folder / "state.sqlite").write_text("not a database, but precious" * 50)
    refused(run_gateway(folder, LINK), 8, "damaged or not ours", "Move it away")
    assert "precious" in (folder / "state.sqlite").read_text()


def test_nobody_at_the_control_socket(folder: Path) -> None:
    for command in (["status"], ["listen"], ["send", "--to", "abcd", "ping"]):
        result = CliRunner().invoke(main, [*command, "--socket", str(folder / "none.sock")])
        refused(result, 7, "No node answers", "Is it running?")


def test_errors_are_json_for_those_who_want_json(folder: Path) -> None:
    result = run_gateway(folder, "[qiuc]\n", "--json")
    error = json.loads(result.stderr)["error"]
    assert (error["code"], result.exit_code) == (3, 3)
    assert error["advice"] == "Did you mean 'quic'?"


@contextlib.contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "pqmesh_host.cli.main", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def next_event(running: subprocess.Popen[str], kind: str) -> dict[str, object]:
    assert running.stdout is not None
    for line in running.stdout:
        event: dict[str, object] = json.loads(line)
        if event["event"] == kind:
            return event
    raise AssertionError(f"the process ended before {kind}: {running.stderr.read()}")  # type: ignore[union-attr]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_leaves_nothing_behind(folder: Path, number: signal.Signals) -> None:
    (folder / "p.toml").write_text("")
    with process("peer", "run", "--json", "--config", str(folder / "p.toml")) as running:
        next_event(running, "started")
        assert (folder / "control.sock").exists()
        running.send_signal(number)
        next_event(running, "stopped")
        assert running.wait(10) == 0
    assert sorted(path.name for path in folder.iterdir()) == [
        "identity.seed",
        "p.toml",
        "state.sqlite",
    ]


def test_a_killed_node_starts_again_without_help(folder: Path) -> None:
    (folder / "p.toml").write_text("")
    for _ in range(2):
        with process("peer", "run", "--json", "--config", str(folder / "p.toml")) as running:
            next_event(running, "started")
            running.kill()
            running.wait(10)
        assert (folder / "control.sock").exists()


def test_interrupting_a_listener_is_told_by_its_code(folder: Path) -> None:
    (folder / "p.toml").write_text("")
    config = ("--config", str(folder / "p.toml"))
    with process("peer", "run", "--json", *config) as node:
        next_event(node, "started")
        with process("listen", *config) as listener:
            wait_for_listener(folder)
            listener.send_signal(signal.SIGINT)
            assert listener.wait(10) == 130


def wait_for_listener(folder: Path) -> None:
    """Until a client has connected and subscribed: a ping to nobody is answered after that."""
    with ControlClient(folder / "control.sock") as client:
        deadline = time.monotonic() + 10
        while client.request("status")["clients"] < 2 and time.monotonic() < deadline:
            time.sleep(0.05)


def test_a_device_that_is_missing_may_be_waited_for(folder: Path) -> None:
    link = f'[[link]]\ndevice = "unix://{folder}/b.sock"\nwait = true\n'
    (folder / "g.toml").write_text(link)
    with process("gateway", "run", "--json", "--config", str(folder / "g.toml")) as running:
        assert "Start the emulated board" in str(next_event(running, "link-waiting")["text"])
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as late:
            late.bind(f"{folder}/b.sock")
            late.listen()
            next_event(running, "link-open")
