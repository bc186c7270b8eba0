# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every octet and label of HS-K against the golden files, by two ways that share no code."""

import json

import pytest

from pqmesh.engine.front import Front
from pqmesh.errors import BadTag
from support import hs_k_vectors
from support.hs_k_vectors import FOLDER, INPUTS, Responder, observe, own, params, recompute
from support.model_crypto import ModelCrypto


def golden(name):
    return json.loads((FOLDER / name).read_text())


def outputs(name):
    return {key: bytes.fromhex(value) for key, value in golden(name)["outputs"].items()}


@pytest.fixture(params=["hs_k_model.json", "hs_k.json"])
def case(request):
    """A file's name and its provider. The real one skips only where there is no C compiler."""
    if request.param == "hs_k_model.json":
        return request.param, ModelCrypto()
    from tools.build_cpython_pqc import BuildError, compiler

    try:
        compiler()
    except BuildError as error:
        pytest.skip(str(error))
    return request.param, hs_k_vectors.providers()[request.param]()


def test_01_the_files_are_of_the_present_inputs(case):
    name, crypto = case
    assert golden(name)["provider"] == type(crypto).__name__
    assert golden(name)["inputs"] == {key: value.hex() for key, value in INPUTS.items()}


@pytest.mark.parametrize("compute", [observe, recompute])
def test_01_engine_and_hand_say_what_the_file_says(case, compute):
    name, crypto = case
    found = compute(crypto, INPUTS)
    assert found == {key: outputs(name)[key] for key in found}


def test_01_nothing_in_the_file_goes_unchecked(case):
    name, crypto = case
    checked = {**observe(crypto, INPUTS), **recompute(crypto, INPUTS)}
    assert set(outputs(name)) == set(checked)


def test_16_the_real_implicit_rejection_is_one_error_with_a_wrong_tag(case):
    """FIPS 203 gives a random secret for a foreign ciphertext: nothing but the tag tells."""
    name, crypto = case
    kept = outputs(name)
    cid = int.from_bytes(INPUTS["nonce_i"][:2], "big")
    front = Front(kept["hello"], kept["retry"], b"", cid)
    told = set()
    for at in (54 + 1184, len(kept["m1"]) - 1):  # in ct_R, in the tag
        spoilt = bytearray(kept["m1"])
        spoilt[at] ^= 1
        drawn = hs_k_vectors.Drawn()
        responder = Responder(
            INPUTS["id_r"], own(crypto, INPUTS, "r"), crypto, drawn, params(INPUTS["params_r"])
        )
        with pytest.raises(BadTag) as error:
            responder.open(front, bytes(spoilt))
        told.add(str(error.value))
    assert len(told) == 1
