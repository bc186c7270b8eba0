# SPDX-License-Identifier: MIT OR Apache-2.0
"""Builds the C library's example with CMake, and says what it must print on every machine."""

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from support.pqc_extension import pqc
from tools.firmware import toolchain

C_PQC = Path(__file__).parents[2] / "firmware" / "c_pqc"
MPS2 = C_PQC / "examples" / "mps2-an385"


def need(*programs: str) -> None:
    """Skip the test, naming the programs, unless all are installed."""
    missing = toolchain.missing(programs)
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def cmake(*words: str) -> str:
    """Run CMake; returns what it printed, and fails the test with it when it fails."""
    done = subprocess.run(
        ["cmake", *words], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(folder: Path, *options: str) -> Path:
    """Configure and build the library with its example in `folder`; returns the example."""
    cmake("-S", str(C_PQC), "-B", str(folder), *options)
    cmake("--build", str(folder))
    return folder / "examples" / "round_trip"


def expected_lines() -> list[str]:
    """What round_trip.c prints: its keys come from pqc, everything is checked against pyca."""
    key_seed, coins = b"\1" * 64, b"\2" * 32
    public_key, ciphertext, shared = bytearray(1184), bytearray(1088), bytearray(32)
    pqc.kem_keypair(key_seed, public_key)
    pqc.kem_encapsulate(public_key, coins, ciphertext, shared)
    agreed = MLKEM768PrivateKey.from_seed_bytes(key_seed).decapsulate(bytes(ciphertext))
    assert agreed == shared
    key = HKDF(SHA256(), 32, None, b"pqc example").derive(agreed)
    signature = bytearray(3309)
    pqc.dsa_sign(b"\3" * 32, ciphertext, b"ex", b"\4" * 32, signature)
    signer = MLDSA65PrivateKey.from_seed_bytes(b"\3" * 32).public_key()
    signer.verify(bytes(signature), bytes(ciphertext), b"ex")
    digest = Hash(SHA256())
    digest.update(bytes(signature))
    sealed = AESCCM(key, tag_length=8).encrypt(bytes(13), b"21.5", None)
    results = {
        "ML-KEM-768": agreed,
        "HKDF": key,
        "ML-DSA-65": digest.finalize(),
        "AES-256-CCM": sealed,
    }
    return [f"{name:12}{octets.hex()}" for name, octets in results.items()]
