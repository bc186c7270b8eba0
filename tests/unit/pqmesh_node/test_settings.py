# SPDX-License-Identifier: MIT OR Apache-2.0
"""Board settings: every value checked, unknown names refused, stored as one record."""

import pytest

from pqmesh import cbor
from pqmesh_node import settings as module
from pqmesh_node.settings import RECORD, Settings, SettingsError, changed, default, load, save
from pqmesh_node.store import Directory, Store

GATEWAY = bytes(range(32))


@pytest.fixture
def store(tmp_path):
    return Store(Directory(str(tmp_path)))


def test_a_board_never_set_up_has_none(store):
    assert load(store) is None


def test_what_was_saved_comes_back(store):
    wanted = changed(
        default(),
        name="Gewächshaus",
        interval_ms=500,
        expect=GATEWAY.hex(),
        led_pin="LED",
        autostart=False,
    )
    save(store, wanted)
    assert load(store) == wanted
    assert wanted.expect == GATEWAY


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 33}, "32 bytes"),
        ({"name": 7}, "name"),
        ({"interval_ms": 99}, "100 to 86400000"),
        ({"interval_ms": 86_400_001}, "interval_ms"),
        ({"interval_ms": 1000.0}, "whole number"),
        ({"interval_ms": True}, "whole number"),
        ({"expect": "zz"}, "hexadecimal"),
        ({"expect": "00" * 31}, "64 hex digits"),
        ({"expect": 5}, "64 hex digits"),
        ({"led_pin": 1.5}, "led_pin"),
        ({"radio": 1}, "radio"),
        ({"autostart": 0}, "autostart"),
        ({"autostart": 1}, "True or False"),
        ({"intervall_ms": 1000}, "no setting 'intervall_ms'; there are: name"),
    ],
)
def test_an_impossible_value_is_refused_and_named(values, text):
    with pytest.raises(SettingsError, match=text):
        changed(default(), **values)


def test_changing_leaves_the_original_alone():
    before = default()
    changed(before, interval_ms=200)
    assert before == default()


def test_a_record_of_a_newer_firmware_still_loads(store):
    image = {key: getattr(default(), key) for key in Settings.FIELDS}
    store.save(RECORD, cbor.encode({**image, "colour": "red"}))
    assert load(store) == default()


@pytest.mark.parametrize("image", [b"", b"\xff", cbor.encode(7), cbor.encode({"interval_ms": 1})])
def test_a_damaged_record_says_set_it_again(store, image):
    store.save(RECORD, image)
    with pytest.raises(SettingsError):
        load(store)


def test_an_unchecked_value_is_not_stored(store):
    with pytest.raises(SettingsError):
        save(store, module.replace(default(), interval_ms=0))
    assert load(store) is None
