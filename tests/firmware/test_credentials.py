# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rung L1, 32-bit words: what a credential costs in heap when it is taken in piece by piece."""

import json
import subprocess
from pathlib import Path

import pytest

from pqmesh.credentials.intake import CREDENTIAL_BYTES
from pqmesh_host.crypto import HostCrypto
from support.credentials import Owner
from support.firmware_images import image

pytestmark = [pytest.mark.firmware, pytest.mark.timeout(300)]

PROGRAM = """
import gc, json, sys
from pqmesh_node.crypto import BoardCrypto
from pqmesh.credentials.epoch import open_epoch, open_leaf
from pqmesh.credentials.keyring import Keyring
from pqmesh.identity import Identity, peer_id_of

class Watched(BoardCrypto):
    def verify(self, *arguments):
        note()
        return BoardCrypto.verify(self, *arguments)

    def kem_encapsulate(self, *arguments):
        note()
        return BoardCrypto.kem_encapsulate(self, *arguments)

def note():
    global peak
    gc.collect()
    peak = max(peak, gc.mem_alloc())

def in_pieces(name):
    intake = ring.intake(crypto)
    with open(name, "rb") as source:
        while not intake.feed(source.read(214)):
            note()
    key = ring.take(intake)
    return key.public

def whole(name):
    blob = bytearray()
    with open(name, "rb") as source:
        while len(blob) < 6703:
            blob.extend(source.read(214))
            note()
    blob = bytes(blob)
    epoch = open_epoch(blob[1952:5325], blob[:1952], crypto)
    slot, public = open_leaf(blob[5325:], epoch.root, peer_id_of(blob[:1952]), epoch.epoch)
    crypto.kem_encapsulate(public, bytes(32))
    return public

peak = 0
crypto = Watched()
ring = Keyring(Identity(bytes(32), crypto), crypto, 2)
gc.collect()
base = gc.mem_alloc()
kept = (in_pieces if sys.argv[1] == "pieces" else whole)(sys.argv[2])
gc.collect()
print(json.dumps({"peak": peak - base, "kept": gc.mem_alloc() - base, "bytes": len(kept)}))
"""


def figures(how: str, source: Path, program: Path) -> dict[str, int]:
    done = subprocess.run(
        [str(image("unix32")), "-X", "heapsize=192K", str(program), how, str(source)],
        env={"MICROPYPATH": ".frozen"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    print(how, found)
    return dict(found)


def test_a_credential_in_pieces_takes_half_the_heap_of_a_whole_one(tmp_path: Path) -> None:
    owner = Owner(b"a peer", HostCrypto())
    source, program = tmp_path / "credential", tmp_path / "program.py"
    source.write_bytes(owner.credential(owner.epoch(3, slots=8)))
    program.write_text(PROGRAM)
    assert source.stat().st_size == CREDENTIAL_BYTES
    pieces = figures("pieces", source, program)
    whole = figures("whole", source, program)
    assert pieces["bytes"] == whole["bytes"] == 1184
    assert pieces["peak"] < 7_000
    assert 2 * pieces["peak"] < whole["peak"] + 1_000
    assert pieces["kept"] < 3_000
