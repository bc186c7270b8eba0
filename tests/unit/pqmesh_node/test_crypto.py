# SPDX-License-Identifier: MIT OR Apache-2.0
"""The board's provider agrees with the host's, and refuses what the port says it refuses."""

import os

import pytest

from support.pqc_extension import pqc  # must come first: it makes `import pqc` work

# isort: split

from pqmesh.errors import BadKey, BadTag
from pqmesh_host.crypto import HostCrypto
from pqmesh_node.crypto import BoardCrypto


@pytest.fixture(scope="module")
def board():
    return BoardCrypto()


@pytest.fixture(scope="module")
def host():
    return HostCrypto()


def test_the_workspace_is_handed_over_once(monkeypatch):
    given = []
    monkeypatch.setattr(pqc, "set_workspace", given.append)
    BoardCrypto()
    assert [len(buffer) for buffer in given] == [pqc.WORKSPACE_BYTES]


def test_without_a_reserve_each_operation_makes_its_buffers_and_gives_the_same(board, monkeypatch):
    given = []
    monkeypatch.setattr(pqc, "set_workspace", given.append)
    poor = BoardCrypto(False)
    assert given == [None]
    seed, coins = bytes(range(64)), bytes(32)
    assert poor.kem_keypair(seed) == board.kem_keypair(seed)
    public = board.kem_keypair(seed)
    assert poor.kem_encapsulate(public, coins) == board.kem_encapsulate(public, coins)
    assert poor.sign(seed[:32], b"m", b"", coins) == board.sign(seed[:32], b"m", b"", coins)
    key, nonce = bytes(32), bytes(13)
    sealed = poor.seal(key, nonce, b"", b"reading", 8)
    assert board.open(key, nonce, b"", sealed, 8) == b"reading"
    assert poor.open(key, nonce, b"", sealed, 8) == b"reading"


def test_the_watchdog_has_its_turn_within_a_signature(board, monkeypatch):
    turns = []
    board.poll(lambda: turns.append(1))
    signature = board.sign(bytes(32), b"reading", b"", bytes(32))
    assert len(turns) == 6
    board.poll(None)
    assert board.sign(bytes(32), b"reading", b"", bytes(32)) == signature
    assert len(turns) == 6
    monkeypatch.delattr(pqc, "set_poll")
    board.poll(lambda: turns.append(1))  # a .mpy: there are no turns, and no harm


def test_a_secret_agreed_in_both_directions(board, host):
    seed, coins = os.urandom(64), os.urandom(32)
    assert board.kem_keypair(seed) == host.kem_keypair(seed)
    for sender, receiver in ((board, host), (host, board)):
        ciphertext, shared = sender.kem_encapsulate(host.kem_keypair(seed), coins)
        assert receiver.kem_decapsulate(seed, ciphertext) == shared


def test_signatures_verify_in_both_directions(board, host):
    seed, rnd = os.urandom(32), os.urandom(32)
    key = board.dsa_public_key(seed)
    assert key == host.dsa_public_key(seed)
    for signer, verifier in ((board, host), (host, board)):
        signature = signer.sign(seed, b"message", b"context", rnd)
        assert verifier.verify(key, b"message", b"context", signature)
        assert not verifier.verify(key, b"massage", b"context", signature)
        assert not verifier.verify(key, b"message", b"other", signature)


@pytest.mark.parametrize("tag_bytes", [8, 16])
def test_what_one_seals_the_other_opens(board, host, tag_bytes):
    key, nonce, aad = os.urandom(32), os.urandom(13), b"header"
    for text in (b"", b"x" * 500):
        sealed = board.seal(key, nonce, aad, text, tag_bytes)
        assert sealed == host.seal(key, nonce, aad, text, tag_bytes)
        assert board.open(key, nonce, aad, sealed, tag_bytes) == text


@pytest.mark.parametrize("key", [b"", bytes(1183), b"\xff" * 1184])
def test_a_malformed_encapsulation_key_is_the_peers_fault(board, key):
    with pytest.raises(BadKey):
        board.kem_encapsulate(key, bytes(32))


@pytest.mark.parametrize("ciphertext", [b"", bytes(15), bytes(16), bytes(40)])
def test_a_forged_ciphertext_is_the_peers_fault(board, ciphertext):
    with pytest.raises(BadTag):
        board.open(bytes(32), bytes(13), b"", ciphertext, 16)


@pytest.mark.parametrize(("key", "signature"), [(bytes(1951), bytes(3309)), (bytes(1952), b"")])
def test_malformed_signatures_are_false_not_an_error(board, key, signature):
    assert not board.verify(key, b"m", b"", signature)


def test_sha256(board, host):
    assert board.sha256(b"abc") == host.sha256(b"abc")
