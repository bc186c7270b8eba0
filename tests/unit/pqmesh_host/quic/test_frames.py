# SPDX-License-Identifier: MIT OR Apache-2.0
"""Golden bytes of ant-quic-wire §2.5, and the frames across a real connection."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh_host.quic import frames, transport_parameters
from pqmesh_host.quic.buffer import Buffer, BufferReadError
from pqmesh_host.quic.connection_events import FrameReceived
from pqmesh_host.quic.framed import MAX_QUEUED_FRAMES
from support.quic_pair import Pair, client, established, server

V4, V6 = ("203.0.113.7", 9000), ("2001:db8::1", 9000)
GOLDEN = [
    (frames.ObservedAddress(0, V4), "809f81a6 00 cb007107 2328"),
    (frames.ObservedAddress(1, V6), "809f81a7 01 20010db8000000000000000000000001 2328"),
    (frames.AddAddress(1, V4), "803d7e90 01 cb007107 2328"),
    (frames.AddAddress(1, V6), "803d7e91 01 20010db8000000000000000000000001 2328"),
    (frames.PunchMeNow(1, 2, V4), "803d7e92 01 02 cb007107 2328"),
    (frames.PunchMeNow(1, 2, V6), "803d7e93 01 02 20010db8000000000000000000000001 2328"),
    (frames.RemoveAddress(1), "803d7e94 01"),
    (frames.TryConnectTo(9, V4, 5000), "803d7e95 09 cb007107 2328 1388"),
    (frames.TryConnectToResponse(9, 1, 0, V4), "803d7e97 09 01 00 cb007107 2328"),
]
NEGOTIATED = {
    transport_parameters.ADDRESS_DISCOVERY: transport_parameters.varint(2),
    transport_parameters.NAT_TRAVERSAL: transport_parameters.varint(3),
    transport_parameters.RFC_NAT_TRAVERSAL: b"",
}


def name(value):
    return type(value).__name__


@pytest.mark.parametrize(("frame", "wire"), GOLDEN, ids=name)
def test_golden_frame(frame, wire):
    data = transport_parameters.varint(frame.type) + frames.encode(frame)
    assert data == bytes.fromhex(wire)
    buf = Buffer(data=data)
    assert frames.decode(buf.pull_uint_var(), buf) == frame
    assert buf.eof()


def test_every_frame_has_a_golden_one():
    assert {type(frame) for frame, _ in GOLDEN} == set(frames.ALL)


@pytest.mark.parametrize(("frame", "wire"), GOLDEN, ids=name)
def test_every_truncation_is_a_buffer_error(frame, wire):
    body = frames.encode(frame)
    for length in range(len(body)):
        with pytest.raises(BufferReadError):
            frames.decode(frame.type, Buffer(data=body[:length]))


@given(st.sampled_from([t for cls in frames.ALL for t in cls.TYPES]), st.binary(max_size=40))
def test_bodies_parse_or_are_short_and_round_trip(frame_type, body):
    try:
        frame = frames.decode(frame_type, Buffer(data=body))
    except BufferReadError:
        return
    assert frame.type == frame_type
    assert frames.decode(frame_type, Buffer(data=frames.encode(frame))) == frame


def test_what_is_negotiated_decides_what_is_taken():
    assert frames.negotiated({}) == frozenset()
    only = frames.negotiated({transport_parameters.ADDRESS_DISCOVERY: b"\x02"})
    assert only == {0x9F81A6, 0x9F81A7}
    assert 0x3D7E90 in frames.negotiated(NEGOTIATED)


def negotiated_pair(**options):
    pair = Pair(client(parameters=NEGOTIATED), server(parameters=NEGOTIATED), **options)
    assert pair.run(pair.confirmed)
    return pair


def received(pair, side):
    return [e.frame for e in pair.events[side] if isinstance(e, FrameReceived)]


def test_frames_cross_a_connection_both_ways():
    pair = negotiated_pair()
    sent = [frame for frame, _ in GOLDEN]
    for frame in sent:
        pair.client.queue_frame(frame)
        pair.server.queue_frame(frame)
    pair.settle()
    assert received(pair, "server") == sent
    assert received(pair, "client") == sent


def test_a_lost_frame_is_sent_again():
    pair = negotiated_pair()
    already = len(pair.sent["client"])
    pair._drop = lambda side, n: side == "client" and n == already + 1
    pair.client.queue_frame(frames.AddAddress(1, V4))
    pair.settle(3)
    assert received(pair, "server") == [frames.AddAddress(1, V4)]


def test_a_frame_the_peer_does_not_take_is_refused_here():
    pair = established()
    with pytest.raises(ValueError, match="does not take AddAddress"):
        pair.client.queue_frame(frames.AddAddress(1, V4))


def test_the_queue_is_bounded():
    pair = negotiated_pair()
    for n in range(MAX_QUEUED_FRAMES):
        pair.client.queue_frame(frames.RemoveAddress(n))
    with pytest.raises(ValueError, match="too many"):
        pair.client.queue_frame(frames.RemoveAddress(0))


def test_a_frame_that_was_not_negotiated_closes_the_connection():
    pair = Pair(client(), server(parameters=NEGOTIATED))
    assert pair.run(pair.confirmed)
    pair.client.remote_parameters = NEGOTIATED
    pair.server._QuicConnection__frame_handlers.pop(0x3D7E90)
    pair.client.queue_frame(frames.AddAddress(1, V4))
    pair.settle(0.1)
    assert pair.server.ended[0] == 0x07  # FRAME_ENCODING_ERROR (RFC 9000 §20.1)
