# SPDX-License-Identifier: MIT OR Apache-2.0
"""libFuzzer with ASan and UBSan on every function that takes bytes from the network."""

import hashlib
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from support.pqc_extension import pqc
from tools.build_cpython_pqc import C_PQC

SANITIZERS = ["-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]
SEED = bytes([2]) + bytes(63)


def programme(folder: Path) -> Path:
    """Build the fuzzer, or skip where clang has no runtime for it."""
    if shutil.which("clang") is None:
        pytest.skip("clang is not installed")
    image = folder / "fuzz"
    probe = folder / "probe.c"
    probe.write_text(
        "int LLVMFuzzerTestOneInput(void); int LLVMFuzzerTestOneInput(void) {return 0;}"
    )
    command = ["clang", "-std=c11", "-O1", "-g", *SANITIZERS]
    tried = subprocess.run(
        [*command, str(probe), "-o", str(image)], capture_output=True, check=False
    )
    if tried.returncode != 0:
        pytest.skip("this clang has no libFuzzer")
    sources = [str(path) for path in sorted((C_PQC / "src").glob("*.c"))]
    subprocess.run(
        [*command, *sources, str(C_PQC / "tests" / "fuzz.c"), "-o", str(image)], check=True
    )
    return image


def corpus(folder: Path) -> Path:
    """Inputs that every function accepts, for the fuzzer to spoil. Two of each length parity."""
    folder.mkdir()
    key, dk, pk, sig = bytearray(1184), bytearray(2400), bytearray(1952), bytearray(3309)
    pqc.kem_keypair(SEED, key)
    pqc.kem_expand(SEED, dk)
    ciphertext, shared = bytearray(1088), bytearray(32)
    pqc.kem_encapsulate(key, bytes(32), ciphertext, shared)
    pqc.dsa_keypair(SEED[:32], pk)
    pqc.dsa_sign(SEED[:32], b"message", b"", bytes(32), sig)
    sealed = bytearray(16 + 40)
    pqc.ccm_seal(bytes([4]) + bytes(31), bytes([4]) + bytes(12), b"", bytes(40), 16, sealed)
    for choice, good in enumerate((key, ciphertext, dk, sig + pk + b"message", sealed)):
        for extra in (b"", b"\0"):
            data = bytes([choice]) + bytes(good) + extra
            (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    return folder


def fuzz(tmp_path: Path, *limits: str) -> None:
    image, inputs = programme(tmp_path), corpus(tmp_path / "corpus")
    done = subprocess.run(
        [str(image), "-max_len=6000", "-timeout=30", *limits, str(inputs)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert "Done " in done.stderr


@pytest.mark.slow
def test_a_few_thousand_inputs(tmp_path: Path) -> None:
    fuzz(tmp_path, "-runs=3000", "-seed=1")


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_ten_minutes_of_inputs(tmp_path: Path) -> None:
    fuzz(tmp_path, "-max_total_time=600", f"-seed={random.SystemRandom().randrange(1, 2**31)}")
