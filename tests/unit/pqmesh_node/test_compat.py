# SPDX-License-Identifier: MIT OR Apache-2.0
"""What differs between the two Pythons, on this one. tests/firmware does the same on boards."""

import asyncio

import pytest

from pqmesh_node import compat


async def test_waiting_ends_with_the_result_or_the_timeout():
    async def soon() -> int:
        await compat.sleep_ms(1)
        return 5

    assert await compat.wait_for_ms(soon(), 1000) == 5
    with pytest.raises(asyncio.TimeoutError):
        await compat.wait_for_ms(compat.sleep_ms(1000), 5)


async def test_a_cancellation_in_the_turn_of_the_result_is_not_swallowed():
    event = asyncio.Event()

    async def forever() -> None:
        while True:
            await compat.wait_for_ms(event.wait(), 1000)
            event.clear()

    task = asyncio.create_task(forever())
    await asyncio.sleep(0.01)
    event.set()
    task.cancel()
    async with asyncio.timeout(1):
        with pytest.raises(asyncio.CancelledError):
            await task


def test_ticks_stay_within_their_period():
    assert 0 <= compat.ticks_ms() < compat.TICKS_PERIOD


def test_cpython_has_no_fixed_heap():
    assert compat.mem_free() == -1


def test_restart_without_hardware_leaves_the_process():
    with pytest.raises(SystemExit) as left:
        compat.restart()
    assert left.value.code == compat.RESTART_CODE


def test_restart_with_hardware_resets_it(monkeypatch):
    import sys
    import types

    machine = types.ModuleType("machine")
    calls: list[str] = []
    machine.reset = lambda: calls.append("reset")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "machine", machine)
    compat.restart()
    assert calls == ["reset"]


def test_the_machine_is_named():
    assert compat.machine_name()


def test_an_exception_is_printed_whole(capsys):
    compat.print_exception(ValueError("why"))
    assert "ValueError: why" in capsys.readouterr().err
