# SPDX-License-Identifier: MIT OR Apache-2.0
"""The record layer: nonces, associated data, what is taken once, what a key bears."""

import pytest

from pqmesh.engine import ratchet
from pqmesh.engine.hs_s import Outcome
from pqmesh.engine.packets import Packets
from pqmesh.engine.ratchet import Epoch
from pqmesh.errors import BadTag, Exhausted, Replayed
from pqmesh.limits import RADIO_LINK, SERIAL_LINK
from pqmesh.wire.session import decode_header
from support.model_crypto import ModelCrypto

CHAINS = (b"\x01" * 32, b"\x02" * 32)
CRYPTO = ModelCrypto()


def end(side, link=SERIAL_LINK):
    send, receive = CHAINS[side], CHAINS[1 - side]
    outcome = Outcome(b"peer", None, b"sessionx", send, receive, b"", b"")
    return Packets(CRYPTO, link, outcome)


def opened(packets_, frame, now=0):
    return packets_.open(decode_header(frame), frame, now)


def test_a_frame_is_header_ciphertext_tag_and_the_number_counts_up():
    one = end(0)
    first, second = one.seal(0x01, 0xABCD, b"plain", 0), one.seal(0x01, 0xABCD, b"", 0)
    assert first[:5].hex() == "01abcd0000"
    assert second[:5].hex() == "01abcd0001"
    key = Epoch(0, CHAINS[0])
    aad = b"sessionx" + bytes(6) + first[:5]
    assert first[5:] == CRYPTO.seal(key.key, key.nonce(0), aad, b"plain", 16)
    assert one.next_number == 2


def test_a_frame_of_a_later_epoch_says_so_and_its_number_goes_on():
    one, other = end(0), end(1)
    one.seal(0x01, 0xABCD, b"plain", 0)
    assert one.ratchet.step()
    frame = one.seal(0x09, 0xABCD, b"plain", 0)
    assert frame[:5].hex() == "19abcd0001"
    key = Epoch(0, CHAINS[0]).following()
    aad = b"sessionx" + bytes(5) + b"\x01" + frame[:5]
    assert frame[5:] == CRYPTO.seal(key.key, key.nonce(1), aad, b"plain", 16)
    assert opened(other, frame) == b"plain"
    assert other.seal(0, 1, b"", 0)[0] == 0x10  # and the other side follows


@pytest.mark.parametrize(("link", "tag"), [(SERIAL_LINK, 16), (RADIO_LINK, 8)])
def test_the_link_says_how_long_the_tag_is(link, tag):
    one, other = end(0, link), end(1, link)
    frame = one.seal(0, 1, b"plain", 0)
    assert len(frame) == 5 + 5 + tag
    assert opened(other, frame) == b"plain"
    with pytest.raises(BadTag, match="room"):
        opened(other, one.seal(0, 1, b"", 0)[:-1])


def test_forged_frames_are_counted_and_change_nothing_else(monkeypatch):
    monkeypatch.setattr(ratchet, "FAILED_TAGS_PER_KEY", 4)
    one, other = end(0), end(1)
    frame = one.seal(0, 1, b"plain", 0)
    for _ in range(2):
        assert not other.ratchet.threatened()
        with pytest.raises(BadTag):
            opened(other, frame[:-1] + bytes((frame[-1] ^ 1,)))
    assert other.ratchet.threatened()
    assert opened(other, frame) == b"plain"


def test_a_key_is_tried_by_so_many_forgeries_and_no_more(monkeypatch):
    monkeypatch.setattr(ratchet, "FAILED_TAGS_PER_KEY", 4)
    one, other = end(0), end(1)
    frame = one.seal(0, 1, b"plain", 0)
    for _ in range(4):
        with pytest.raises(BadTag):
            opened(other, frame[:-1] + bytes((frame[-1] ^ 1,)))
    with pytest.raises(Exhausted):
        opened(other, frame)  # genuine, and never looked at
    assert one.ratchet.step()
    assert opened(other, one.seal(0, 1, b"new key", 0)) == b"new key"


def test_taken_once_whatever_the_epoch():
    one, other = end(0), end(1)
    frame = one.seal(0, 1, b"plain", 0)
    opened(other, frame)
    with pytest.raises(Replayed):
        opened(other, frame)
    one.ratchet.step()
    opened(other, one.seal(0, 1, b"plain", 0))
    for bits in range(4):
        with pytest.raises(Replayed):
            opened(other, bytes([bits << 4]) + frame[1:])


def test_nothing_is_sealed_under_a_number_that_does_not_fit(monkeypatch):
    one, other = end(0), end(1)
    one.next_number = (1 << 48) - 1
    other._replay.accept((1 << 48) - 2)
    assert not one.worn_out()
    assert opened(other, one.seal(0, 1, b"last", 0)) == b"last"
    assert one.worn_out()
    with pytest.raises(Exhausted):
        opened(other, b"\x00\x00\x01\x00\x00" + bytes(16))
