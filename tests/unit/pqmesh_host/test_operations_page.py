# SPDX-License-Identifier: MIT OR Apache-2.0
"""docs/operations.md leaves out no key, event, exit code, metric or limit."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from pqmesh_host.cli.main import main
from pqmesh_host.config import ONCE, REPEATED
from pqmesh_host.events import KINDS
from pqmesh_host.mesh import allowance, link_runner, switchboard
from pqmesh_host.ops import control_socket, metrics
from pqmesh_host.ops.snapshot import LinkSnapshot, NodeSnapshot
from pqmesh_host.store import sqlite

PAGE = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()


def part(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def keys_in_table() -> set[tuple[str, str]]:
    found, section = set(), ""
    for line in part("The configuration file").splitlines():
        cells = [cell.strip().strip("`") for cell in line.split("|")]
        if len(cells) > 4 and cells[2] not in ("key", "---"):
            section = cells[1].strip("[]") or section
            found.add((section, cells[2]))
    return found


def test_every_configuration_key_is_explained_and_none_is_invented() -> None:
    real = {
        (section, item.name)
        for section, kind in {**ONCE, **REPEATED}.items()
        for item in dataclasses.fields(kind)
    }
    assert keys_in_table() == real


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_event_is_explained(kind: str) -> None:
    assert f"`{kind}`" in part("Events")


def test_exit_codes_are_those_of_the_command() -> None:
    shown = CliRunner().invoke(main, ["--help"]).output.split("Exit codes:")[1]
    told = dict(re.findall(r"(\d+) ([a-z][a-z' ]+[a-z])", shown))
    page = dict(re.findall(r"\| (\d+) \| ([^|]+?) (?=\|)", part("Exit codes")))
    assert page == told


def test_every_metric_is_named() -> None:
    link = LinkSnapshot(name="x", open=True, expect="", refused={"a": 1})
    node = NodeSnapshot(
        peer="",
        role="",
        quic="",
        uptime_s=0,
        links=[link],
        neighbours=[],
        known=[],
        waiting={},
        clients=0,
        duplicates=0,
        events={},
    )
    for family in metrics.SnapshotCollector(lambda: node).collect():
        name = family.name + ("_total" if family.type == "counter" else "")
        assert f"`{name}" in part("Metrics")


@pytest.mark.parametrize(
    ("title", "number"),
    [
        ("What it promises", switchboard.MAILBOX_MESSAGES),
        ("What it promises", switchboard.INBOX_IDS),
        ("What it promises", switchboard.INBOX_ORIGINS),
        ("What it promises", sqlite.MAX_SEEN),
        ("What it promises", switchboard.COMMAND_KEEP_MS // 1000),
        ("The control socket", control_socket.LINE_BYTES),
        ("The control socket", control_socket.MAX_CLIENTS),
        ("The control socket", control_socket.MAX_REQUESTS),
        ("Events", link_runner.DROP_REPORT_MS // 1000),
        ("Bad days", allowance.MESSAGES_PER_S),
        ("Bad days", allowance.BURST_MESSAGES),
        ("Bad days", link_runner.REOPEN_LONGEST_MS // 1000),
    ],
)
def test_limits_are_the_real_ones(title: str, number: int) -> None:
    assert re.search(rf"\b({number}|{number:,})\b", part(title))
