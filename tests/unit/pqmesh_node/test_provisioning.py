# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a node refuses while it is provisioned, and that it always says why.

Whole runs are in tests/integration/test_provisioning.py.
"""

import asyncio
import contextlib

import pytest

from pqmesh import cbor
from pqmesh.errors import Busy, NoSuchSession
from pqmesh.wire import provisioning as wire
from pqmesh_node import provisioning as subject
from pqmesh_node.provisioning import ProvisioningDesk
from pqmesh_node.settings import SettingsError
from pqmesh_node.store import Store
from support.credentials import CRYPTO, START, Owner
from support.custody import Board

OPERATOR = Owner(b"operator")
EPOCH = OPERATOR.epoch(1)
TAG = b"operator"
KEY_ID = EPOCH.keys(CRYPTO)[0].credential_id
CREDENTIAL = OPERATOR.credential(EPOCH)


class Bench:
    """A desk whose session takes what the test lets it take."""

    def __init__(self, folder) -> None:
        self.board = Board(folder)
        self.custody = self.board.start()
        self.sent: list[bytes] = []
        self.failure: Exception | None = None
        self.finished: list[tuple[bytes, dict]] = []
        self.settings_fail = False
        self.time = time = self.board.time
        self.keys = self.custody.open_keys()
        store = Store(self.board.directory)
        self.desk = ProvisioningDesk(self.custody, CRYPTO, store, time, self.send, self.finish)

    def send(self, session: int, payload: bytes) -> int:
        if self.failure is not None:
            raise self.failure
        self.sent.append(payload)
        return len(self.sent)

    def finish(self, peer_id: bytes, plan: dict) -> None:
        if self.settings_fail:
            raise SettingsError("name: want 1 to 32 bytes")
        self.finished.append((peer_id, plan))

    def take(self, payload: bytes, session: int = 1, objection: str | None = None) -> None:
        self.desk.take(payload, session, OPERATOR.peer_id, objection)

    @property
    def refusal(self) -> str:
        return wire.parse(self.sent[-1]).reason.decode()

    async def until(self, kind: type) -> object:
        """The next message of a kind; every one before is acknowledged."""
        async with asyncio.timeout(10):
            at = 0
            while True:
                while at < len(self.sent):
                    at += 1
                    self.desk.delivered(1, at)
                    message = wire.parse(self.sent[at - 1])
                    if isinstance(message, kind):
                        return message
                await asyncio.sleep(0)


@pytest.fixture
async def bench(tmp_path):
    made = Bench(tmp_path)
    task = asyncio.create_task(made.desk.run())
    yield made
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def begin(**changes) -> bytes:
    values = {"now_s": START, "epoch_floor": 0, "chain": TAG, "credential_id": KEY_ID, **changes}
    return wire.begin(entropy=b"e" * 32, **values)


async def ready(bench: Bench) -> wire.Ready:
    bench.take(begin())
    return await bench.until(wire.Ready)


async def test_ready_says_what_is_lacking(bench):
    message = await ready(bench)
    assert message.flags == wire.WANT_CREDENTIAL
    assert (message.index, message.stocked, message.left, message.epoch_floor) == (0, 0, 0, 0)
    assert message.credential_id == bench.keys.keyring.current().credential_id
    assert bench.keys.tags(OPERATOR.peer_id) == (message.chain, TAG)
    again = await ready(bench)
    assert again.chain == message.chain


@pytest.mark.parametrize("payload", [wire.start(0, 0, 1), wire.part(0, b"x"), wire.finish(b"")])
async def test_nothing_comes_before_begin(bench, payload):
    bench.take(payload)
    assert bench.refusal == "provisioning has not begun"
    assert bench.desk.counts["refused"] == 1


async def test_another_sessions_messages_are_not_this_runs(bench):
    await ready(bench)
    bench.take(wire.start(0, 0, 1), session=2)
    assert "not begun" in bench.refusal


async def test_an_objection_is_told(bench):
    bench.take(begin(), objection="this node belongs to another gateway")
    assert bench.refusal == "this node belongs to another gateway"
    assert bench.custody.vault.names() == []


async def test_unreadable_and_misplaced_messages_are_refused(bench):
    bench.take(b"\x50\x02")
    assert "version 2" in bench.refusal
    await ready(bench)
    bench.take(wire.done(1, 1))
    assert bench.refusal == "not for a node"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (wire.start(0, 0, 200), "200 prekeys"),
        (wire.part(5, b"x"), "a credential at 5"),
        (wire.part(0, b"x" * 1024), None),
        (wire.prekey(3, bytes(1184)), None),
        (wire.finish(cbor.encode({})), "credential has not come"),
    ],
)
async def test_what_does_not_fit_is_refused(bench, payload, reason):
    await ready(bench)
    bench.take(payload)
    if reason is not None:
        assert reason in bench.refusal


async def test_prekeys_come_in_order(bench):
    await ready(bench)
    for index in (3, 4, 5):
        bench.take(wire.prekey(index, bytes([index]) * 1184))
    assert bench.keys.prekeys.stocked(OPERATOR.peer_id) == 3
    bench.take(wire.prekey(9, bytes(1184)))
    assert "on top of 6" in bench.refusal
    assert bench.keys.prekeys.take(OPERATOR.peer_id) == (3, b"\3" * 1184)


async def test_a_credential_of_somebody_else_is_refused(bench):
    other = Owner(b"other")
    await ready(bench)
    bench.take(wire.part(0, other.credential(other.epoch(1))[:1024]))
    bench.take(wire.part(1024, other.credential(other.epoch(1))[1024:2048]))
    assert "in place of" in bench.refusal


async def test_prekeys_that_are_gone_cannot_be_asked_for(bench):
    await ready(bench)
    bench.keys.prekeys.used(OPERATOR.peer_id, 10)
    bench.take(wire.start(0, 3, 4))
    refused = await bench.until(wire.Refused)
    assert b"of a chain at 11" in refused.reason


def give_credential(bench: Bench) -> None:
    for offset in range(0, len(CREDENTIAL), 1024):
        bench.take(wire.part(offset, CREDENTIAL[offset : offset + 1024]))


async def test_finish_stores_the_plan_and_is_answered(bench):
    await ready(bench)
    give_credential(bench)
    bench.take(wire.finish(cbor.encode({"name": "shed"})))
    done = await bench.until(wire.Done)
    assert (done.epoch, done.stocked) == (1, 0)
    assert bench.finished == [(OPERATOR.peer_id, {"name": "shed"})]
    assert bench.desk.counts == {"begun": 1, "finished": 1, "refused": 0}


@pytest.mark.parametrize("plan", [{"ttl": 1}, {"name": "shed"}])
async def test_a_plan_that_cannot_be_kept_is_refused(bench, plan):
    bench.settings_fail = True
    await ready(bench)
    give_credential(bench)
    bench.take(wire.finish(cbor.encode(plan)))
    assert ("ttl" if "ttl" in plan else "name") in bench.refusal
    assert bench.finished == []


async def test_a_refusal_of_the_operators_ends_the_run_without_an_answer(bench):
    await ready(bench)
    sent = len(bench.sent)
    bench.take(wire.refused("the disk is full"))
    assert bench.desk.progress == "the disk is full"
    assert len(bench.sent) == sent


async def test_a_session_that_ends_ends_the_run(bench):
    await ready(bench)
    bench.take(wire.start(wire.WANT_CREDENTIAL, 0, 64))
    await bench.until(wire.Part)
    bench.desk.session_ended(2)
    assert bench.desk.progress == "exchanging keys"
    bench.desk.session_ended(1)
    assert bench.desk.progress == "the session ended"
    sent = len(bench.sent)
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(bench.sent) == sent
    assert not bench.desk.delivered(1, 1)


async def test_a_node_without_the_memory_for_it_says_so_and_lives(bench, monkeypatch):
    def save(self, name, payload):
        raise MemoryError("memory allocation failed, allocating 3591 bytes")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "save", save)
        bench.take(begin())
        await bench.until(wire.Refused)
    assert bench.refusal == "not enough memory: provisioning needs a heap of 160 KB"
    assert await ready(bench)


async def test_a_full_queue_is_waited_for_and_a_dead_session_is_not(bench):
    await ready(bench)
    bench.failure = Busy("full")
    bench.take(wire.start(0, 0, 2))
    for _ in range(10):
        await asyncio.sleep(0)
    bench.failure = None
    bench.desk._news.set()
    assert (await bench.until(wire.Prekey)).index == 0
    bench.failure = NoSuchSession("gone")
    bench.take(wire.start(0, 0, 2))
    bench.take(wire.finish(b"\xa0"))
    for _ in range(10):
        await asyncio.sleep(0)
    assert bench.desk.counts["refused"] == 1


async def test_a_refusal_that_finds_no_room_is_said_as_soon_as_there_is_some(bench, monkeypatch):
    monkeypatch.setattr(subject, "_AGAIN_S", 0.001)
    await ready(bench)
    bench.failure = Busy("full of readings")
    bench.take(wire.finish(b"\xa0"))
    await asyncio.sleep(0.01)
    bench.failure = None
    assert b"credential has not come" in (await bench.until(wire.Refused)).reason
    sent = len(bench.sent)
    await asyncio.sleep(0.01)
    assert len(bench.sent) == sent  # once


async def test_no_more_than_a_few_messages_are_under_way(bench):
    await ready(bench)
    before = len(bench.sent)
    bench.take(wire.start(0, 0, 64))
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(bench.sent) - before == subject._IN_FLIGHT


async def test_without_any_time_there_are_no_keys(tmp_path):
    bench = Bench(tmp_path)
    bench.time._at_start_s = None
    bench.take(begin(now_s=0))
    assert "told the time" in bench.refusal
