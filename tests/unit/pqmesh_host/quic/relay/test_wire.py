# SPDX-License-Identifier: MIT OR Apache-2.0
"""The relay's messages against ant-quic's golden bytes, and every broken form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh_host.quic.relay.wire import (
    BIND_ANY,
    MAX_DATA_BYTES,
    MAX_REASON_BYTES,
    FrameReader,
    InvalidRelayMessage,
    RelayedDatagram,
    RelayRequest,
    RelayResponse,
)

ADDRESS = ("203.0.113.7", 9000)

# ant-quic-wire 5.1 and 5.2, executed there against the real codec.
GOLDEN = [
    (BIND_ANY, "00000006 01023a3a0000"),
    (RelayResponse(200, ADDRESS), "0000000a 00c80104cb0071072328"),
    (RelayResponse(403, None, "forbidden"), "0000000d 01930209666f7262696464656e"),
    (RelayedDatagram(ADDRESS, b"hi"), "0000000a 0004cb00710723286869"),
]


@pytest.mark.parametrize(("message", "wire"), GOLDEN, ids=lambda value: type(value).__name__)
def test_golden_bytes(message: RelayRequest | RelayResponse | RelayedDatagram, wire: str) -> None:
    blob = bytes.fromhex(wire)
    assert message.encode() == blob
    assert type(message).decode(blob[4:]) == message


def test_a_request_fills_the_eight_bytes_that_are_read_first() -> None:
    assert len(BIND_ANY.encode()) >= 8


def test_v6_addresses_and_reasons_together() -> None:
    both = RelayResponse(200, ("2001:2::1", 1), "ok")
    assert RelayResponse.decode(both.encode()[4:]) == both


def test_a_long_reason_is_cut() -> None:
    cut = RelayResponse.decode(RelayResponse(500, None, "x" * 9_999).encode()[4:])
    assert cut.reason == "x" * MAX_REASON_BYTES


@pytest.mark.parametrize(("message", "wire"), GOLDEN[:3], ids=lambda value: type(value).__name__)
def test_truncations_and_trailing_bytes_are_refused(
    message: RelayRequest | RelayResponse, wire: str
) -> None:
    body = bytes.fromhex(wire)[4:]
    for length in range(len(body)):
        with pytest.raises(InvalidRelayMessage):
            type(message).decode(body[:length])
    with pytest.raises(InvalidRelayMessage, match="after the end"):
        type(message).decode(body + b"\x00")


@pytest.mark.parametrize(
    "body",
    [b"", b"\x00", b"\x00\x05" + bytes(18), b"\x01\x04" + bytes(6), b"\x00\x06" + bytes(17)],
)
def test_datagrams_of_another_form_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidRelayMessage):
        RelayedDatagram.decode(body)


def test_a_datagram_that_cannot_be_framed_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        RelayedDatagram(ADDRESS, bytes(MAX_DATA_BYTES)).encode()


@given(st.lists(st.binary(max_size=40), max_size=10), st.data())
def test_frames_survive_any_chunking(bodies: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(len(body).to_bytes(4, "big") + body for body in bodies)
    reader, got = FrameReader(40), []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        got += list(reader.feed(stream[:cut]))
        stream = stream[cut:]
    assert got == bodies


def test_a_length_over_the_limit_ends_the_stream() -> None:
    with pytest.raises(InvalidRelayMessage, match="at most 40"):
        list(FrameReader(40).feed(b"\x00\x00\x00\x29"))


@given(st.binary(max_size=64))
def test_garbage_raises_nothing_else(body: bytes) -> None:
    for kind in (RelayRequest, RelayResponse, RelayedDatagram):
        try:
            kind.decode(body)
        except InvalidRelayMessage:
            continue
