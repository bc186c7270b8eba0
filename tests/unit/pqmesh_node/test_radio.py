# SPDX-License-Identifier: MIT OR Apache-2.0
"""A node on a radio keeps the plan it was given: airtime, floors, key. In virtual time."""

import asyncio

import pytest

from pqmesh import cbor
from pqmesh.airtime.lora import LoraModulation
from pqmesh.engine.events import Refused
from pqmesh.engine.floors import ALWAYS, NEVER
from pqmesh.limits import RADIO_LINK, SERIAL_LINK
from pqmesh.links import ax25, lora
from pqmesh.wire import mesh
from pqmesh.wire.handshake import HS_K
from pqmesh.wire.resumption import HS_R
from pqmesh_host.crypto import HostCrypto
from pqmesh_host.driver import now_us
from pqmesh_host.transports.memory import MemoryCable
from pqmesh_node import plan as plans
from pqmesh_node.app import Node
from pqmesh_node.clock import Clock
from pqmesh_node.events import AirtimeWait
from pqmesh_node.journal import REPLY_BYTES
from pqmesh_node.radio import Radio, planned_profile
from pqmesh_node.settings import SettingsError, changed, default
from pqmesh_node.slots import FileSlots
from pqmesh_node.store import Directory, Store
from pqmesh_node.vault import Vault
from support.airtime import HOUR_US, Listener
from support.mesh_nodes import BoardLink
from support.virtual_loop import run_virtual

RADIO = {"hz": 864_100_000, "sf": 9, "bw": 125, "cr": 5, "dbm": 14, "permille": 1000}
NARROW = {**RADIO, "region": "EU868"}  # 3.6 s in any hour
OPEN = {"strangers": ALWAYS, "minimum": HS_R}
CRYPTO = HostCrypto()


def stored(folder, plan):
    store = Store(Directory(str(folder / "flash")))
    if plan is not None:
        plans.keep(plan, store, Vault(FileSlots(store.files)))
    return store


def node_of(store, events, link=None, **options):
    clock = Clock(ticks=lambda: now_us() // 1000)
    options["profile"] = options.get("profile") or planned_profile(store)
    settings = changed(default(), interval_ms=60_000)
    return Node(
        *(link, store, CRYPTO),
        settings=settings,
        on_event=events.append,
        clock=clock,
        **options,
    )


async def alone_on_the_air(store, hours, restarts=0):
    """A node that calls and is not answered; returns it, its events, and who listened."""
    cable = MemoryCable(mtu=255)
    modulation = LoraModulation(9)
    listener, events = Listener(modulation, now_us), []
    node = node_of(store, events, BoardLink(cable.right))

    async def listen():
        async with cable.left.open() as link:
            while True:
                listener.hear(await link.receive())

    listening = asyncio.create_task(listen())
    for _ in range(restarts + 1):
        running = asyncio.create_task(node.run())
        await asyncio.sleep(hours * 3600 / (restarts + 1))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    status = node.status()
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    return status, events, listener


def test_a_node_never_exceeds_its_hour_and_says_when_it_may_go_on(tmp_path):
    store = stored(tmp_path, {"radio": NARROW, "floors": OPEN})
    status, events, heard = run_virtual(alone_on_the_air(store, 4))
    assert not heard.overlaps()
    assert 3_000_000 < heard.fullest_us() <= 3_600_000
    waits = [event for event in events if isinstance(event, AirtimeWait)]
    assert waits
    assert all(1_000 <= event.wait_ms <= 3_600_000 for event in waits)
    used_ms, budget_ms, next_in_ms = status["airtime"]
    assert budget_ms == 3_600
    assert 3_000 < used_ms <= 3_600
    assert 0 <= next_in_ms < 3_600_000
    widest = {**status, "name": "x" * 32, "neighbour": "a" * 16, "airtime": [10**7] * 3}
    ident = bytes(mesh.ID_BYTES)
    reply = mesh.reply(ident, ident, True, widest, bytes(32))
    assert len(reply.encode()) + 20 < REPLY_BYTES  # counters and the machine's name may grow


def test_what_was_sent_counts_after_run_was_called_again(tmp_path):
    store = stored(tmp_path, {"radio": NARROW, "floors": OPEN})
    _, _, heard = run_virtual(alone_on_the_air(store, 2, restarts=20))
    assert 3_000_000 < heard.fullest_us() <= 3_600_000


def test_a_gateway_that_is_not_there_does_not_cost_the_hour(tmp_path):
    radio = {**NARROW, "hz": 868_100_000}  # 36 s
    store = stored(tmp_path, {"radio": radio, "floors": OPEN})
    _, _, heard = run_virtual(alone_on_the_air(store, 4))
    late = [end - begin for begin, end in heard.sent if begin > 2 * HOUR_US]
    assert 0 < sum(late) / 2 < 12_000_000  # a third


def test_an_operator_s_share_is_kept(tmp_path):
    radio = {**RADIO, "permille": 1}  # no region: of an operator before there were any
    store = stored(tmp_path, {"radio": radio, "floors": OPEN})
    _, _, heard = run_virtual(alone_on_the_air(store, 3))
    assert 3_000_000 < heard.fullest_us() <= 3_600_000


def test_the_stored_floors_hold(tmp_path):
    async def reasons(plan):
        store, events = stored(tmp_path, plan), []
        node = node_of(store, events, BoardLink(MemoryCable().right))
        running = asyncio.create_task(node.run())
        await asyncio.sleep(20)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return {event.reason for event in events if isinstance(event, Refused)}

    closed = {"radio": NARROW, "floors": {"strangers": NEVER, "minimum": HS_R}}
    assert run_virtual(reasons(closed)) == {"HS-S with whoever is there is not for this link"}
    assert run_virtual(reasons({"radio": NARROW, "floors": OPEN})) == set()


def test_the_stored_floors_and_key_are_an_engine_s(tmp_path):
    plan = {"floors": {"strangers": NEVER, "minimum": HS_K}, "key": bytes(range(32))}
    store = stored(tmp_path, plan)
    radio = Radio(store, Vault(FileSlots(store.files)), RADIO_LINK)
    assert radio.ports["network_key"] == bytes(range(32))
    assert radio.ports["floors"].objection(b"\xb0" * 32, HS_R) == "HS-R is below HS-K"
    assert radio.passage(None) is None  # no radio is planned: nothing limits it
    assert radio.status(0) is None

    async def made():
        node = node_of(store, [], profile=ax25())
        assert node._engine._handshakes._entrances._key is not None
        assert "airtime" not in node.status()

    run_virtual(made())


def test_a_cable_knows_nothing_of_the_plan(tmp_path):
    store = stored(tmp_path, {"radio": NARROW, "floors": OPEN})

    async def made():
        node = node_of(store, [], profile=SERIAL_LINK)
        assert node.radio is None
        assert "airtime" not in node.status()

    run_virtual(made())


def test_the_profile_is_that_of_the_planned_radio(tmp_path):
    assert planned_profile(stored(tmp_path, {"radio": {**RADIO, "sf": 7}})) == lora(
        LoraModulation(7)
    )


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        (None, "no radio plan; provision it over its cable first"),
        ({"name": "shed"}, "no radio plan"),
        ({"radio": {**NARROW, "hz": 915_000_000}}, "cannot work: EU868 has no band"),
        ({"radio": {**NARROW, "sf": 12}}, "cannot work: a frame of 222 octets is 8"),
    ],
)
def test_a_plan_that_cannot_be_kept_is_said(tmp_path, plan, why):
    with pytest.raises(SettingsError, match=why):
        planned_profile(stored(tmp_path, plan))


def test_a_damaged_plan_is_said(tmp_path):
    store = stored(tmp_path, None)
    store.save(plans.RECORD, cbor.encode({"radio": 5}))
    with pytest.raises(SettingsError, match="the plan does not parse"):
        Radio(store, Vault(FileSlots(store.files)), RADIO_LINK)
