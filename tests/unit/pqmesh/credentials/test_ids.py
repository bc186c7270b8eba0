# SPDX-License-Identifier: MIT OR Apache-2.0
"""Names of KEM keys, and that no secret is printed."""

import hashlib

from pqmesh.credentials.ids import OwnKey, PeerKey, credential_id_of

PEER, KEY = bytes(range(32)), b"k" * 1184


def test_the_name_by_hand():
    text = b"pqmesh1 cred" + PEER + b"\x01\x02" + b"\x00\x03" + KEY
    assert credential_id_of(PEER, 0x0102, 3, KEY) == hashlib.sha256(text).digest()[:8]


def test_every_part_of_it_counts():
    names = {
        credential_id_of(*parts)
        for parts in (
            (PEER, 1, 2, KEY),
            (PEER[::-1], 1, 2, KEY),
            (PEER, 2, 2, KEY),
            (PEER, 1, 1, KEY),
            (PEER, 1, 2, KEY[:-1] + b"l"),
        )
    }
    assert len(names) == 5


def test_no_secret_is_printed():
    own = OwnKey(1, 7, b"secret" * 10 + b"1234", KEY, b"i" * 8)
    assert repr(own) == "OwnKey(epoch 7, slot 1)"
    assert repr(PeerKey(PEER, 7, KEY, b"i" * 8)) == "PeerKey(0001020304050607, epoch 7)"
