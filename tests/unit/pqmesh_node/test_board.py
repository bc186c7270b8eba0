# SPDX-License-Identifier: MIT OR Apache-2.0
"""What an operator types at the prompt."""

import asyncio
import signal

import pytest

from pqmesh_host.crypto import HostCrypto
from pqmesh_node import board
from pqmesh_node.plan import keep
from pqmesh_node.settings import SettingsError


class Silence:
    """A port on which nothing ever arrives."""

    async def readinto(self, buffer: bytearray) -> int:
        await asyncio.Event().wait()
        return 0

    async def write(self, data: bytes) -> None:
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def blank_board(tmp_path, monkeypatch):
    monkeypatch.setattr(board, "_directory", str(tmp_path / "flash"))
    monkeypatch.setattr(board, "_node", None)
    monkeypatch.setattr(board, "_crypto", HostCrypto())


def test_setup_shows_changes_and_keeps():
    assert board.setup().name == "board"
    board.setup(name="shed", interval_ms=500)
    assert (board.setup().name, board.setup().interval_ms) == ("shed", 500)


def test_setup_refuses_and_keeps_what_was():
    board.setup(name="shed")
    with pytest.raises(SettingsError):
        board.setup(name="")
    assert board.setup().name == "shed"


def test_the_peer_id_is_known_before_and_after_the_node_is_made():
    before = board.peer_id()
    assert len(before) == 64
    assert board.make_node(Silence()).peer_id.hex() == before
    assert board.peer_id() == before


def test_a_watchdog_is_fed_by_the_crypto_too(monkeypatch):
    given = []
    crypto = HostCrypto()
    monkeypatch.setattr(crypto, "poll", given.append, raising=False)
    monkeypatch.setattr(board, "_crypto", crypto)
    board.make_node(Silence(), watchdog=bool)
    assert given == [bool]


def test_there_is_one_node_and_new_settings_make_a_new_one():
    node = board.make_node(Silence())
    assert board.make_node(Silence()) is node
    board.setup(name="shed")
    assert board.make_node(Silence()) is not node


def test_a_radio_is_used_as_the_stored_plan_says(monkeypatch):
    board.setup(radio=True)
    with pytest.raises(SettingsError, match="provision it over its cable first"):
        board.make_node(Silence())
    radio = {"hz": 868_100_000, "sf": 9, "bw": 125, "cr": 5, "dbm": 14, "permille": 1000}
    keep({"radio": {**radio, "region": "EU868"}}, board.store(), board.vault())
    node = board.make_node(Silence())
    assert node._link.mtu == 222
    assert node.status()["airtime"] == [0, 36_000, 0]
    assert node.counters()["airtime"]["window_ms"] == 3_600_000
    board.setup(radio=False)
    assert board.make_node(Silence()).radio is None


def test_status_and_counters_before_and_after():
    assert board.status() is None
    assert board.counters() is None
    board.make_node(Silence())
    assert board.status()["neighbour"] is None
    assert board.counters()["engine"]["frames_sent"] == 0


def test_ctrl_c_says_goodbye_and_comes_back(monkeypatch, capsys):
    node = board.make_node(Silence())
    said: list[str] = []

    async def interrupted() -> None:
        raise KeyboardInterrupt

    async def goodbye() -> None:
        said.append("goodbye")

    monkeypatch.setattr(node, "run", interrupted)
    monkeypatch.setattr(node, "goodbye", goodbye)
    board.run()
    assert said == ["goodbye"]
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith(f"pqmesh node {node.peer_id.hex()[:16]} on board")
    assert printed[1] == "pqmesh node stopped; pqmesh_node.run() goes on"


@pytest.mark.parametrize("moment", ["before", "within"])
def test_a_second_ctrl_c_neither_cuts_the_goodbye_nor_shows_a_traceback(
    monkeypatch, capsys, moment
):
    node = board.make_node(Silence())
    said: list[str] = []

    async def interrupted() -> None:
        raise KeyboardInterrupt

    async def goodbye() -> None:
        if moment == "within":
            signal.raise_signal(signal.SIGINT)
        said.append("goodbye")

    def forget() -> None:
        if moment == "before" and not said:
            said.append("again")
            raise KeyboardInterrupt

    monkeypatch.setattr(node, "run", interrupted)
    monkeypatch.setattr(node, "goodbye", goodbye)
    monkeypatch.setattr(board, "new_event_loop", forget)
    board.run()
    assert said == (["goodbye"] if moment == "within" else ["again"])
    assert "pqmesh node stopped" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_led_pin_gives_the_led_commands(monkeypatch):
    import sys
    import types

    machine = types.ModuleType("machine")

    class Pin:
        OUT = 1

        def __init__(self, name: object, mode: int, value: int) -> None:
            self.name = name

    machine.Pin = Pin  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "machine", machine)
    board.setup(led_pin=25)
    assert {"led", "blink"} <= set(board.make_node(Silence()).commands.names())


def test_a_cable_is_unplugged_in_the_end(tmp_path, monkeypatch):
    path = tmp_path / "cable"

    def run(port: object) -> None:
        assert path.is_socket()

    monkeypatch.setattr(board, "run", run)
    board.run_on_cable(str(path))
    assert not path.exists()
