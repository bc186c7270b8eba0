# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every octet and label of HS-RK and HS-RP against the golden files, by two ways."""

import json

import pytest

from support import hs_rk_vectors
from support.hs_rk_vectors import FOLDER, INPUTS, observe, recompute
from support.model_crypto import ModelCrypto


def golden(name, part):
    kept = json.loads((FOLDER / name).read_text())[part]
    return {key: bytes.fromhex(text) for key, text in kept.items()}


@pytest.fixture(params=["hs_rk_model.json", "hs_rk.json"])
def case(request):
    """A file's name and its provider. The real one skips only where there is no C compiler."""
    if request.param == "hs_rk_model.json":
        return request.param, ModelCrypto()
    from tools.build_cpython_pqc import BuildError, compiler

    try:
        compiler()
    except BuildError as error:
        pytest.skip(str(error))
    return request.param, hs_rk_vectors.providers()[request.param]()


def test_the_files_are_of_the_present_inputs(case):
    name, crypto = case
    assert golden(name, "inputs") == INPUTS
    assert json.loads((FOLDER / name).read_text())["provider"] == type(crypto).__name__


@pytest.mark.parametrize("compute", [observe, recompute])
def test_01_engine_and_hand_say_what_the_file_says(case, compute):
    name, crypto = case
    kept = golden(name, "outputs")
    found = compute(crypto, INPUTS)
    assert found == {key: kept[key] for key in found}


def test_01_nothing_in_the_files_goes_unchecked(case):
    name, crypto = case
    assert set(golden(name, "outputs")) == {*observe(crypto, INPUTS), *recompute(crypto, INPUTS)}


def test_01_the_lengths_of_the_messages(case):
    kept = golden(case[0], "outputs")
    assert [len(kept[f"rk_{name}"]) for name in ("r1", "r2", "r3")] == [1_235, 1_124, 13]
    assert [len(kept[f"rp_{name}"]) for name in ("r1", "r2", "r3")] == [1_139, 37, 13]


def test_01_the_two_modes_have_no_secret_in_common(case):
    kept = golden(case[0], "outputs")
    shared = {"ticket", "ss", "z0", "z1", "z2"}  # of the same inputs; what they key is not
    for name in {key[3:] for key in kept} - shared:
        assert kept[f"rk_{name}"] != kept[f"rp_{name}"], name
