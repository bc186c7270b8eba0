# SPDX-License-Identifier: MIT OR Apache-2.0
"""The libraries we compare ourselves with: fetched as pinned, and a second oracle."""

import ctypes
import random
import subprocess
from pathlib import Path

import pytest

from benchmarks import pqc_peers
from benchmarks.pqc_cases import C_PQC, EK, EXPANDED, PK, SIGNATURE
from support.dsa_library import SIGN_MODES, library
from support.pqc_extension import pqc
from tools.build_cpython_pqc import compiler


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pqc_peers, "FOLDER", tmp_path)
    return tmp_path


def test_a_failed_download_says_so(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = subprocess.CompletedProcess([], 1)
    monkeypatch.setattr(pqc_peers.subprocess, "run", lambda *_args, **_named: failed)
    with pytest.raises(pqc_peers.PeerUnavailable, match=r"could not download awscrt 0\.38\.1"):
        pqc_peers.fetch()


def test_another_archive_than_the_pinned_one_is_refused(empty: Path) -> None:
    (empty / "awscrt-0.38.1.tar.gz").write_bytes(b"something else")
    with pytest.raises(pqc_peers.PeerUnavailable, match="not the pinned"):
        pqc_peers.fetch()
    assert not (empty / "awscrt-0.38.1").exists()


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """Both libraries, built for this machine on our SHA-3."""
    inside = pqc_peers.fetch()
    target = tmp_path_factory.mktemp("peers") / "libpeers.so"
    ours = [p for p in (C_PQC / "src").glob("*.c") if p.stem in pqc_peers.OURS]
    ours += (C_PQC / "src").glob("keccak_*.c")
    sources = [inside / pqc_peers.MLDSA, inside / pqc_peers.MLKEM, *ours]
    include = (f"-I{pqc_peers.GLUE}", f"-I{C_PQC / 'src'}")
    flags = ("-O2", "-fPIC", "-shared", *include, *pqc_peers.DEFINES)
    command = [*compiler(), *flags, *map(str, sources), "-o", str(target)]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(target))


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_mldsa_native_computes_the_same(peers: ctypes.CDLL) -> None:
    dsa = library()
    pk, sk = ctypes.create_string_buffer(PK), ctypes.create_string_buffer(4032)
    theirs = ctypes.create_string_buffer(SIGNATURE)
    for case in range(500):
        rng = random.Random(f"peer {case}")
        seed, message = rng.randbytes(32), rng.randbytes(rng.randrange(300))
        context = rng.randbytes(rng.choice((0, 9, 255)))
        hedge = rng.choice((bytes(32), rng.randbytes(32)))
        assert peers.peer_mldsa_keypair_internal(pk, sk, seed) == 0
        assert (dsa.keypair(seed), dsa.expand(seed)) == (pk.raw, sk.raw)

        prefix = bytes((0, len(context))) + context
        text = (message, ctypes.c_size_t(len(message)), prefix, ctypes.c_size_t(len(prefix)))
        assert peers.peer_mldsa_signature_internal(theirs, *text, hedge, sk, 0) == 0
        ours = dsa.sign(seed, message, context, hedge, ws=SIGN_MODES[case % 2])
        assert ours == theirs.raw
        assert peers.peer_mldsa_verify_internal(ours, *text, pk, 0) == 0


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_mlkem_native_computes_the_same(peers: ctypes.CDLL) -> None:
    ek, dk = ctypes.create_string_buffer(EK), ctypes.create_string_buffer(EXPANDED)
    ct, ss = ctypes.create_string_buffer(1088), ctypes.create_string_buffer(32)
    for case in range(500):
        rng = random.Random(f"peer {case}")
        seed, coins = rng.randbytes(64), rng.randbytes(32)
        assert peers.peer_mlkem_keypair_derand(ek, dk, seed) == 0
        our_ek, our_ct, our_ss = bytearray(EK), bytearray(1088), bytearray(32)
        pqc.kem_keypair(seed, our_ek)
        assert bytes(our_ek) == ek.raw
        assert peers.peer_mlkem_enc_derand(ct, ss, ek, coins) == 0
        pqc.kem_encapsulate(our_ek, coins, our_ct, our_ss)
        assert (bytes(our_ct), bytes(our_ss)) == (ct.raw, ss.raw)

        wrong = bytearray(our_ct)
        wrong[rng.randrange(1088)] ^= 1 << rng.randrange(8)
        for candidate in (our_ct, wrong):
            pqc.kem_decapsulate(seed, candidate, our_ss)
            assert peers.peer_mlkem_dec(ss, bytes(candidate), dk) == 0
            assert bytes(our_ss) == ss.raw
