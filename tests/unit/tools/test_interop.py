# SPDX-License-Identifier: MIT OR Apache-2.0
"""The interop runner itself: cells are unique, failures become results, the page says all."""

import asyncio
from pathlib import Path

import pytest

from tools.interop import __main__ as runner
from tools.interop import install, report
from tools.interop.cell import CELLS, Cell, Failed, NotPossible, check
from tools.interop.install import CannotInstall
from tools.interop.report import Result


def test_every_cell_has_a_name_of_its_own_and_says_what_it_shows():
    assert len({(cell.name, cell.direction) for cell in CELLS}) == len(CELLS)
    for cell in CELLS:
        assert cell.direction in ("->", "<-", "<>")
        assert cell.run.__doc__


def outcome(run, monkeypatch, limit_s=1.0):
    monkeypatch.setattr(runner, "CELL_LIMIT_S", limit_s)
    cell = Cell("a claim", "->", run)
    return asyncio.run(runner.run_cell(cell, "1.2.3", Path("program")))


def test_what_a_cell_says_is_its_evidence(monkeypatch):
    async def run(program):
        return f"ran {program}"

    result = outcome(run, monkeypatch)
    assert (result.verdict, result.evidence) == ("pass", "ran program")


@pytest.mark.parametrize(
    ("error", "verdict"),
    [(Failed("no"), "FAIL"), (ValueError("bug"), "FAIL"), (NotPossible("why"), "n/a")],
)
def test_a_cell_that_raises_is_a_result(error, verdict, monkeypatch):
    async def run(program):
        raise error

    result = outcome(run, monkeypatch)
    assert result.verdict == verdict
    assert str(error) in result.evidence


def test_a_cell_that_hangs_fails(monkeypatch):
    async def run(program):
        await asyncio.Event().wait()

    assert outcome(run, monkeypatch, limit_s=0.02).verdict == "FAIL"


def test_a_group_of_errors_shows_its_members(monkeypatch):
    async def run(program):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fail())

    async def fail():
        raise Failed("inside")

    assert "inside" in outcome(run, monkeypatch).evidence


def test_check():
    check(True, "never said")
    with pytest.raises(Failed, match="seen"):
        check(False, "seen")


def test_without_cargo_the_user_is_told_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(install, "BUILD", tmp_path)
    monkeypatch.setattr(install.shutil, "which", lambda name: None)
    with pytest.raises(CannotInstall, match="install Rust"):
        install.install("0.0.0")
    assert install.installed() == []


def test_results_are_kept_between_runs_and_forgotten_with_their_cell(monkeypatch, tmp_path):
    monkeypatch.setattr(report, "MATRIX", tmp_path / "matrix.json")
    cells = [("a", "->"), ("b", "<-")]
    first = Result("1", "a", "->", "FAIL", "x", 0.1)
    other = Result("2", "b", "<-", "pass", "y | z", 0.1)
    assert report.merge([first, other], cells) == [first, other]
    better = Result("1", "a", "->", "pass", "now", 0.2)
    assert report.merge([better], cells) == [better, other]
    page = report.page(report.merge([], cells))
    assert "| a | `->` | pass | not run | now |" in page
    assert "| b | `<-` | not run | pass | y / z |" in page
    assert report.merge([], [("b", "<-")]) == [other]
