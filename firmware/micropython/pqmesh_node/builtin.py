# SPDX-License-Identifier: MIT OR Apache-2.0
"""The sensors and commands every board has without any part soldered on."""

from pqmesh.compat import TYPE_CHECKING

from .commands import After, CommandError, whole_number
from .compat import mem_free, restart, sleep_ms

if TYPE_CHECKING:
    from typing import Any

    from .app import Node

BLINK_LIMIT = 20


def add_sensors(node: "Node") -> None:
    """Only what a board truly knows about itself."""
    sensors = node.sensors
    sensors.add("uptime", node.uptime_ms, "ms")
    sensors.add("interval", lambda: node.settings.interval_ms, "ms")
    sensors.add("loop_turns", node.loop_turns)
    sensors.add("link_bytes", node.link_bytes, "B")
    if mem_free() >= 0:
        sensors.add("heap_free", mem_free, "B")


def add_commands(node: "Node") -> None:
    """ping, status, interval (kept across restarts), read (a round of readings), reset."""

    def interval(args: "dict[str, Any]") -> int:
        node.change_settings(interval_ms=whole_number(args, "ms"))
        return node.settings.interval_ms

    commands = node.commands
    commands.add("ping", lambda args: node.uptime_ms())
    commands.add("status", lambda args: node.status())
    commands.add("interval", interval)
    commands.add("read", lambda args: node.publish_all())
    commands.add("reset", lambda args: After("restarting", restart))


def add_led(node: "Node", pin: "Any") -> None:
    """``led`` and ``blink`` for a board with a LED, and the sensor that shows it."""

    def led(args: "dict[str, Any]") -> bool:
        state = args["on"]
        if state is not True and state is not False:
            raise CommandError("on: want true or false")
        pin(1 if state else 0)
        return bool(pin())

    async def blink(args: "dict[str, Any]") -> int:
        times = whole_number(args, "times")
        if not 1 <= times <= BLINK_LIMIT:
            raise CommandError("times: want 1 to %d" % BLINK_LIMIT)
        for _ in range(times):
            pin(1)
            await sleep_ms(100)
            pin(0)
            await sleep_ms(100)
        return times

    node.commands.add("led", led)
    node.commands.add("blink", blink)
    node.sensors.add("led", lambda: pin())
