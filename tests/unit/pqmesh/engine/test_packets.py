# SPDX-License-Identifier: MIT OR Apache-2.0
"""The record layer: nonces, associated data, what is taken once, what ends a key."""

import pytest

from pqmesh.engine import packets
from pqmesh.engine.hs_s import Outcome
from pqmesh.engine.packets import Key, Packets
from pqmesh.errors import BadTag, Exhausted, Replayed
from pqmesh.kdf import derive
from pqmesh.limits import FRAMES_PER_KEY, RADIO_LINK, SERIAL_LINK
from pqmesh.wire.session import decode_header
from support.model_crypto import ModelCrypto

CHAINS = (b"\x01" * 32, b"\x02" * 32)
CRYPTO = ModelCrypto()


def end(side, link=SERIAL_LINK):
    send, receive = CHAINS[side], CHAINS[1 - side]
    outcome = Outcome(b"peer", None, b"sessionx", send, receive, b"", b"")
    return Packets(CRYPTO, link, outcome)


def opened(packets_, frame):
    return packets_.open(decode_header(frame), frame)


def test_the_nonce_is_the_iv_xor_the_whole_packet_number():
    iv = derive(CHAINS[0], b"iv", b"", 13)
    key = Key(CHAINS[0])
    assert key.key == derive(CHAINS[0], b"key")
    assert key.nonce(0) == iv
    mixed = bytes(a ^ b for a, b in zip(key.nonce(0x1234567), iv, strict=True))
    assert mixed == bytes(9) + bytes.fromhex("01234567")


def test_a_frame_is_header_ciphertext_tag_and_the_number_counts_up():
    one = end(0)
    first, second = one.seal(0x01, 0xABCD, b"plain"), one.seal(0x01, 0xABCD, b"")
    assert first[:5].hex() == "01abcd0000"
    assert second[:5].hex() == "01abcd0001"
    key = Key(CHAINS[0])
    aad = b"sessionx" + bytes(6) + first[:5]
    assert first[5:] == CRYPTO.seal(key.key, key.nonce(0), aad, b"plain", 16)
    assert one.next_number == 2


@pytest.mark.parametrize(("link", "tag"), [(SERIAL_LINK, 16), (RADIO_LINK, 8)])
def test_the_link_says_how_long_the_tag_is(link, tag):
    one, other = end(0, link), end(1, link)
    frame = one.seal(0, 1, b"plain")
    assert len(frame) == 5 + 5 + tag
    assert opened(other, frame) == b"plain"
    with pytest.raises(BadTag, match="room"):
        opened(other, one.seal(0, 1, b"")[:-1])


def test_forged_frames_are_counted_and_change_nothing_else(monkeypatch):
    one, other = end(0), end(1)
    frame = one.seal(0, 1, b"plain")
    monkeypatch.setattr(packets, "FAILED_TAGS_PER_KEY", 2)
    for _ in range(2):
        assert not other.under_attack()
        with pytest.raises(BadTag):
            opened(other, frame[:-1] + bytes((frame[-1] ^ 1,)))
    assert other.under_attack()
    assert opened(other, frame) == b"plain"


def test_taken_once():
    one, other = end(0), end(1)
    frame = one.seal(0, 1, b"plain")
    opened(other, frame)
    with pytest.raises(Replayed):
        opened(other, frame)


def test_a_key_has_its_limit_on_both_sides():
    one, other = end(0), end(1)
    one.next_number = FRAMES_PER_KEY - 1
    other._replay.accept(FRAMES_PER_KEY - 2)
    assert not one.worn_out()
    assert opened(other, one.seal(0, 1, b"last")) == b"last"
    assert one.worn_out()
    with pytest.raises(Exhausted):
        opened(other, one.seal(0, 1, b"one too many"))
