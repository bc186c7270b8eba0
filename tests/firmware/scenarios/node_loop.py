# SPDX-License-Identifier: MIT OR Apache-2.0
"""Tasks, driver, connection and commands on this runtime's own event loop."""

import asyncio

from pqmesh.engine.events import Established, Lost, Refused
from pqmesh.errors import Malformed
from pqmesh_node.clock import Clock
from pqmesh_node.commands import CommandError, Commands, whole_number
from pqmesh_node.compat import sleep_ms, wait_for_ms
from pqmesh_node.connection import Connection
from pqmesh_node.driver import LinkDriver
from pqmesh_node.tasks import run_together


class Engine:
    """Echoes; b"bad" is illegal, b"sign" causes work that is due at once."""

    def __init__(self):
        self.events = []
        self.transmits = []
        self.deadline = None
        self.connects = 0

    def connect(self, now, expect):
        self.connects += 1
        return self.connects

    def receive(self, frame, now):
        if frame == b"bad":
            raise Malformed("bad")
        if frame == b"sign":
            self.deadline = now
        self.events.append(frame)
        self.transmits.append(b"ack " + frame)

    def handle_timeout(self, now):
        self.deadline = None
        self.transmits.append(b"signature")

    def next_transmit(self):
        return self.transmits.pop(0) if self.transmits else None

    def next_event(self):
        return self.events.pop(0) if self.events else None

    def next_deadline(self):
        return self.deadline


class Link:
    mtu = 512

    def __init__(self, frames):
        self.frames = frames
        self.sent = []

    async def receive(self):
        if not self.frames:
            await sleep_ms(20)
            raise OSError(5)
        await sleep_ms(1)
        return self.frames.pop(0)

    async def send(self, frame):
        await sleep_ms(1)
        self.sent.append(frame)


async def drive():
    log = []
    link = Link([b"a", b"bad", b"sign"])
    driver = LinkDriver(Engine(), link, Clock(), log.append, lambda: None)
    try:
        await driver.run()
    except OSError:
        log.append("link failed")
    print(log, link.sent, driver.dropped)


async def together():
    log = []

    async def worker():
        try:
            await sleep_ms(10_000)
        finally:
            log.append("worker ended")

    async def failing():
        await sleep_ms(2)
        raise ValueError("first")

    try:
        await run_together(worker, failing, worker)
    except ValueError as error:
        log.append(str(error))
    try:
        await wait_for_ms(run_together(worker, worker), 5)
    except asyncio.TimeoutError:  # MicroPython has no other name
        log.append("timed out")
    print(log)


async def orders():
    commands = Commands()

    @commands.add("double")
    async def double(args):
        await sleep_ms(1)
        return 2 * whole_number(args, "n")

    def refuse(args):
        raise CommandError("no")

    commands.add("refuse", refuse)
    for name, args in (
        ("double", {"n": 4}),
        ("double", {}),
        ("double", {"n": True}),
        ("refuse", {}),
        ("x", {}),
    ):
        print(name, await commands.run(name, args))


def keep_connected():
    engine = Engine()
    connection = Connection(engine, None, lambda count: bytes(count))
    for now, event in (
        (0, Refused(1, "wrong identity", None)),
        (1_000, Refused(2, "wrong identity", None)),
        (3_000, Established(3, b"p" * 32, True, 1, 1, 1)),
        (4_000, Lost(3, "silent")),
    ):
        connection.handle_timeout(now)
        changed = connection.handle_event(event, now)
        print(engine.connects, changed, connection.session, connection.next_deadline())


asyncio.run(drive())
asyncio.run(together())
asyncio.run(orders())
keep_connected()
