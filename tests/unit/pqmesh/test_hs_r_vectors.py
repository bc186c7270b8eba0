# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every octet and label of HS-R against the golden file, by two ways that share no code."""

import json

import pytest

from support import hs_r_vectors
from support.hs_r_vectors import FILE, INPUTS, observe, recompute
from support.model_crypto import ModelCrypto


def golden(part):
    return {key: bytes.fromhex(text) for key, text in json.loads(FILE.read_text())[part].items()}


@pytest.fixture(params=["r3_model", "r3"])
def case(request):
    """Which R3, and its provider. The real one skips only where there is no C compiler."""
    if request.param == "r3_model":
        return request.param, ModelCrypto()
    from tools.build_cpython_pqc import BuildError, compiler

    try:
        compiler()
    except BuildError as error:
        pytest.skip(str(error))
    return request.param, hs_r_vectors.providers()[request.param]()


def test_the_file_is_of_the_present_inputs():
    assert golden("inputs") == INPUTS


@pytest.mark.parametrize("compute", [observe, recompute])
def test_01_engine_and_hand_say_what_the_file_says(case, compute):
    name, crypto = case
    kept = golden("outputs")
    kept["r3"] = kept[name]
    found = compute(crypto, INPUTS)
    assert found == {key: kept[key] for key in found}


def test_01_nothing_in_the_file_goes_unchecked():
    checked = {*observe(ModelCrypto(), INPUTS), *recompute(ModelCrypto(), INPUTS), "r3_model"}
    assert set(golden("outputs")) == checked


def test_01_the_messages_are_42_37_and_13_octets():
    kept = golden("outputs")
    assert [len(kept[name]) for name in ("r1", "r2", "r3")] == [42, 37, 13]
