# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every octet of entry, credentials and prekeys against the golden file, by two ways."""

import json

import pytest

from support.entry_vectors import FILE, INPUTS, observe, recompute


def golden(part):
    return {key: bytes.fromhex(text) for key, text in json.loads(FILE.read_text())[part].items()}


def test_the_file_is_of_the_present_inputs():
    assert golden("inputs") == INPUTS


@pytest.mark.parametrize("compute", [observe, recompute])
def test_property_01_package_and_hand_say_what_the_file_says(compute):
    assert compute(INPUTS) == golden("outputs")


def test_property_01_the_lengths():
    kept = golden("outputs")
    assert {name: len(kept[name + "_member"]) for name in ("hello", "retry", "echo")} == {
        "hello": 42,
        "retry": 24,
        "echo": 54,
    }
    assert (len(kept["epoch_body"]), len(kept["leaf_3"])) == (64, 1378)
