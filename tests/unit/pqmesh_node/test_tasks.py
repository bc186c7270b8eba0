# SPDX-License-Identifier: MIT OR Apache-2.0
"""Tasks that live and die together."""

import asyncio

import pytest

from pqmesh_node.tasks import run_together


class Worker:
    """Runs until cancelled, and notes that it ended."""

    def __init__(self) -> None:
        self.started = False
        self.ended = False

    async def run(self) -> None:
        self.started = True
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)  # an end that takes time is waited for
            self.ended = True


async def fail() -> None:
    await asyncio.sleep(0.001)
    raise OSError(5)


async def finish() -> None:
    await asyncio.sleep(0.001)


async def test_the_first_failure_ends_the_others_and_is_raised():
    worker = Worker()
    with pytest.raises(OSError):
        await run_together(worker.run, fail)
    assert worker.ended


async def test_the_first_return_ends_the_others():
    worker = Worker()
    await run_together(finish, worker.run)
    assert worker.ended


async def test_cancelling_ends_them_all():
    workers = [Worker(), Worker()]
    task = asyncio.create_task(run_together(*[worker.run for worker in workers]))
    await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [worker.ended for worker in workers] == [True, True]


async def test_a_task_that_never_started_is_no_trouble():
    async def fail_at_once() -> None:
        raise ValueError("now")

    worker = Worker()
    with pytest.raises(ValueError, match="now"):
        await run_together(fail_at_once, worker.run)
    assert worker.started == worker.ended
