# SPDX-License-Identifier: MIT OR Apache-2.0
"""A gateway's credential goes round on a link, and a board's comes in, without a handshake."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path

import pytest

from pqmesh.credentials.keyring import Keyring
from pqmesh.credentials.own import certify, plan
from pqmesh.engine.stamps import dtag_of
from pqmesh.errors import ProtocolError
from pqmesh.identity import Identity
from pqmesh.limits import GATEWAY_OBJECTS, SERIAL_LINK
from pqmesh.objects.carrier import Carrier, Learned, wants_for
from pqmesh.objects.exchange import Exchange
from pqmesh.record import Record
from pqmesh_host.config import Config, RadioConfig
from pqmesh_host.crypto import HostCrypto
from pqmesh_host.driver import now_ms
from pqmesh_host.errors import OperatorError
from pqmesh_host.events import Event, EventBus
from pqmesh_host.mesh.broadcasts import REFRESH_S, Broadcasts, Names, share_of
from pqmesh_host.mesh.switchboard import Switchboard
from pqmesh_host.node_links import Links
from pqmesh_host.node_snapshot import link_snapshot
from pqmesh_host.store import Store
from pqmesh_host.transports.memory import MemoryCable, MemoryLink
from support.mesh_nodes import any_link
from support.virtual_loop import run_virtual

CRYPTO = HostCrypto()
GATEWAY, BOARD = Identity(bytes(32), CRYPTO), Identity(bytes([7]) * 32, CRYPTO)
WIDE = RadioConfig(region="EU868", frequency_hz=869_525_000, spreading_factor=7)


class Board:
    """The other end of a cable: broadcasts its credential, and has no sessions."""

    def __init__(self) -> None:
        self.ring = Keyring(BOARD, CRYPTO, 4)
        self.ring.adopt(certify(BOARD, CRYPTO, os.urandom, plan(1, int(time.time()))))
        names = {dtag_of(GATEWAY.peer_id): GATEWAY.peer_id}
        exchange = Exchange(
            SERIAL_LINK, os.urandom, dtag_of(BOARD.peer_id), wants_for(names.get), GATEWAY_OBJECTS
        )
        self.carrier = Carrier(exchange, self.ring, CRYPTO, names.get)
        self.events: list[Record] = []

    async def run(self, link: MemoryLink) -> None:
        exchange = self.carrier.exchange
        self.carrier.spread(BOARD.peer_id, now_ms())
        while True:
            while (event := self.carrier.next_event(now_ms())) is not None:
                self.events.append(event)
            while (frame := exchange.next_transmit(now_ms())) is not None:
                await link.send(frame)
            with contextlib.suppress(TimeoutError, ProtocolError):
                async with asyncio.timeout(0.02):
                    frame = await link.receive()
                    if exchange.takes(frame):
                        exchange.receive(frame, now_ms())
            exchange.handle_timeout(now_ms())


class Site:
    """A gateway with one link, and what it told its listeners."""

    def __init__(self, folder: Path, config: Config) -> None:
        self.config = config
        self.folder = folder
        self.events: list[Event] = []
        self.board = Board()

    async def visit(self, seconds: float, known: bool = True) -> Site:
        bus, cable = EventBus(), MemoryCable(mtu=512)
        bus._listeners.append(self.events.append)
        with Store.open(self.folder / "state.sqlite") as store:
            if known:
                store.note_peer(BOARD.peer_id, "bench")
            switchboard = Switchboard(GATEWAY.peer_id, store, bus, bytes)
            links = Links(GATEWAY, CRYPTO, store, switchboard, bus, self.config)
            (runner,) = links.runners([cable.left])
            task = asyncio.create_task(runner.run())
            async with cable.right.open() as link:
                other = asyncio.create_task(self.board.run(link))
                await asyncio.sleep(seconds)
                for one in (task, other):
                    one.cancel()
                await asyncio.gather(task, other, return_exceptions=True)
            self.held = links.custody.keyring.peer(BOARD.peer_id)
            self.snapshot = link_snapshot(runner).broadcast
        return self

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event.kind == kind]


def test_both_sides_learn_each_others_key(tmp_path: Path) -> None:
    site = run_virtual(Site(tmp_path, Config(link=(any_link(broadcast=True),))).visit(60))
    assert Learned(GATEWAY.peer_id, 1, False) in site.board.events
    (event,) = site.of("credential")
    assert (event.peer, event.details) == (BOARD.peer_id, {"epoch": 1, "killed": False})
    assert site.snapshot["arrived"] == 1
    assert site.snapshot["frames_in"] >= 15
    assert site.snapshot["octets_out"] > 6703
    assert 0 < site.snapshot["used_ms"] < 36_000
    assert site.snapshot["refused"] == 0
    key = site.board.ring.current()
    assert site.held is not None
    assert key is not None
    assert site.held.public == key.public


@pytest.mark.parametrize(("broadcast", "known"), [(False, True), (True, False)])
def test_without_the_switch_or_a_name_nothing_is_learned(
    tmp_path: Path, broadcast: bool, known: bool
) -> None:
    config = Config(link=(any_link(broadcast=broadcast),))
    site = run_virtual(Site(tmp_path, config).visit(60, known))
    assert site.of("credential") == []
    assert site.held is None
    assert bool(site.snapshot) == broadcast
    assert any(isinstance(e, Learned) for e in site.board.events) == broadcast


def test_a_pinned_link_takes_that_board_s_only(tmp_path: Path) -> None:
    config = Config(link=(any_link(broadcast=True, expect=b"\x11" * 32),))
    assert run_virtual(Site(tmp_path, config).visit(60)).held is None
    config = Config(link=(any_link(broadcast=True, expect=BOARD.peer_id),))
    assert run_virtual(Site(tmp_path, config).visit(60, known=False)).held is not None


async def test_a_link_that_opens_again_goes_on_where_it_was(tmp_path: Path) -> None:
    bus = EventBus()
    with Store.open(tmp_path / "state.sqlite") as store:
        switchboard = Switchboard(GATEWAY.peer_id, store, bus, bytes)
        config = Config(link=(any_link(broadcast=True),))
        links = Links(GATEWAY, CRYPTO, store, switchboard, bus, config)
        (runner,) = links.runners([MemoryCable().left])
        first, second = runner._make_engine(None), runner._make_engine(None)
        assert first is not second
        assert first.carrier is second.carrier  # type: ignore[attr-defined]
        assert len(first.carrier.exchange._carousel.offers) == 1  # type: ignore[attr-defined]


def test_names_are_looked_up_once_a_minute() -> None:
    now, asked = [0.0], []

    def peers() -> list[bytes]:
        asked.append(now[0])
        return [BOARD.peer_id] if now[0] else []

    names = Names(peers, lambda: now[0])
    dtag = dtag_of(BOARD.peer_id)
    assert [names(dtag), names(dtag)] == [None, None]
    now[0] = REFRESH_S
    assert names(dtag) == BOARD.peer_id
    assert asked == [0.0, REFRESH_S]


def test_on_a_radio_they_have_the_strangers_fifth_at_most() -> None:
    assert share_of(None) == 10
    assert share_of(WIDE.plan()) == 10  # a fifth of a tenth, and never more
    hundredth = RadioConfig(region="EU868", frequency_hz=868_100_000)
    assert share_of(hundredth.plan()) == 2


async def test_what_cannot_work_is_said_at_the_start(tmp_path: Path) -> None:
    narrow = RadioConfig(region="EU868", frequency_hz=864_100_000)  # a thousandth of the hour
    config = Config(link=(any_link(kind="radio", broadcast=True),), radio=narrow)
    with Store.open(tmp_path / "state.sqlite") as store:
        bus = EventBus()
        board = Switchboard(GATEWAY.peer_id, store, bus, bytes)
        links = Links(GATEWAY, CRYPTO, store, board, bus, config)
        with pytest.raises(OperatorError, match="cannot broadcast"):
            links.runners([MemoryCable().left])
        assert Broadcasts("mast", SERIAL_LINK, links.custody, list, bus).carrier is not None
