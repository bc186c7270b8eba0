# SPDX-License-Identifier: MIT OR Apache-2.0
"""ant-quic's stream conventions: golden bytes of ant-quic-wire §4.3 and §5.1."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh_host.quic import messages
from pqmesh_host.quic.messages import AckLedger, Kind, classify

TAG = bytes(range(16))
ALICE, BOB = b"a" * 32, b"b" * 32


def test_golden_bytes():
    request = messages.ACK_REQUEST + TAG + b"hi"
    assert request.hex() == "414e5141636b4233000102030405060708090a0b0c0d0e0f6869"
    assert messages.ack_answer(messages.ACCEPTED).hex() == "414e5141636b52320000"
    assert messages.probe(TAG).hex() == "414e5150726f5231" + TAG.hex()
    answer = messages.answer_probe(messages.probe(TAG))
    assert answer.hex() == "414e5141636b4331" + TAG.hex() + "0000"
    assert messages.RELAY_NOT_SERVED.hex() == "0000000301f500"
    assert int.from_bytes(messages.RELAY_NOT_SERVED[4:6], "big") == 501


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b"", Kind.APPLICATION),
        (b"AQCC\x01{}", Kind.COORDINATOR),
        (b"AQCC\x02{}", Kind.APPLICATION),
        (messages.probe(TAG), Kind.PROBE),
        (messages.probe(TAG) + b"x", Kind.APPLICATION),
        (messages.probe(TAG)[:-1], Kind.APPLICATION),
        (messages.answer_probe(messages.probe(TAG)), Kind.PROBE_ANSWER),
        (messages.answer_probe(messages.probe(TAG)) + b"x", Kind.APPLICATION),
        (b"\x01ANQProR1", Kind.APPLICATION),
    ],
)
def test_classification_is_exact(payload, kind):
    assert classify(payload) is kind


@given(st.binary(max_size=40))
def test_a_first_byte_of_ours_is_never_taken_for_control(rest):
    """The mesh envelope starts with its version, 0x01."""
    assert classify(b"\x01" + rest) is Kind.APPLICATION


def test_tags_survive_the_round_trip():
    assert messages.probe_tag(messages.answer_probe(messages.probe(TAG))) == TAG


@given(st.binary(max_size=14))
def test_only_exact_answers_decode(data):
    assert messages.decode_ack_answer(data) is None or data.startswith(messages.ACK_ANSWER)
    for verdict in (messages.ACCEPTED, messages.REJECTED_BACK_PRESSURE):
        assert messages.decode_ack_answer(messages.ack_answer(verdict)) == verdict
        assert messages.decode_ack_answer(messages.ack_answer(verdict) + data[:1] + b"x") is None


def test_verdicts_have_names():
    assert messages.describe_ack(0, 0) == "accepted"
    assert messages.describe_ack(1, 4) == "rejected: back-pressured"
    assert messages.describe_ack(1, 77) == "rejected: reason 77"
    assert messages.describe_ack(2, 1) == "closed: reason 1"


class TestLedger:
    def test_a_repeat_gets_the_same_answer(self):
        ledger = AckLedger()
        assert ledger.lookup(ALICE, TAG, b"hi", 0) is None
        ledger.record(ALICE, TAG, b"hi", messages.ACCEPTED, 0)
        assert ledger.lookup(ALICE, TAG, b"hi", 1) == messages.ACCEPTED

    def test_the_same_id_with_another_payload_is_refused(self):
        ledger = AckLedger()
        ledger.record(ALICE, TAG, b"hi", messages.ACCEPTED, 0)
        assert ledger.lookup(ALICE, TAG, b"ho", 1) == messages.REJECTED_INVALID

    def test_ids_belong_to_their_peer(self):
        ledger = AckLedger()
        ledger.record(ALICE, TAG, b"hi", messages.ACCEPTED, 0)
        assert ledger.lookup(BOB, TAG, b"hi", 1) is None

    def test_it_forgets_after_its_time(self):
        ledger = AckLedger()
        ledger.record(ALICE, TAG, b"hi", messages.ACCEPTED, 0)
        assert ledger.lookup(ALICE, TAG, b"hi", messages.REMEMBER_S) is not None
        assert ledger.lookup(ALICE, TAG, b"hi", messages.REMEMBER_S + 1) is None
        assert len(ledger) == 0

    def test_it_is_bounded_and_drops_the_oldest(self):
        ledger = AckLedger()
        for n in range(messages.MAX_REMEMBERED + 1):
            ledger.record(ALICE, n.to_bytes(16, "big"), b"", messages.ACCEPTED, 0)
        assert len(ledger) == messages.MAX_REMEMBERED
        assert ledger.lookup(ALICE, bytes(16), b"", 0) is None
        assert ledger.lookup(ALICE, (1).to_bytes(16, "big"), b"", 0) is not None
