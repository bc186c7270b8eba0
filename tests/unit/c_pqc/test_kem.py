# SPDX-License-Identifier: MIT OR Apache-2.0
"""ML-KEM-768 of ``firmware/c_pqc``: published vectors, pyca as the second opinion, refusals."""

import hashlib
import random
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey

from support.pqc_extension import pqc
from support.pqc_vectors import acvp_groups, rsp_entries

CASES = 1000
SEED, PUBLIC, EXPANDED, CIPHERTEXT, SHARED = 64, 1184, 2400, 1088, 32
T_BYTES = 1152  # the packed vector in front of rho


def keypair(seed: bytes) -> bytes:
    out = bytearray(PUBLIC)
    pqc.kem_keypair(seed, out)
    return bytes(out)


def expand(seed: bytes) -> bytes:
    out = bytearray(EXPANDED)
    pqc.kem_expand(seed, out)
    return bytes(out)


def encapsulate(public_key: bytes, coins: bytes) -> tuple[bytes, bytes]:
    ciphertext, shared = bytearray(CIPHERTEXT), bytearray(SHARED)
    pqc.kem_encapsulate(public_key, coins, ciphertext, shared)
    return bytes(ciphertext), bytes(shared)


def decapsulate(seed: bytes, ciphertext: bytes) -> bytes:
    out = bytearray(SHARED)
    pqc.kem_decapsulate(seed, ciphertext, out)
    return bytes(out)


def decapsulate_expanded(key: bytes, ciphertext: bytes) -> bytes:
    out = bytearray(SHARED)
    pqc.kem_decapsulate_expanded(key, ciphertext, out)
    return bytes(out)


def seeds(label: str) -> list[bytes]:
    rng = random.Random(label)
    return [rng.randbytes(SEED) for _ in range(CASES)]


# ------------------------------------------------------------------ known answers


def test_every_entry_of_cryptography_vectors() -> None:
    entries = list(rsp_entries("asymmetric/MLKEM/kat_MLKEM_768.rsp"))
    assert len(entries) == 1000
    for entry in entries:
        value = {name: bytes.fromhex(text) for name, text in entry.items() if name != "count"}
        seed = value["d"] + value["z"]
        assert keypair(seed) == value["pk"]
        assert expand(seed) == value["sk"]
        assert encapsulate(value["pk"], value["msg"]) == (value["ct"], value["ss"])
        assert decapsulate(seed, value["ct"]) == value["ss"]
        assert decapsulate_expanded(value["sk"], value["ct"]) == value["ss"]
        assert decapsulate(seed, value["ct_n"]) == value["ss_n"]
        assert decapsulate_expanded(value["sk"], value["ct_n"]) == value["ss_n"]


def test_acvp_keygen() -> None:
    (group,) = acvp_groups("acvp_mlkem768_keygen")
    assert len(group["tests"]) == 25
    for test in group["tests"]:
        seed = bytes.fromhex(test["d"] + test["z"])
        assert keypair(seed) == bytes.fromhex(test["ek"])
        assert expand(seed) == bytes.fromhex(test["dk"])


@pytest.mark.parametrize(
    ("name", "total"),
    [("acvp_mlkem768_encapdecap", 65), ("acvp_mlkem768_encapdecap_tr1_seed", 10)],
)
def test_acvp_encapsulation_decapsulation_and_key_checks(name: str, total: int) -> None:
    done = 0
    for group in acvp_groups(name):
        for test in group["tests"]:
            run_acvp(group["function"], group["keyFormat"], test)
            done += 1
    assert done == total


def run_acvp(function: str, key_format: str, test: dict[str, str]) -> None:
    value = {k: bytes.fromhex(test[k]) for k in ("ek", "dk", "m", "d", "z", "c", "k") if k in test}
    if function == "encapsulation":
        assert encapsulate(value["ek"], value["m"]) == (value["c"], value["k"])
    elif function == "decapsulation" and key_format == "seed":
        assert decapsulate(value["d"] + value["z"], value["c"]) == value["k"]
    elif function == "decapsulation":
        assert decapsulate_expanded(value["dk"], value["c"]) == value["k"]
    elif function == "decapsulationKeyCheck":
        passed = accepted(lambda: decapsulate_expanded(value["dk"], bytes(CIPHERTEXT)))
        assert passed == test["testPassed"], test["reason"]
    else:
        assert function == "encapsulationKeyCheck"
        passed = accepted(lambda: encapsulate(value["ek"], bytes(32)))
        assert passed == test["testPassed"], test["reason"]


def accepted(call: Callable[[], object]) -> bool:
    try:
        call()
    except ValueError:  # a wrong length counts: so some of the sets' bad keys are made
        return False
    return True


# --------------------------------------------------------------- the second opinion


def test_public_keys_agree_with_pyca() -> None:
    for seed in seeds("keypair"):
        theirs = MLKEM768PrivateKey.from_seed_bytes(seed).public_key().public_bytes_raw()
        assert keypair(seed) == theirs


def test_pyca_decapsulates_what_we_encapsulate() -> None:
    for seed in seeds("ours to theirs"):
        key = MLKEM768PrivateKey.from_seed_bytes(seed)
        ciphertext, shared = encapsulate(key.public_key().public_bytes_raw(), seed[7:39])
        assert key.decapsulate(ciphertext) == shared


def test_we_decapsulate_what_pyca_encapsulates() -> None:
    for seed in seeds("theirs to ours"):
        key = MLKEM768PublicKey.from_public_bytes(keypair(seed))
        shared, ciphertext = key.encapsulate()
        assert decapsulate(seed, ciphertext) == shared


def test_forged_ciphertexts_give_the_same_secret_as_pyca() -> None:
    rng = random.Random("forgery")
    for seed in seeds("forged"):
        ciphertext = bytearray(encapsulate(keypair(seed), seed[:32])[0])
        shared = decapsulate(seed, bytes(ciphertext))
        ciphertext[rng.randrange(CIPHERTEXT)] ^= 1 << rng.randrange(8)
        forged = decapsulate(seed, bytes(ciphertext))
        assert forged == MLKEM768PrivateKey.from_seed_bytes(seed).decapsulate(bytes(ciphertext))
        assert forged != shared


def test_implicit_rejection_is_the_hash_of_z_and_ciphertext() -> None:
    seed = bytes(range(64))
    noise = random.Random("noise").randbytes(CIPHERTEXT)
    assert decapsulate(seed, noise) == hashlib.shake_256(seed[32:] + noise).digest(32)


@pytest.mark.parametrize("region", [0, 319, 320, 959, 960, CIPHERTEXT - 1])
def test_a_bit_in_every_region_of_the_ciphertext_matters(region: int) -> None:
    seed = bytes(range(64))
    ciphertext, shared = encapsulate(keypair(seed), bytes(32))
    for bit in range(8):
        forged = bytearray(ciphertext)
        forged[region] ^= 1 << bit
        assert decapsulate(seed, bytes(forged)) != shared


# ------------------------------------------------------------------------- refusals


def with_coefficient(key: bytes, index: int, value: int) -> bytes:
    """Return ``key`` with 12-bit coefficient ``index`` replaced."""
    packed = int.from_bytes(key[:T_BYTES], "little")
    packed &= ~(0xFFF << (12 * index))
    packed |= value << (12 * index)
    return packed.to_bytes(T_BYTES, "little") + key[T_BYTES:]


@pytest.mark.parametrize("value", [3329, 3330, 4095])
def test_every_unreduced_coefficient_of_a_public_key_is_refused(value: int) -> None:
    key = keypair(bytes(64))
    ciphertext, shared = bytearray(b"\xff" * CIPHERTEXT), bytearray(b"\xff" * SHARED)
    for index in range(768):
        with pytest.raises(ValueError, match="not a valid key"):
            pqc.kem_encapsulate(with_coefficient(key, index, value), bytes(32), ciphertext, shared)
    assert ciphertext == bytes(CIPHERTEXT)  # zeroed on error
    assert shared == bytes(SHARED)


def test_the_largest_reduced_coefficient_is_accepted() -> None:
    key = keypair(bytes(64))
    for index in (0, 1, 255, 256, 767):
        encapsulate(with_coefficient(key, index, 3328), bytes(32))


def test_an_expanded_key_with_a_wrong_hash_is_refused() -> None:
    key = expand(bytes(64))
    for position in (T_BYTES, T_BYTES + PUBLIC - 1, T_BYTES + PUBLIC, T_BYTES + PUBLIC + 31):
        broken = bytearray(key)
        broken[position] ^= 1
        shared = bytearray(b"\xff" * SHARED)
        with pytest.raises(ValueError, match="not a valid key"):
            pqc.kem_decapsulate_expanded(broken, bytes(CIPHERTEXT), shared)
        assert shared == bytes(SHARED)


def test_an_expanded_key_with_unreduced_coefficients_is_refused() -> None:
    key = expand(bytes(64))
    with pytest.raises(ValueError, match="not a valid key"):
        decapsulate_expanded(with_coefficient(key, 5, 3329), bytes(CIPHERTEXT))
    public = with_coefficient(key[T_BYTES : T_BYTES + PUBLIC], 5, 3329)
    rehashed = key[:T_BYTES] + public + hashlib.sha3_256(public).digest() + key[-32:]
    with pytest.raises(ValueError, match="not a valid key"):
        decapsulate_expanded(rehashed, bytes(CIPHERTEXT))


def test_the_rejection_seed_of_an_expanded_key_is_free() -> None:
    key = expand(bytes(64))[:-32] + b"\x55" * 32
    noise = bytes(CIPHERTEXT)
    want = hashlib.shake_256(b"\x55" * 32 + noise).digest(32)
    assert decapsulate_expanded(key, noise) == want
