# SPDX-License-Identifier: MIT OR Apache-2.0
"""The QUIC side with scripted peers: dialling again, handing over once accepted, superseding."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pqmesh.errors import SessionEnded
from pqmesh.wire.mesh import MeshMessage, reading
from pqmesh_host.config import PeerConfig
from pqmesh_host.events import Event, EventBus
from pqmesh_host.mesh import quic_runner as subject
from pqmesh_host.mesh.quic_runner import QuicRunner
from pqmesh_host.mesh.router import Hop
from pqmesh_host.mesh.switchboard import Switchboard
from pqmesh_host.quic.errors import ConnectTimeout, NotAcknowledged, PeerClosed
from pqmesh_host.quic.virtual import VirtualAddress
from pqmesh_host.store import AddressStore, Store

OWN, ALICE, BOARD = b"\x00" * 32, b"\xa1" * 32, b"\xb0" * 32
ADDRESS = ("192.0.2.1", 4433)
IDS = [b"%08d" % number for number in range(8)]


class ScriptedPeer:
    def __init__(self, peer_id: bytes = ALICE, *, takes_ack_requests: bool = True) -> None:
        self.peer_id = peer_id
        self.address = ADDRESS
        self.initiator = False
        self.handshake_ms = 12.3
        self.bytes_sent, self.bytes_received = 5_000, 6_000
        self.takes_ack_requests = takes_ack_requests
        self.accepted: list[bytes] = []
        self.refusals: list[Exception] = []
        self.inbox: asyncio.Queue[bytes] = asyncio.Queue()
        self.closed: asyncio.Future[PeerClosed] = asyncio.get_running_loop().create_future()
        self.stuck = asyncio.Event()
        self.stuck.set()

    async def send(self, payload: bytes) -> None:
        self.accepted.append(payload)

    async def send_acknowledged(
        self, payload: bytes, timeout_s: float = 0, request_id: bytes | None = None
    ) -> None:
        await self.stuck.wait()
        if self.refusals:
            raise self.refusals.pop()
        self.accepted.append(payload)

    async def recv(self) -> bytes:
        getting = asyncio.ensure_future(self.inbox.get())
        await asyncio.wait([getting, self.closed], return_when=asyncio.FIRST_COMPLETED)
        if getting.done():
            return getting.result()
        getting.cancel()
        raise self.closed.result()

    async def wait_closed(self) -> PeerClosed:
        return await asyncio.shield(self.closed)

    def hang_up(self, code: int = 0) -> None:
        self.closed.set_result(PeerClosed(code, "going home", by_peer=True))

    async def close(self, code: int = 0, reason: str = "") -> None:
        self.closed.set_result(PeerClosed(code, "closing", by_peer=False))


class ScriptedEndpoint:
    def __init__(self) -> None:
        self.dialled: list[tuple[Any, Any]] = []
        self.answers: asyncio.Queue[Any] = asyncio.Queue()
        self.arrivals: asyncio.Queue[ScriptedPeer] = asyncio.Queue()

    async def connect(
        self, address: Any, *, expect: bytes | None = None, timeout_s: float = 0
    ) -> ScriptedPeer:
        self.dialled.append((address, expect))
        answer = await self.answers.get()
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    async def accept(self) -> ScriptedPeer:
        return await self.arrivals.get()


class Rig:
    def __init__(self, store: Store, dial: tuple[PeerConfig, ...]) -> None:
        self.events: list[Event] = []
        bus = EventBus()
        bus._listeners.append(self.events.append)
        self.switchboard = Switchboard(OWN, store, bus, bytes, named={ALICE})
        self.endpoint = ScriptedEndpoint()
        self.addresses = AddressStore(store)
        self.runner = QuicRunner(self.endpoint, dial, self.switchboard, bus, self.addresses)
        self.task = asyncio.create_task(self.runner.run())

    def keep(self, number: int) -> None:
        payload = reading(IDS[number], "t", number, "C", 0).encode()
        self.switchboard._mailboxes[ALICE].keep(IDS[number], payload, 0)
        self.switchboard.wake(ALICE)

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.001)

    async def arrives(self, peer: ScriptedPeer) -> ScriptedPeer:
        opened = self.kinds().count("peer-open")
        await self.endpoint.arrivals.put(peer)
        await self.until(lambda: self.kinds().count("peer-open") == opened + 1)
        return peer


@pytest.fixture
async def make_rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    monkeypatch.setattr(subject.Backoff, "next_ms", lambda _self: 5)
    rigs: list[Rig] = []
    with Store.open(tmp_path / "state.sqlite") as store:

        def make(*dial: PeerConfig) -> Rig:
            rigs.append(Rig(store, dial))
            return rigs[-1]

        yield make
        for rig in rigs:
            rig.task.cancel()
            await asyncio.gather(rig.task, return_exceptions=True)


def numbers(peer: ScriptedPeer) -> list[int]:
    return [MeshMessage.decode(payload).body["v"] for payload in peer.accepted]


async def test_a_peer_that_dials_us_is_served_and_reported(make_rig: Any) -> None:
    rig = make_rig()
    peer = await rig.arrives(ScriptedPeer())
    (event,) = rig.events
    assert (event.peer, event.over) == (ALICE, "quic 192.0.2.1:4433")
    assert (event.wire_bytes, event.ms) == (11_000, 12)
    await peer.inbox.put(reading(b"identify", "t", 1, "C", 0).encode())
    await rig.until(lambda: "reading" in rig.kinds())
    await peer.inbox.put(b"nonsense")
    await rig.until(lambda: "dropped" in rig.kinds())


async def test_messages_wait_until_the_peer_has_accepted_them(make_rig: Any) -> None:
    rig = make_rig()
    peer = ScriptedPeer()
    peer.stuck.clear()
    await rig.arrives(peer)
    rig.keep(0)
    await asyncio.sleep(0.01)
    assert rig.switchboard.waiting() == {ALICE: 1}
    peer.stuck.set()
    await rig.until(lambda: "forwarded" in rig.kinds())
    assert rig.switchboard.waiting() == {}
    assert numbers(peer) == [0]


async def test_a_peer_that_ends_gives_its_messages_back_for_the_next(make_rig: Any) -> None:
    rig = make_rig()
    first = ScriptedPeer()
    first.stuck.clear()
    await rig.arrives(first)
    for number in range(3):
        rig.keep(number)
    await asyncio.sleep(0.01)
    first.hang_up()
    await rig.until(lambda: "peer-closed" in rig.kinds())
    assert "going home" in rig.events[-1].text
    second = await rig.arrives(ScriptedPeer())
    await rig.until(lambda: len(second.accepted) == 3)
    assert numbers(second) == [0, 1, 2]


async def test_a_superseded_connection_hands_its_messages_to_the_newer(make_rig: Any) -> None:
    rig = make_rig()
    older = ScriptedPeer()
    older.stuck.clear()
    await rig.arrives(older)
    rig.keep(0)
    await asyncio.sleep(0.01)
    newer = await rig.arrives(ScriptedPeer())
    older.hang_up()
    await rig.until(lambda: numbers(newer) == [0])
    assert rig.switchboard.peers() == {ALICE}


async def test_a_message_that_is_not_accepted_is_offered_again(
    make_rig: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "OFFER_AGAIN_S", 0.001)
    rig = make_rig()
    peer = ScriptedPeer()
    peer.refusals = [TimeoutError(), NotAcknowledged(1, 2, "no reader")]
    await rig.arrives(peer)
    rig.keep(0)
    await rig.until(lambda: numbers(peer) == [0])
    assert rig.kinds().count("dropped") == 2
    await rig.until(lambda: "forwarded" in rig.kinds())


async def test_a_peer_without_acceptance_gets_each_message_once(make_rig: Any) -> None:
    rig = make_rig()
    peer = await rig.arrives(ScriptedPeer(takes_ack_requests=False))
    rig.keep(0)
    await rig.until(lambda: "forwarded" in rig.kinds())
    assert numbers(peer) == [0]


async def test_a_slow_peer_has_a_bounded_number_in_flight(
    make_rig: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "IN_FLIGHT", 2)
    rig = make_rig()
    peer = ScriptedPeer()
    peer.stuck.clear()
    await rig.arrives(peer)
    for number in range(5):
        rig.keep(number)
    await asyncio.sleep(0.01)
    waiting = rig.switchboard._mailboxes[ALICE].waiting()
    assert waiting is not None
    assert waiting[0] == IDS[2]
    peer.stuck.set()
    await rig.until(lambda: sorted(numbers(peer)) == [0, 1, 2, 3, 4])


async def test_a_configured_peer_is_dialled_until_it_answers_and_again(make_rig: Any) -> None:
    rig = make_rig(PeerConfig(address=ADDRESS, id=ALICE))
    await rig.endpoint.answers.put(ConnectTimeout(ADDRESS, 10))
    peer = ScriptedPeer()
    await rig.endpoint.answers.put(peer)
    await rig.until(lambda: "peer-open" in rig.kinds())
    refused = rig.events[0]
    assert (refused.kind, refused.peer, refused.over) == (
        "peer-refused",
        ALICE,
        "quic 192.0.2.1:4433",
    )
    assert refused.details["retry_in_ms"] == 5
    peer.hang_up()
    await rig.until(lambda: len(rig.endpoint.dialled) == 3)
    assert set(rig.endpoint.dialled) == {(ADDRESS, ALICE)}


OTHER = ("192.0.2.7", 9000)


async def test_a_peer_without_an_address_is_dialled_where_it_was_reached(make_rig: Any) -> None:
    rig = make_rig(PeerConfig(id=ALICE))
    await rig.until(lambda: "peer-refused" in rig.kinds())
    assert "no address is known" in rig.events[0].text
    assert rig.endpoint.dialled == []
    rig.addresses.worked(ALICE, OTHER, "accepted")
    await rig.until(lambda: rig.endpoint.dialled == [(OTHER, ALICE)])


async def test_known_addresses_are_tried_in_turn_with_the_configured_one(make_rig: Any) -> None:
    rig = make_rig(PeerConfig(address=ADDRESS, id=ALICE))
    rig.addresses.worked(ALICE, OTHER, "dialled")
    for _ in range(3):
        await rig.endpoint.answers.put(ConnectTimeout(ADDRESS, 10))
    await rig.until(lambda: len(rig.endpoint.dialled) == 4)
    assert [address for address, _ in rig.endpoint.dialled] == [ADDRESS, OTHER, ADDRESS, OTHER]
    (known,) = rig.addresses.of(ALICE)
    assert (known.address, known.failures) == (OTHER, 1)


async def test_where_a_peer_proved_itself_is_remembered(make_rig: Any) -> None:
    rig = make_rig()
    await rig.arrives(ScriptedPeer())
    await rig.until(lambda: "peer-open" in rig.kinds())
    (known,) = rig.addresses.of(ALICE)
    assert (known.address, known.how, known.successes) == (ADDRESS, "accepted", 1)


async def test_the_far_end_of_a_relay_is_not_remembered(make_rig: Any) -> None:
    rig = make_rig()
    peer = ScriptedPeer()
    peer.address = VirtualAddress(ADDRESS, lambda data: None)
    await rig.arrives(peer)
    await rig.until(lambda: "peer-open" in rig.kinds())
    assert rig.addresses.of(ALICE) == []


async def test_a_peer_that_came_by_itself_is_not_dialled(make_rig: Any) -> None:
    rig = make_rig(PeerConfig(address=ADDRESS, id=ALICE))
    await rig.until(lambda: rig.endpoint.dialled)
    await rig.arrives(ScriptedPeer())
    await rig.endpoint.answers.put(ConnectTimeout(ADDRESS, 10))
    await rig.until(lambda: "peer-refused" in rig.kinds())
    await asyncio.sleep(0.05)  # ten times the pause between two tries
    assert len(rig.endpoint.dialled) == 1


async def test_the_same_connection_from_both_doors_is_served_once(make_rig: Any) -> None:
    rig = make_rig(PeerConfig(address=ADDRESS, id=ALICE))
    peer = ScriptedPeer()
    await rig.endpoint.arrivals.put(peer)
    await rig.endpoint.answers.put(peer)
    await asyncio.sleep(0.02)
    assert rig.kinds() == ["peer-open"]
    assert [session.hop for session in rig.runner.sessions()] == [Hop(ALICE, on_link=False)]


async def test_an_ipv6_address_is_written_in_brackets(make_rig: Any) -> None:
    rig = make_rig()
    peer = ScriptedPeer(BOARD)
    peer.address = ("2001:db8::1", 4433)
    await rig.arrives(peer)
    assert rig.events[0].over == "quic [2001:db8::1]:4433"


async def test_a_connection_that_fails_is_told_apart_from_one_that_is_closed(
    make_rig: Any,
) -> None:
    rig = make_rig()
    (await rig.arrives(ScriptedPeer())).hang_up(code=1)
    await rig.until(lambda: "peer-lost" in rig.kinds())


async def test_shutting_down_takes_what_had_been_accepted(make_rig: Any) -> None:
    rig = make_rig(PeerConfig(address=ADDRESS, id=BOARD))
    peer = await rig.arrives(ScriptedPeer())
    for number in range(5):
        peer.inbox.put_nowait(reading(IDS[number], "t", number, "C", 0).encode())
    await rig.runner.shutdown()
    assert rig.kinds().count("reading") == 5
    assert rig.kinds()[-1] == "peer-closed"
    await rig.endpoint.arrivals.put(ScriptedPeer())
    await asyncio.sleep(0.01)
    assert rig.runner.sessions() == []


async def test_shutting_down_does_not_wait_for_ever(
    make_rig: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "DRAIN_S", 0.02)
    rig = make_rig()
    peer = await rig.arrives(ScriptedPeer())
    monkeypatch.setattr(peer, "close", asyncio.Event().wait)
    async with asyncio.timeout(5):
        await rig.runner.shutdown()


async def test_a_program_talks_with_a_peer(make_rig: Any) -> None:
    rig = make_rig()
    peer = await rig.arrives(ScriptedPeer())
    async with rig.switchboard.programs.session(ALICE, 1_000, None) as session:
        message = await session.send(b"hello", deadline_ms=60_000)
        assert await message.delivered(5_000) >= 0
        assert peer.accepted == [b"\x60hello"]
        await peer.inbox.put(b"\x60hi")
        assert await session.receive(5_000) == b"hi"
        peer.hang_up(7)
        with pytest.raises(SessionEnded) as ended:
            await session.receive(5_000)
        assert (ended.value.code, ended.value.by_peer) == (7, True)


async def test_a_peer_of_which_we_forget_ends_the_program_s_session(make_rig: Any) -> None:
    rig = make_rig()
    await rig.arrives(ScriptedPeer())
    async with rig.switchboard.programs.session(ALICE, 1_000, None) as session:
        rig.task.cancel()
        with pytest.raises(SessionEnded, match="stops"):
            await session.receive(5_000)
