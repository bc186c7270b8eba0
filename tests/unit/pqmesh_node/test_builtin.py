# SPDX-License-Identifier: MIT OR Apache-2.0
"""What every board has without any part soldered on, and the LED where there is one."""

import pytest

from pqmesh_node import builtin
from pqmesh_node.commands import After, Commands
from pqmesh_node.sensors import Sensors
from pqmesh_node.settings import changed, default


class Node:
    """Only what the built-in sensors and commands use."""

    def __init__(self) -> None:
        self.sensors = Sensors()
        self.commands = Commands()
        self.settings = default()

    def uptime_ms(self) -> int:
        return 12

    def loop_turns(self) -> int:
        return 3

    def link_bytes(self) -> int:
        return 400

    def publish_all(self) -> int:
        return 4

    def status(self) -> dict[str, int]:
        return {"uptime_ms": 12}

    def change_settings(self, **values: object) -> None:
        self.settings = changed(self.settings, **values)


class Pin:
    def __init__(self) -> None:
        self.states: list[int] = [0]

    def __call__(self, *value: int) -> int:
        self.states.extend(value)
        return self.states[-1]


@pytest.fixture
def node():
    node = Node()
    builtin.add_sensors(node)
    builtin.add_commands(node)
    return node


def test_readings_are_what_the_node_says(node):
    values = {reading.name: reading.value for reading in node.sensors.read_all()}
    assert values == {"uptime": 12, "interval": 10_000, "loop_turns": 3, "link_bytes": 400}


def test_a_runtime_with_a_fixed_heap_reports_it(monkeypatch):
    monkeypatch.setattr(builtin, "mem_free", lambda: 5000)
    node = Node()
    builtin.add_sensors(node)
    assert [r.value for r in node.sensors.read_all() if r.name == "heap_free"] == [5000]


@pytest.mark.parametrize(
    ("name", "args", "value"),
    [
        ("ping", {}, 12),
        ("status", {}, {"uptime_ms": 12}),
        ("read", {}, 4),
        ("interval", {"ms": 500}, 500),
    ],
)
async def test_commands_answer(node, name, args, value):
    assert await node.commands.run(name, args) == (True, value)


@pytest.mark.parametrize("args", [{}, {"ms": 1}, {"ms": "500"}, {"ms": True}])
async def test_a_bad_interval_is_refused_and_nothing_changes(node, args):
    ok, text = await node.commands.run("interval", args)
    assert not ok
    assert isinstance(text, str)
    assert node.settings == default()


async def test_reset_happens_after_its_reply(node):
    ok, value = await node.commands.run("reset", {})
    assert ok
    assert isinstance(value, After)
    assert value.value == "restarting"
    with pytest.raises(SystemExit):
        value.action()


async def test_led_sets_and_shows_its_state(node):
    pin = Pin()
    builtin.add_led(node, pin)
    assert await node.commands.run("led", {"on": True}) == (True, True)
    assert {r.name: r.value for r in node.sensors.read_all()}["led"] == 1
    assert await node.commands.run("led", {"on": False}) == (True, False)
    assert await node.commands.run("led", {"on": 1}) == (False, "on: want true or false")


@pytest.mark.parametrize("times", [0, 21, "3"])
async def test_blink_is_bounded(node, times):
    builtin.add_led(node, Pin())
    assert not (await node.commands.run("blink", {"times": times}))[0]


async def test_blink_blinks(node, monkeypatch):
    async def at_once(ms: int) -> None:
        assert ms == 100

    monkeypatch.setattr(builtin, "sleep_ms", at_once)
    pin = Pin()
    builtin.add_led(node, pin)
    assert await node.commands.run("blink", {"times": 2}) == (True, 2)
    assert pin.states == [0, 1, 0, 1, 0]
