# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every board's entry has the form of boards/README.md and claims no more than a test showed."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from pqmesh import limits
from tools.firmware import targets

ROOT = Path(__file__).parents[3]
FOLDERS = sorted(path for path in (ROOT / "boards").iterdir() if path.is_dir())
EXPECTED = {
    "qemu-mps2-an385",
    "qemu-mps2-an386",
    "qemu-mps2-an500",
    "rpi-pico",
    "rpi-pico2",
    "rpi-pico-w",
    "unix",
    "sim",
    "esp32-s3",
    "nrf52840",
    "stm32wl5",
}

# Field -> type; a trailing "?" marks a field, or a whole table, that may be absent.
SCHEMA: dict[str, Any] = {
    "name": str,
    "vendor": str,
    "chip": {
        "name": str,
        "core": str,
        "clock_hz?": int,
        "ram_bytes?": int,
        "flash_bytes?": int,
        "fpu": bool,
        "trng": bool,
    },
    "micropython?": {"port": str, "board": str, "target?": str},
    "link": {"kind": str, "uart?": int, "baud?": int, "tx?": str, "rx?": str},
    "led?": {"pin": str},
    "radio?": {"kind": str, "chip": str, "pins": dict},
    "flash": {"method": str},
    "limits": {"profile": str, "link": str},
    "evidence": {"rung": str, "tests": list, "built_in_ci": bool, "reason": str},
}
FLASH_METHODS = {"uf2", "esptool", "pyocd", "emulator", "process"}
RADIO_KINDS = {"lora", "ble-802154", "wifi-ble"}
RUNGS = {"none", "L0", "L1", "L2", "L3", "L4", "L5", "L6"}
README_LINES = 30


def problems(table: dict[str, Any], schema: dict[str, Any], where: str = "") -> list[str]:
    """Everything in which `table` departs from `schema`; empty when it conforms."""
    known = {name.rstrip("?"): kind for name, kind in schema.items()}
    found = [f"{where}{name}: unknown field" for name in table if name not in known]
    needed = [name for name in schema if not name.endswith("?")]
    found += [f"{where}{name}: missing" for name in needed if name not in table]
    for name, value in table.items():
        kind = known.get(name)
        if isinstance(kind, dict):
            if isinstance(value, dict):
                found += problems(value, kind, f"{where}{name}.")
            else:
                found.append(f"{where}{name}: not a table")
        elif kind is not None and type(value) is not kind:
            found.append(f"{where}{name}: want {kind.__name__}, not {value!r}")
    return found


def load(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "board.toml").read_text(encoding="utf-8"))


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def folder(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@pytest.fixture
def board(folder: Path) -> dict[str, Any]:
    return load(folder)


def test_no_board_is_missing() -> None:
    assert {folder.name for folder in FOLDERS} >= EXPECTED


def test_the_entry_has_the_form(board: dict[str, Any]) -> None:
    assert problems(board, SCHEMA) == []


def test_words_are_known(board: dict[str, Any]) -> None:
    assert board["flash"]["method"] in FLASH_METHODS
    assert board["evidence"]["rung"] in RUNGS
    assert board["link"]["kind"] in {"uart", "socket"}
    assert ("uart" in board["link"]) == (board["link"]["kind"] == "uart")
    if "radio" in board:
        assert board["radio"]["kind"] in RADIO_KINDS
        assert all(isinstance(pin, str) for pin in board["radio"]["pins"].values())


def test_limits_name_profiles_that_exist(board: dict[str, Any]) -> None:
    assert isinstance(getattr(limits, board["limits"]["profile"]), limits.Limits)
    assert isinstance(getattr(limits, board["limits"]["link"]), limits.LinkProfile)


def test_a_serial_board_runs_at_the_link_profiles_rate(board: dict[str, Any]) -> None:
    if board["limits"]["link"] == "SERIAL_LINK" and "baud" in board["link"]:
        assert board["link"]["baud"] == limits.SERIAL_LINK.bits_per_second


def test_a_real_chip_states_its_memory(board: dict[str, Any]) -> None:
    chip = board["chip"]
    if chip["name"] == "host":
        return
    assert 32 * 1024 <= chip["ram_bytes"] <= 16 << 20
    assert 128 * 1024 <= chip["flash_bytes"] <= 64 << 20
    assert 1_000_000 <= chip["clock_hz"] <= 1_000_000_000


def test_a_claimed_rung_names_tests_that_exist(board: dict[str, Any]) -> None:
    evidence = board["evidence"]
    assert (evidence["rung"] == "none") == (evidence["tests"] == [])
    for name in evidence["tests"]:
        assert (ROOT / name).is_file(), name


def test_what_ci_builds_has_a_target_and_nothing_else_has(board: dict[str, Any]) -> None:
    target = board.get("micropython", {}).get("target")
    built = board["evidence"]["built_in_ci"] and "micropython" in board
    assert (target is not None) == built
    if target is not None:
        assert target in targets.TARGETS


def test_every_board_image_that_is_built_has_an_entry() -> None:
    listed = {load(folder).get("micropython", {}).get("target") for folder in FOLDERS}
    images = {name for name in targets.TARGETS if name.startswith(("qemu-", "pico"))}
    assert images - listed == {"pico-bootstub"}


def test_the_reason_and_the_readme_say_how_far_it_went(
    board: dict[str, Any], folder: Path
) -> None:
    evidence = board["evidence"]
    assert len(evidence["reason"].split()) >= 5
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= README_LINES
    if evidence["rung"] == "none":
        assert "Rung: none" in readme
        assert "never" in readme
    else:
        assert f"rung {evidence['rung']}" in readme
    assert ("Not built in CI" in readme) == (not evidence["built_in_ci"])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"colour": "green"}, "colour: unknown field"),
        ({"name": 7}, "name: want str, not 7"),
        ({"chip": "RP2040"}, "chip: not a table"),
        ({"limits": {"profile": "BOARD"}}, "limits.link: missing"),
        ({"led": {"pin": 25}}, "led.pin: want str, not 25"),
        ({"evidence": {**load(FOLDERS[0])["evidence"], "built_in_ci": 1}}, "want bool"),
    ],
)
def test_a_wrong_entry_is_found(change: dict[str, Any], problem: str) -> None:
    wrong = {**load(ROOT / "boards" / "rpi-pico"), **change}
    assert any(problem in text for text in problems(wrong, SCHEMA))
