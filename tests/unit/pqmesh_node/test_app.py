# SPDX-License-Identifier: MIT OR Apache-2.0
"""The node whole: real engine, real crypto, a cable, and a gateway with its hands on it."""

import asyncio
import contextlib
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from pqmesh.engine.events import Closed, Established, Refused
from pqmesh.engine.tickets import MemoryTickets
from pqmesh.errors import SessionEnded, SessionRefused, TimedOut
from pqmesh.framing.hdlc import enframe
from pqmesh.limits import SERIAL_LINK
from pqmesh.wire import mesh
from pqmesh_host.crypto import HostCrypto
from pqmesh_node import app
from pqmesh_node.app import INBOX_MESSAGES, Node
from pqmesh_node.cable import CablePort
from pqmesh_node.events import Executed, LinkFailed, Published
from pqmesh_node.inbound import NOT_PINNED
from pqmesh_node.mailbox import READINGS
from pqmesh_node.serial import SerialLink
from pqmesh_node.settings import changed, default
from pqmesh_node.store import Directory, Store
from support.bench_gateway import BenchGateway

CRYPTO = HostCrypto()


class Interrupted(Exception):
    """Stands for KeyboardInterrupt, which would end the test's own loop."""


class Interrupting(HostCrypto):
    """Is interrupted in its first encapsulation or decapsulation, as by Ctrl-C."""

    struck = False

    def _strike(self) -> None:
        if not self.struck:
            self.struck = True
            raise Interrupted

    def kem_encapsulate(self, public_key: bytes, coins: bytes) -> tuple[bytes, bytes]:
        self._strike()
        return super().kem_encapsulate(public_key, coins)

    def kem_decapsulate(self, seed: bytes, ciphertext: bytes) -> bytes:
        self._strike()
        return super().kem_decapsulate(seed, ciphertext)


class Bench:
    """A node's surroundings, which outlive it: cable, flash, gateway."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "cable")
        self.store = Store(Directory(str(folder / "flash")))
        self.gateway = BenchGateway()
        self.events: list[Any] = []

    @contextlib.asynccontextmanager
    async def node(self, link: Any = None, **settings: Any):
        """A running node; leaving the context cuts its power."""
        port = CablePort(self.path)
        settings = {"expect": self.gateway.peer_id, "interval_ms": 60_000, **settings}
        node = Node(
            link or SerialLink(port, SERIAL_LINK.mtu),
            self.store,
            CRYPTO,
            settings=changed(default(), **settings),
            on_event=self.events.append,
        )
        task = asyncio.create_task(node.run())
        try:
            yield node
            if task.done():
                task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            port.close()

    def seen(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def bench():
    # A unix socket's path is short; pytest's folders are not.
    with tempfile.TemporaryDirectory(prefix="pqmesh-") as folder:
        yield Bench(Path(folder))


async def test_readings_go_up_and_a_command_comes_down(bench):
    async with bench.node(interval_ms=100) as node, bench.gateway.plugged(bench.path) as gateway:
        established = await gateway.session()
        assert established.peer_id == node.peer_id
        names = [message.body["n"] for message in await gateway.next_readings(4)]
        assert sorted(names) == ["interval", "link_bytes", "loop_turns", "uptime"]
        assert (await gateway.command("interval", {"ms": 250}))["r"] == 250
        assert node.settings.interval_ms == 250
        assert gateway.repeats == []
    assert bench.seen(Published)
    assert bench.seen(Executed)[0].value == 250


async def test_the_node_is_the_same_peer_with_the_same_interval_after_a_restart(bench):
    async with bench.node() as node, bench.gateway.plugged(bench.path) as gateway:
        await gateway.session()
        await gateway.command("interval", {"ms": 250})
        peer_id = node.peer_id
    again = Node(SerialLink(None, 512), bench.store, CRYPTO)
    assert again.peer_id == peer_id
    assert again.settings.interval_ms == 250


async def test_readings_taken_without_a_gateway_arrive_later_in_order(bench):
    async with bench.node() as node:
        for value in range(READINGS + 3):
            node.publish("soil", value, "mV")
        async with bench.gateway.plugged(bench.path) as gateway:
            values = [message.body["v"] for message in await gateway.next_readings(READINGS)]
        assert values == list(range(3, READINGS + 3))
        assert node.status()["dropped"] == 3


async def test_a_pulled_cable_loses_and_doubles_nothing(bench):
    async with bench.node() as node:
        for value in range(5):
            node.publish("soil", value)
        gateway = bench.gateway
        await gateway.plug(bench.path)
        await gateway.until(lambda: len(gateway.readings) >= 1)
        await gateway.pull()
        for value in range(5, 8):
            node.publish("soil", value)
        async with gateway.plugged(bench.path):
            await gateway.until(lambda: len(gateway.readings) >= 8)
        assert [message.body["v"] for message in gateway.readings] == list(range(8))


async def test_a_restarted_gateway_is_a_new_session_and_the_old_one_is_closed(bench):
    async with bench.node() as node:
        async with bench.gateway.plugged(bench.path) as gateway:
            await gateway.session()
        async with bench.gateway.plugged(bench.path) as gateway:
            await gateway.session()
            assert (await gateway.command("ping", {}))["ok"]
        assert node.connected
    assert len(bench.seen(Established)) >= 2


@pytest.mark.parametrize("gateway_begins", [True, False])
async def test_a_board_that_restarted_resumes_with_a_hundred_octets(bench, gateway_begins):
    gateway = bench.gateway
    gateway.tickets = MemoryTickets(4)
    gateway.initiates = gateway_begins
    async with bench.node() as node, gateway.plugged(bench.path):
        first = await gateway.session()
        await gateway.command("ping", {})
        assert first.sent_bytes + first.received_bytes > 10_000
        assert (node.status()["resumed"], node.status()["tickets"]) == (0, 1)
        gateway.expect = first.peer_id
    for _ in range(3):
        async with bench.node() as node, gateway.plugged(bench.path):
            again = await gateway.session()
            assert again.sent_bytes + again.received_bytes <= 150
            assert gateway.resumed == 1
            assert (await gateway.command("status", {}))["r"]["resumed"] == 1
            assert node.counters()["engine"]["handshakes_resumed"] == 1


@pytest.mark.parametrize("loser", ["board", "gateway"])
async def test_a_lost_ticket_costs_a_full_handshake_and_nothing_else(bench, loser):
    gateway = bench.gateway
    gateway.tickets = MemoryTickets(4)
    async with bench.node(), gateway.plugged(bench.path):
        gateway.expect = (await gateway.session()).peer_id
        await gateway.command("ping", {})
    if loser == "gateway":
        gateway.tickets = MemoryTickets(4)
    else:
        for slot in ("vault.0", "vault.1"):
            bench.store.files.write(slot, b"worn out")
    for resumed in (0, 1):
        async with bench.node() as node, gateway.plugged(bench.path):
            await gateway.session()
            assert (await gateway.command("ping", {}))["ok"]
            assert node.status()["resumed"] == resumed


async def test_an_impostor_gateway_is_refused_and_the_right_one_served(bench):
    impostor = BenchGateway()
    async with bench.node() as node:
        async with impostor.plugged(bench.path):
            async with asyncio.timeout(15):
                while not bench.seen(Refused):
                    await asyncio.sleep(0.01)
            assert bench.seen(Refused)[0].peer_id == impostor.peer_id
            assert not node.connected
            assert impostor.readings == []
        async with bench.gateway.plugged(bench.path) as gateway:
            await gateway.session()


async def test_a_board_without_a_pinned_gateway_sends_but_does_not_obey(bench):
    async with bench.node(expect=None, interval_ms=100) as node:
        async with bench.gateway.plugged(bench.path) as gateway:
            await gateway.next_readings(1)
            reply = await gateway.command("interval", {"ms": 5000})
        assert (reply["ok"], reply["r"]) == (False, NOT_PINNED)
        assert node.settings.interval_ms == 100


async def test_status_fits_a_reply(bench):
    async with bench.node(name="Gewächshaus hinter dem Haus"), bench.gateway.plugged(bench.path):
        reply = await bench.gateway.command("status", {})
    assert reply["ok"]
    assert reply["r"]["name"] == "Gewächshaus hinter dem Haus"
    assert reply["r"]["pinned"] is True


async def test_a_program_sends_and_receives_messages_of_its_own(bench):
    async with bench.node() as node, bench.gateway.plugged(bench.path) as gateway:
        await node.send(mesh.reading(b"12345678", "own", 5, "", 0))
        assert (await gateway.next_readings(1))[0].id == b"12345678"
        gateway._outbox.add(b"87654321", mesh.reading(b"87654321", "back", 6, "", 0).encode())
        gateway._settle()
        async with asyncio.timeout(5):
            origin, message = await node.recv()
        assert origin == gateway.peer_id
        assert message.body["v"] == 6


async def test_send_waits_for_room(bench, monkeypatch):
    monkeypatch.setattr(app, "_LINK_RETRY_MS", 5)
    async with bench.node() as node:
        for value in range(READINGS):
            node.publish("soil", value)
        sending = asyncio.create_task(node.send(mesh.reading(b"12345678", "own", 5, "", 0)))
        await asyncio.sleep(0.02)
        assert not sending.done()
        async with bench.gateway.plugged(bench.path):
            async with asyncio.timeout(10):
                await sending
            await bench.gateway.until(lambda: len(bench.gateway.readings) == READINGS + 1)
        assert node.status()["dropped"] == 0


async def test_what_nobody_receives_is_bounded_and_counted(bench):
    async with bench.node() as node, bench.gateway.plugged(bench.path) as gateway:
        await gateway.session()
        for number in range(INBOX_MESSAGES + 2):
            ident = number.to_bytes(8, "big")
            gateway._outbox.add(ident, mesh.reading(ident, "back", number, "", 0).encode())
        gateway._settle()
        await gateway.until(lambda: len(gateway._outbox) == 0)
        assert node.counts["inbox_dropped"] == 2
        assert (await node.recv())[1].body["v"] == 2


async def test_an_unreadable_message_is_counted(bench):
    async with bench.node() as node, bench.gateway.plugged(bench.path) as gateway:
        await gateway.session()
        gateway._outbox.add(b"87654321", b"no mesh message")
        gateway._settle()
        await gateway.until(lambda: len(gateway._outbox) == 0)
        assert node.counts["unreadable"] == 1
        assert (await gateway.command("ping", {}))["ok"]


async def test_noise_on_the_line_does_not_end_a_session(bench):
    async with bench.node() as node, bench.gateway.plugged(bench.path) as gateway:
        established = await gateway.session()
        for _ in range(20):
            await gateway.put(os.urandom(700))
            await gateway.put(b"\x7e" + enframe(os.urandom(40))[:-5])
            await gateway.put(b"\x7e" + enframe(os.urandom(60)))
        assert (await gateway.command("ping", {}))["ok"]
        assert gateway.events.count(established) == 1
        counters = node.counters()
        assert counters["frames_damaged"] >= 20
        assert sum(counters["frames_refused"].values()) >= 20


async def test_a_failing_link_is_reported_and_tried_again(bench, monkeypatch):
    monkeypatch.setattr(app, "_LINK_RETRY_MS", 5)

    class Loose:
        mtu, bytes_in, bytes_out, dropped = 512, 0, 0, 0
        opened = 0

        async def receive(self) -> bytes:
            self.opened += 1
            raise OSError(5)

        async def send(self, frame: bytes) -> None:
            await asyncio.sleep(0)

    link = Loose()
    async with bench.node(link=link) as node:
        await asyncio.sleep(0.1)
        assert link.opened > 2
        assert link.opened - node.counts["link_failures"] in (0, 1)  # the last may be on its way
    assert bench.seen(LinkFailed)[0].retry_ms == 5


async def test_a_bug_ends_the_run_with_its_exception(bench):
    async def explode() -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):  # noqa: PT012 (it ends with the node)
        async with bench.node() as node:
            node._desk._commands.run = lambda name, args: explode()
            async with bench.gateway.plugged(bench.path) as gateway:
                await gateway.session()
                gateway.ask("ping", {})
                await asyncio.sleep(0.2)


async def test_a_run_that_was_interrupted_inside_the_engine_goes_on_with_a_fresh_one(bench):
    """Ctrl-C on the prompt may strike in the middle of a signature."""
    node = Node(
        SerialLink(CablePort(bench.path), SERIAL_LINK.mtu),
        bench.store,
        Interrupting(),
        settings=changed(default(), expect=bench.gateway.peer_id),
    )
    async with bench.gateway.plugged(bench.path) as gateway:
        with pytest.raises(Interrupted):
            await node.run()
        task = asyncio.create_task(node.run())
        await gateway.session()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    node._link._port.close()


async def test_goodbye_closes_the_session_and_is_harmless_without_one(bench):
    gateway = bench.gateway
    async with bench.node() as node:
        await node.goodbye()
        async with gateway.plugged(bench.path):
            await gateway.command("ping", {})
            await node.goodbye()
            await gateway.until(lambda: any(isinstance(event, Closed) for event in gateway.events))


async def test_the_watchdog_is_fed_while_the_node_idles(bench):
    fed: list[int] = []
    node = Node(
        SerialLink(CablePort(bench.path), 512), bench.store, CRYPTO, watchdog=lambda: fed.append(1)
    )
    task = asyncio.create_task(node.run())
    await asyncio.sleep(1.3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    node._link._port.close()
    assert len(fed) >= 2


async def test_a_program_talks_in_the_session_that_the_node_keeps(bench):
    bench.gateway.initiates = (
        False  # on a busy machine a second handshake may follow a crossed one
    )
    async with bench.node() as node, bench.gateway.plugged(bench.path) as gateway:
        seen = []
        async with node.session(gateway.peer_id, 30_000, seen.append) as session:
            message = await session.send(b"soil 41", priority=1, deadline_ms=30_000)
            assert await message.delivered(30_000) == message.rtt_ms
            gateway.say(b"water it")
            assert await session.receive(30_000) == b"water it"
        assert gateway.heard == [b"soil 41"]
        assert seen
        assert (await gateway.command("ping", {}))["ok"]  # it goes on without the program
        gateway.say(b"and again")
        async with node.session() as session:
            assert await session.receive(30_000) == b"and again"
            await gateway.pull()
            node._start_afresh()
            with pytest.raises(SessionEnded):
                await session.receive(30_000)


async def test_a_program_that_takes_no_sessions_is_not_made_to(bench):
    async with bench.node() as node, bench.gateway.plugged(bench.path) as gateway:
        await gateway.session()
        gateway.say(b"anybody?")
        await gateway.command("ping", {})
        assert node.counters()["node"]["unheard"] == 1


async def test_a_pinned_node_has_no_session_with_others(bench):
    async with bench.node() as node:
        with pytest.raises(SessionRefused, match="belongs to"):
            await node.session(b"x" * 32).__aenter__()
        with pytest.raises(TimedOut):  # the cable is not plugged in
            await node.session(bench.gateway.peer_id, 30).__aenter__()


async def test_a_gateway_that_is_another_is_told_to_the_program(bench):
    async with bench.node(expect=b"x" * 32) as node, bench.gateway.plugged(bench.path):
        with pytest.raises(SessionRefused):
            await node.session(timeout_ms=30_000).__aenter__()
