# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every octet and label of HS-S against the golden files, by two ways that share no code."""

import json
import pathlib

import pytest

from pqmesh import kdf
from pqmesh.engine.context import Context
from pqmesh.engine.hs_s import Outcome
from pqmesh.engine.session import Session
from pqmesh.limits import BOARD, SERIAL_LINK
from support import hs_s_vectors
from support.hs_s_vectors import FOLDER, INPUTS, observe, params, recompute
from support.model_crypto import ModelCrypto


def golden(name):
    return json.loads((FOLDER / name).read_text())


def outputs(name):
    return {key: bytes.fromhex(value) for key, value in golden(name)["outputs"].items()}


@pytest.fixture(params=["hs_s_model.json", "hs_s.json"])
def case(request):
    """A file's name and its provider. The real one skips only where there is no C compiler."""
    if request.param == "hs_s_model.json":
        return request.param, ModelCrypto()
    from tools.build_cpython_pqc import BuildError, compiler

    try:
        compiler()
    except BuildError as error:
        pytest.skip(str(error))
    return request.param, hs_s_vectors.providers()[request.param]()


def test_the_files_are_of_the_present_inputs(case):
    name, crypto = case
    assert golden(name)["provider"] == type(crypto).__name__
    assert golden(name)["inputs"] == {key: value.hex() for key, value in INPUTS.items()}


def test_the_engine_says_what_the_file_says(case):
    name, crypto = case
    found = observe(crypto, INPUTS)
    assert found == {key: outputs(name)[key] for key in found}


def test_a_computation_by_hand_says_the_same(case):
    name, crypto = case
    found = recompute(crypto, INPUTS)
    assert found == {key: outputs(name)[key] for key in found}


def test_nothing_in_the_file_goes_unchecked(case):
    name, crypto = case
    checked = {**observe(crypto, INPUTS), **recompute(crypto, INPUTS)}
    assert set(outputs(name)) == set(checked)


def test_m4_is_the_first_frame_of_the_session(case):
    name, crypto = case
    kept = outputs(name)
    context = Context(None, crypto, None, SERIAL_LINK, BOARD)
    outcome = Outcome(
        kept["id_i"],
        params(INPUTS["params_i"]),
        kept["session_id"],
        kept["chain_r2i"],
        kept["chain_i2r"],
        kept["exporter"],
        kept["resumption"],
    )
    cids = [int.from_bytes(INPUTS[key], "big") for key in ("cid_r", "cid_i")]
    session = Session(context, 1, tuple(cids), outcome)
    session.confirm(0)
    assert context.tx.next() == kept["m4"]


def test_every_label_is_in_a_computation_by_hand():
    here = pathlib.Path(__file__).parent
    files = [*FOLDER.parent.glob("support/*_vectors.py"), *here.glob("engine/test_*.py")]
    files.append(here / "test_mixing.py")
    source = "".join([path.read_text() for path in files])
    for name, value in vars(kdf).items():
        if name.startswith("LABEL_"):
            assert f'b"{value.decode()}"' in source, name
        if name.startswith("CONTEXT_") or name in (
            "DOMAIN_HS_S",
            "DOMAIN_HS_K",
            "DOMAIN_HS_R",
            "DOMAIN_SIGN_R",
            "DOMAIN_SIGN_I",
        ):
            assert value.decode() in source, name


def test_drawn_randomness_must_be_asked_for_in_the_right_sizes():
    with pytest.raises(ValueError, match="4 bytes wanted"):
        hs_s_vectors.Drawn(b"abc")(4)
