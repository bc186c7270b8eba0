# SPDX-License-Identifier: MIT OR Apache-2.0
"""Hashes, HMAC, HKDF and AES-256-CCM of ``firmware/c_pqc`` against hashlib, pyca and NIST."""

import hashlib
import hmac
import random

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from support.pqc_extension import pqc
from support.pqc_vectors import rsp_entries

CASES = 1000
TAGS = (4, 6, 8, 10, 12, 14, 16)
# Every length up to three blocks of each hash, and the blocks' neighbourhoods beyond.
LENGTHS = [*range(3 * 168 + 2), 1087, 1088, 1089, 4096, 65_537]


def seal(key: bytes, nonce: bytes, aad: bytes, text: bytes, tag_bytes: int) -> bytes:
    out = bytearray(len(text) + tag_bytes)
    pqc.ccm_seal(key, nonce, aad, text, tag_bytes, out)
    return bytes(out)


def open_(key: bytes, nonce: bytes, aad: bytes, sealed: bytes, tag_bytes: int) -> bytes | None:
    out = bytearray(b"\xee" * (len(sealed) - tag_bytes))
    good = pqc.ccm_open(key, nonce, aad, sealed, tag_bytes, out)
    if not good:
        assert out == bytes(len(out))  # never unauthenticated plaintext
        return None
    return bytes(out)


# --------------------------------------------------------------------------- hashes


@pytest.mark.parametrize("name", ["sha256", "sha3_256"])
def test_digests_of_every_length_agree_with_hashlib(name: str) -> None:
    ours = getattr(pqc, name)
    for length in LENGTHS:
        data = random.Random(length).randbytes(length)
        assert ours(data) == hashlib.new(name, data).digest(), length


@pytest.mark.parametrize(("name", "rate"), [("shake128", 168), ("shake256", 136)])
def test_extendable_outputs_agree_with_hashlib(name: str, rate: int) -> None:
    reference = {"shake128": hashlib.shake_128, "shake256": hashlib.shake_256}[name]
    for length in LENGTHS:
        data = random.Random(length).randbytes(length)
        for size in (0, 1, 8, rate - 1, rate, rate + 1, 3 * rate + 7):
            out = bytearray(size)
            getattr(pqc, name)(data, out)
            assert out == reference(data).digest(size), (length, size)


def test_hmac_agrees_with_the_standard_library_for_every_key_length() -> None:
    for length in range(200):
        key, data = random.Random(length).randbytes(length), bytes(length % 77)
        assert pqc.hmac_sha256(key, data) == hmac.digest(key, data, "sha256"), length


def test_hkdf_agrees_with_pyca() -> None:
    rng = random.Random("hkdf")
    for _ in range(CASES):
        salt = rng.randbytes(rng.choice([0, 1, 32, 64, 65, 100]))
        ikm = rng.randbytes(rng.randrange(1, 100))
        info = rng.randbytes(rng.randrange(100))
        out = bytearray(rng.randrange(1, 200))
        prk = pqc.hkdf_extract(salt, ikm)
        pqc.hkdf_expand(prk, info, out)
        assert prk == hmac.digest(salt or bytes(32), ikm, "sha256")
        assert out == HKDFExpand(SHA256(), len(out), info).derive(prk)
        assert out == HKDF(SHA256(), len(out), salt, info).derive(ikm)


def test_rfc_5869_test_case_1() -> None:
    prk = pqc.hkdf_extract(bytes(range(13)), b"\x0b" * 22)
    out = bytearray(42)
    pqc.hkdf_expand(prk, bytes(range(0xF0, 0xFA)), out)
    assert out.hex() == (
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )


def test_hkdf_output_ends_at_255_blocks() -> None:
    out = bytearray(255 * 32)
    pqc.hkdf_expand(bytes(32), b"", out)
    assert out == HKDFExpand(SHA256(), len(out), b"").derive(bytes(32))
    too_long = bytearray(b"\xee" * (255 * 32 + 1))
    with pytest.raises(ValueError, match="length out of range"):
        pqc.hkdf_expand(bytes(32), b"", too_long)
    assert too_long == bytes(len(too_long))


def test_hkdf_can_expand_to_nothing() -> None:
    pqc.hkdf_expand(bytes(32), b"", bytearray())


# ---------------------------------------------------------------------- AES-256-CCM


@pytest.mark.parametrize("tag_bytes", TAGS)
def test_seal_and_open_agree_with_pyca(tag_bytes: int) -> None:
    rng = random.Random(tag_bytes)
    for _ in range(CASES):
        key, nonce = rng.randbytes(32), rng.randbytes(13)
        aad = rng.randbytes(rng.choice([0, 1, 13, 14, 15, 16, 30, 31, rng.randrange(300)]))
        text = rng.randbytes(rng.choice([0, 1, 15, 16, 17, 32, rng.randrange(300)]))
        theirs = AESCCM(key, tag_length=tag_bytes).encrypt(nonce, text, aad)
        assert seal(key, nonce, aad, text, tag_bytes) == theirs
        assert open_(key, nonce, aad, theirs, tag_bytes) == text


def test_every_flipped_bit_is_noticed() -> None:
    key, nonce, aad, text = bytes(32), bytes(13), b"header", bytes(range(40))
    sealed = seal(key, nonce, aad, text, 8)
    for bit in range(8 * len(sealed)):
        forged = bytearray(sealed)
        forged[bit // 8] ^= 1 << bit % 8
        assert open_(key, nonce, aad, bytes(forged), 8) is None
    assert open_(key, nonce, b"headex", sealed, 8) is None
    assert open_(key, b"\1" + nonce[1:], aad, sealed, 8) is None
    assert open_(b"\1" + key[1:], nonce, aad, sealed, 8) is None


def test_seal_and_open_work_in_place() -> None:
    text = bytes(range(50))
    sealed = seal(bytes(32), bytes(13), b"", text, 16)
    buffer = bytearray(text + bytes(16))
    pqc.ccm_seal(bytes(32), bytes(13), b"", memoryview(buffer)[:50], 16, buffer)
    assert buffer == sealed
    assert pqc.ccm_open(bytes(32), bytes(13), b"", buffer, 16, memoryview(buffer)[:50])
    assert buffer[:50] == text


def test_the_longest_text_and_the_longest_aad() -> None:
    text, aad = bytes(65_535), bytes(65_279)
    want = AESCCM(bytes(32), tag_length=16).encrypt(bytes(13), text, aad)
    assert seal(bytes(32), bytes(13), aad, text, 16) == want
    assert open_(bytes(32), bytes(13), aad, want, 16) == text


@pytest.mark.parametrize(
    ("aad", "text", "tag_bytes"),
    [
        (0, 65_536, 16),
        (65_280, 0, 16),
        (0, 4, 0),
        (0, 4, 2),
        (0, 4, 3),
        (0, 4, 5),
        (0, 4, 15),
        (0, 4, 18),
    ],
)
def test_lengths_out_of_range_are_refused(aad: int, text: int, tag_bytes: int) -> None:
    sealed = bytearray(b"\xee" * (text + tag_bytes))
    with pytest.raises(ValueError, match="length out of range"):
        pqc.ccm_seal(bytes(32), bytes(13), bytes(aad), bytes(text), tag_bytes, sealed)
    opened = bytearray(b"\xee" * text)
    with pytest.raises(ValueError, match="length out of range"):
        pqc.ccm_open(bytes(32), bytes(13), bytes(aad), sealed, tag_bytes, opened)
    if tag_bytes <= 16:  # beyond that, the binding refuses before it looks at `out`
        assert not any(opened)


def test_a_ciphertext_shorter_than_its_tag_is_refused() -> None:
    with pytest.raises(ValueError, match="length out of range"):
        pqc.ccm_open(bytes(32), bytes(13), b"", bytes(7), 8, bytearray())
    with pytest.raises(ValueError, match="length out of range"):
        pqc.ccm_open(bytes(32), bytes(13), b"", bytes(7), -1, bytearray())


def nist(name: str) -> list[dict[str, str]]:
    """NIST's CCM vectors for AES-256 with the one nonce length we have."""
    entries = rsp_entries(f"ciphers/AES/CCM/{name}256.rsp")
    return [entry for entry in entries if len(entry["Nonce"]) == 26]


@pytest.mark.parametrize(
    ("name", "total"), [("VNT", 10), ("VADT", 330), ("VPT", 250), ("VTT", 70)]
)
def test_nist_encryption_vectors(name: str, total: int) -> None:
    entries = nist(name)
    assert len(entries) == total
    for entry in entries:
        key, nonce = bytes.fromhex(entry["Key"]), bytes.fromhex(entry["Nonce"])
        aad = bytes.fromhex(entry["Adata"]) if entry.get("Alen") != "0" else b""
        text = bytes.fromhex(entry["Payload"]) if entry.get("Plen") != "0" else b""
        sealed = bytes.fromhex(entry["CT"])
        assert seal(key, nonce, aad, text, len(sealed) - len(text)) == sealed


def test_nist_decryption_vectors() -> None:
    entries = nist("DVPT")
    verdicts = {"Pass": 0, "Fail": 0}
    for entry in entries:
        key, nonce = bytes.fromhex(entry["Key"]), bytes.fromhex(entry["Nonce"])
        aad = bytes.fromhex(entry["Adata"])[: int(entry["Alen"])]
        text = open_(key, nonce, aad, bytes.fromhex(entry["CT"]), int(entry["Tlen"]))
        verdicts[entry["Result"]] += 1
        if entry["Result"] == "Pass":
            assert text == bytes.fromhex(entry["Payload"])[: int(entry["Plen"])]
        else:
            assert text is None
    assert min(verdicts.values()) > 20
