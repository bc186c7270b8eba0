# SPDX-License-Identifier: MIT OR Apache-2.0
"""Who is admitted, and in which words one is not."""

import pytest

from pqmesh.engine.admission import objection, refusal_text
from pqmesh.wire.session import REASON_FULL, REASON_REFUSED

ALICE, BOB = b"\xaa" * 32, b"\xbb" * 32


def test_whom_nobody_objects_to_is_admitted():
    assert objection(ALICE, None, None) is None
    assert objection(ALICE, ALICE, lambda peer_id: peer_id == ALICE) is None


def test_another_than_expected_is_named():
    text = objection(ALICE, BOB, None)
    assert text == "wrong identity: aaaaaaaaaaaaaaaa is there, bbbbbbbbbbbbbbbb is expected"


def test_the_owner_has_the_last_word():
    assert objection(ALICE, ALICE, lambda _: False) == (
        "identity aaaaaaaaaaaaaaaa is not trusted here"
    )


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (REASON_REFUSED, "the peer does not admit us"),
        (REASON_FULL, "the peer has no room for another session"),
        (77, "the peer closed, reason 77"),
    ],
)
def test_a_close_in_place_of_the_end_is_explained(reason, text):
    assert refusal_text(reason) == text
