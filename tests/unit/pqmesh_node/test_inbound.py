# SPDX-License-Identifier: MIT OR Apache-2.0
"""From COMMAND to REPLY: who may, once only, and always an answer."""

import asyncio
import contextlib
import itertools

import pytest

from pqmesh.wire import mesh
from pqmesh.wire.mesh import MeshMessage
from pqmesh_node import inbound
from pqmesh_node.commands import After, Commands
from pqmesh_node.events import Executed
from pqmesh_node.inbound import BUSY, NO_STORAGE, NOT_PINNED, CommandDesk
from pqmesh_node.journal import INTERRUPTED, OPEN_LIMIT, REPLY_LIMIT, CommandJournal
from pqmesh_node.mailbox import Mailbox
from pqmesh_node.store import Store

OWN, GATEWAY, ASKER = b"b" * 32, b"g" * 32, b"a" * 32


class Medium:
    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.broken = False

    def read(self, name: str) -> bytes | None:
        return self.files.get(name)

    def write(self, name: str, data: bytes) -> None:
        if self.broken:
            raise OSError(5)
        self.files[name] = data


class Bench:
    """One desk on one medium; ``restart()`` is a power cut."""

    def __init__(self, pinned: bool = True) -> None:
        self.medium = Medium()
        self.pinned = pinned
        self.events: list[Executed] = []
        self.commands = Commands()
        self.ran: list[object] = []
        self.commands.add("note", self.note)
        self._ids = itertools.count(1)
        self.restart()

    def note(self, args: dict) -> int:
        self.ran.append(args["x"])
        return len(self.ran)

    def restart(self) -> None:
        self.mailbox = Mailbox()
        self.desk = CommandDesk(
            OWN,
            self.pinned,
            self.commands,
            CommandJournal(Store(self.medium)),
            self.mailbox,
            lambda count: next(self._ids).to_bytes(count, "big"),
            self.events.append,
        )
        self.desk.recover()

    def ask(self, name: str = "note", number: int = 1, **fields: object) -> MeshMessage:
        values = {"origin": ASKER, "destination": OWN, "args": {"x": number}, **fields}
        message = MeshMessage(
            mesh.COMMAND,
            4,
            number.to_bytes(8, "little"),
            values["origin"],
            values["destination"],
            {"c": name, "a": values["args"]},
        )
        self.desk.take(message, GATEWAY)
        return message

    @contextlib.asynccontextmanager
    async def running(self):
        task = asyncio.create_task(self.desk.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def work(self) -> None:
        async with self.running():
            for _ in range(20):
                await asyncio.sleep(0)

    def replies(self) -> list[MeshMessage]:
        boxes = (self.mailbox._replies, self.mailbox._refusals)
        return [MeshMessage.decode(payload) for box in boxes for _, payload in box]


@pytest.fixture
def bench():
    return Bench()


async def test_a_command_runs_and_its_reply_names_it_and_its_asker(bench):
    message = bench.ask(number=7)
    await bench.work()
    (reply,) = bench.replies()
    assert bench.ran == [7]
    assert reply.kind == mesh.REPLY
    assert reply.body == {"re": message.id, "ok": True, "r": 1}
    assert (reply.origin, reply.destination) == (None, ASKER)
    assert bench.events == [Executed(message.id, ASKER, "note", True, 1)]


async def test_without_an_origin_the_neighbour_asked(bench):
    bench.ask(origin=None, destination=None)
    await bench.work()
    assert bench.replies()[0].destination == GATEWAY


async def test_it_is_on_flash_before_take_returns(bench):
    bench.ask()
    journal = CommandJournal(Store(bench.medium))
    assert [command.name for command in journal.open_commands()] == ["note"]


async def test_commands_run_in_the_order_they_came(bench):
    for number in (3, 1, 2):
        bench.ask(number=number)
    await bench.work()
    assert bench.ran == [3, 1, 2]


async def test_a_repeat_is_not_run_again_not_even_after_a_restart(bench):
    bench.ask()
    await bench.work()
    bench.ask()
    bench.restart()
    bench.ask()
    await bench.work()
    assert bench.ran == [1]
    assert bench.desk.counts["repeated"] == 1
    assert len(bench.replies()) == 1, "the undelivered reply is sent again, with its id"


async def test_a_restart_before_it_ran_is_reported_and_not_repeated(bench):
    message = bench.ask()
    bench.restart()
    await bench.work()
    assert bench.ran == []
    assert bench.replies()[0].body == {"re": message.id, "ok": False, "r": INTERRUPTED}
    assert bench.desk.counts["interrupted"] == 1
    bench.restart()
    await bench.work()
    assert len(bench.replies()) == 1


async def test_a_delivered_reply_is_not_sent_again(bench):
    bench.ask()
    await bench.work()
    bench.desk.delivered(bench.replies()[0].id)
    bench.ask(number=2)
    await bench.work()
    bench.restart()
    assert len(bench.replies()) == 1


@pytest.mark.parametrize(
    ("name", "args", "text"),
    [
        ("nothing", {}, "unknown command nothing"),
        ("note", {}, "needs the argument x"),
        ("x" * 40, {}, "unknown command"),
    ],
)
async def test_what_cannot_be_done_is_answered(bench, name, args, text):
    bench.ask(name, args=args)
    await bench.work()
    (reply,) = bench.replies()
    assert not reply.body["ok"]
    assert text in reply.body["r"]


@pytest.mark.parametrize("value", [object(), "x" * 500])
async def test_a_reply_that_does_not_fit_is_still_an_answer(bench, value):
    bench.commands.add("odd", lambda args: value)
    bench.ask("odd")
    await bench.work()
    assert bench.replies()[0].body["r"] == "the reply of odd does not fit a message"


async def test_an_unpinned_board_takes_no_command():
    bench = Bench(pinned=False)
    bench.ask()
    await bench.work()
    assert bench.ran == []
    assert bench.replies()[0].body["r"] == NOT_PINNED
    assert bench.medium.files == {}


async def test_a_command_for_somebody_else_is_dropped_and_counted(bench):
    bench.ask(destination=b"x" * 32)
    await bench.work()
    assert (bench.ran, bench.replies()) == ([], [])
    assert bench.desk.counts["misdirected"] == 1


async def test_more_than_it_can_keep_is_told_to_come_again(bench):
    for number in range(OPEN_LIMIT + 1):
        bench.ask(number=number)
    assert [reply.body["r"] for reply in bench.replies()] == [BUSY]


async def test_commands_wait_while_too_many_replies_do_and_all_are_answered(bench):
    for number in range(OPEN_LIMIT):
        bench.ask(number=number)
    answered: list[bytes] = []
    async with bench.running():
        for _ in range(OPEN_LIMIT // REPLY_LIMIT):
            for _ in range(20):
                await asyncio.sleep(0)
            replies = bench.replies()
            assert len(replies) == REPLY_LIMIT
            for reply in replies:
                answered.append(reply.body["re"])
                bench.mailbox._replies.sent(reply.id, 1, len(answered))
                bench.mailbox._replies.delivered(1, len(answered))
                bench.desk.delivered(reply.id)
    assert bench.ran == list(range(OPEN_LIMIT))
    assert len(set(answered)) == OPEN_LIMIT


async def test_flash_that_fails_is_told_and_nothing_runs(bench):
    bench.medium.broken = True
    bench.ask()
    await bench.work()
    assert bench.ran == []
    assert bench.replies()[0].body["r"] == NO_STORAGE


async def test_flash_that_fails_afterwards_still_answers(bench):
    bench.ask()
    bench.medium.broken = True
    await bench.work()
    assert bench.replies()[0].body["ok"]
    assert bench.desk.counts["storage_failures"] == 1
    bench.medium.broken = False
    bench.restart()
    await bench.work()
    assert bench.replies()[0].body["r"] == INTERRUPTED


async def test_an_action_waits_for_its_reply_to_arrive(bench):
    done: list[str] = []
    bench.commands.add("reset", lambda args: After("restarting", lambda: done.append("reset")))
    bench.ask("reset")
    async with bench.running():
        for _ in range(20):
            await asyncio.sleep(0)
        assert done == []
        bench.desk.delivered(bench.replies()[0].id)
        for _ in range(20):
            await asyncio.sleep(0)
        assert done == ["reset"]


async def test_an_action_does_not_wait_for_ever(bench, monkeypatch):
    monkeypatch.setattr(inbound, "_AFTER_MS", 5)
    done: list[str] = []
    bench.commands.add("reset", lambda args: After("restarting", lambda: done.append("reset")))
    bench.ask("reset")
    async with bench.running():
        await asyncio.sleep(0.05)
    assert done == ["reset"]
