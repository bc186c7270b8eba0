# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every key, nonce base and frame of five epochs, by two ways that share no code (property 1)."""

import json

import pytest

from support import ratchet_vectors
from support.ratchet_vectors import EPOCHS, FILE, INPUTS, observe, recompute


def golden(part):
    return {key: bytes.fromhex(text) for key, text in json.loads(FILE.read_text())[part].items()}


@pytest.fixture(params=["model", "real"])
def case(request):
    """Who seals. The real one skips only where there is no C compiler."""
    if request.param == "real":
        from tools.build_cpython_pqc import BuildError, compiler

        try:
            compiler()
        except BuildError as error:
            pytest.skip(str(error))
    return request.param, ratchet_vectors.providers()[request.param]()


def test_the_file_is_of_the_present_inputs():
    assert golden("inputs") == INPUTS


@pytest.mark.parametrize("compute", [observe, recompute])
def test_01_engine_and_hand_say_what_the_file_says(case, compute):
    name, crypto = case
    assert compute(crypto, INPUTS) == golden(name)


def test_01_no_key_comes_again():
    kept = golden("model")
    for name in ("key", "iv", "frame"):
        assert len({kept[f"{name}_{number}"] for number in range(EPOCHS)}) == EPOCHS
