# SPDX-License-Identifier: MIT OR Apache-2.0
"""Coordinator messages: ant-quic's JSON byte for byte, and nothing else."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh_host.quic.nat.aqcc import (
    MAX_ADDRESSES,
    REASONS,
    Coordination,
    InvalidCoordination,
    decode,
    encode,
    parse_address,
)

REQUEST = Coordination(
    kind="Request",
    request_id=7,
    expires_at_unix_ms=1_790_000_000_000,
    initiator=bytes(range(32)),
    target=bytes(32),
    round=1,
    initiator_addresses=(("198.18.0.4", 9000), ("2001:2::4", 9000)),
)
GOLDEN = (
    b'AQCC\x01{"request_id":7,"expires_at_unix_ms":1790000000000,"message":{"CoordinationRequest":'
    b'{"initiator":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,'
    b'29,30,31],"target":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],'
    b'"round":1,"initiator_addrs":["198.18.0.4:9000","[2001:2::4]:9000"]}}}'
)


def test_golden_request() -> None:
    assert encode(REQUEST) == GOLDEN
    assert decode(GOLDEN) == REQUEST


@pytest.mark.parametrize(
    "message",
    [
        dataclasses.replace(REQUEST, kind="Offer"),
        dataclasses.replace(
            REQUEST, kind="Ready", initiator_addresses=(), target_addresses=(("198.18.0.9", 1),)
        ),
        dataclasses.replace(REQUEST, kind="Accepted", target_addresses=(("198.18.0.9", 65535),)),
        *(
            dataclasses.replace(REQUEST, kind="Rejected", initiator_addresses=(), reason=reason)
            for reason in REASONS
        ),
    ],
    ids=lambda m: f"{m.kind} {m.reason or ''}",
)
def test_every_variant_survives_the_wire(message: Coordination) -> None:
    assert decode(encode(message)) == message


def mutated(change: object, *path: str) -> bytes:
    fields = json.loads(GOLDEN[5:])
    place = fields
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = change
    return b"AQCC\x01" + json.dumps(fields).encode()


BODY = ("message", "CoordinationRequest")


@pytest.mark.parametrize(
    "payload",
    [
        b"AQCC\x02{}",
        b"AQCC\x01",
        b"AQCC\x01[]",
        b"AQCC\x01" + b"[" * 100_000,
        b"AQCC\x01\xff",
        GOLDEN + b" " * (16 * 1024),
        mutated({}, "message"),
        mutated({"CoordinationRequest": {}, "CoordinationOffer": {}}, "message"),
        mutated({"Request": {}}, "message"),
        mutated({"CoordinationParty": {}}, "message"),
        mutated([], *BODY),
        mutated(-1, "request_id"),
        mutated(1 << 64, "request_id"),
        mutated(True, "request_id"),
        mutated(1.5, "expires_at_unix_ms"),
        mutated([0] * 31, *BODY, "initiator"),
        mutated([0] * 31 + [256], *BODY, "target"),
        mutated([0] * 31 + [True], *BODY, "target"),
        mutated("1.2.3.4:5", *BODY, "initiator_addrs"),
        mutated([5], *BODY, "initiator_addrs"),
        mutated(["198.18.0.1:1"] * (MAX_ADDRESSES + 1), *BODY, "initiator_addrs"),
        mutated({"CoordinationRejected": {"reason": "Mood"}}, "message"),
    ],
)
def test_other_forms_are_refused(payload: bytes) -> None:
    with pytest.raises(InvalidCoordination):
        decode(payload)


@pytest.mark.parametrize(
    "text", ["", "1.2.3.4", "example.org:80", "1.2.3.4:0", "1.2.3.4:65536", "1.2.3.4:-1",
             "::1:80", "[::1]", "[1.2.3.4]:80", "1.2.3.4:\u0661", "[::1]:٣"]
)  # fmt: skip
def test_texts_that_are_no_socket_address_are_refused(text: str) -> None:
    with pytest.raises(InvalidCoordination):
        parse_address(text)


@given(st.binary(max_size=400))
def test_garbage_raises_nothing_else(tail: bytes) -> None:
    try:
        decode(b"AQCC\x01" + tail)
    except InvalidCoordination:
        pass
    else:
        pytest.fail("random bytes are no coordination message")
