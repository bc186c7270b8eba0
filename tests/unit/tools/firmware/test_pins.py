# SPDX-License-Identifier: MIT OR Apache-2.0
"""The pin file is read strictly: a slip in it is an error, never an unpinned download."""

from typing import Any

import pytest

from tools.firmware import pins
from tools.firmware.errors import FirmwareError

GOOD: dict[str, Any] = {
    "suite": "sid",
    "version": "1-1",
    "kind": "source",
    "files": {"m_1-1.dsc": "a" * 64, "m_1.orig.tar.xz": "b" * 64},
}


def parse_one(**changes: Any) -> pins.Pin:
    entry = {**GOOD, **changes}
    entry = {key: value for key, value in entry.items() if value is not None}
    (pin,) = pins.parse({"source_date_epoch": 1, "m": [entry]}).of("m")
    return pin


def test_the_project_s_own_pins_are_in_order() -> None:
    loaded = pins.load()
    assert {"micropython", "pico-sdk", "tinyusb", "mbedtls"} <= set(loaded.candidates)
    assert [pin.suite for pin in loaded.of("micropython")] == ["sid", "trixie"]


def test_a_pin_is_read_whole() -> None:
    pin = parse_one()
    assert pin.package == "m"
    assert pin.source_control == "m_1-1.dsc"


def test_the_folder_changes_with_any_hash() -> None:
    changed = {"m_1-1.dsc": "a" * 64, "m_1.orig.tar.xz": "9" + "b" * 63}
    assert parse_one().directory != parse_one(files=changed).directory


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"files": {"m_1-1.dsc": "A" * 64}}, "SHA-256"),
        ({"files": {"m_1-1.dsc": "a" * 63}}, "SHA-256"),
        ({"files": {"../m.dsc": "a" * 64}}, "plain file name"),
        ({"files": {"m.tar.xz": "a" * 64}}, "exactly one .dsc"),
        ({"kind": "binary"}, "exactly one .deb"),
        ({"kind": "other"}, "kind"),
        ({"version": None}, "'version' is missing"),
        ({"sha1": "x"}, "unknown key 'sha1'"),
    ],
)
def test_a_slip_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(FirmwareError, match=complaint):
        parse_one(**changes)


def test_the_date_must_be_a_number() -> None:
    with pytest.raises(FirmwareError, match="source_date_epoch"):
        pins.parse({"m": [GOOD]})


def test_a_plain_table_is_refused() -> None:
    with pytest.raises(FirmwareError, match=r"\[\[m\]\]"):
        pins.parse({"source_date_epoch": 1, "m": GOOD})


def test_an_unknown_source_names_the_known_ones() -> None:
    with pytest.raises(FirmwareError, match="micropython"):
        pins.load().of("micropythn")
