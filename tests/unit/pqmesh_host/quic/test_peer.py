# SPDX-License-Identifier: MIT OR Apache-2.0
"""Messages between two peers: sizes, order of ends, back-pressure, cancellation."""

import asyncio
import hashlib

import pytest

from pqmesh_host.quic import appstreams, frames, lifecycle, messages
from pqmesh_host.quic.endpoint import QuicEndpoint
from pqmesh_host.quic.errors import NotAcknowledged, PeerClosed
from support.quic_net import endpoints, eventually, joined
from support.quic_pair import identity

MIB = 1024 * 1024


def pattern(size: int) -> bytes:
    block = hashlib.sha256(size.to_bytes(4, "big")).digest()
    return (block * (size // 32 + 1))[:size]


@pytest.mark.parametrize("size", [0, 1, 23, 24, 26, 1199, 1200, 65_536, MIB, 4 * MIB])
async def test_a_message_of_any_size_arrives_whole_both_ways(size):
    async with joined() as (dialled, accepted):
        for sender, receiver in ((dialled, accepted), (accepted, dialled)):
            await sender.send(pattern(size))
            assert await asyncio.wait_for(receiver.recv(), 20) == pattern(size)


async def test_a_longer_message_is_refused_here():
    async with joined() as (dialled, accepted):
        with pytest.raises(ValueError, match="at most 4194304 bytes"):
            await dialled.send(bytes(4 * MIB + 1))
        await dialled.send(b"still fine")
        assert await accepted.recv() == b"still fine"


async def test_a_longer_message_of_theirs_is_stopped_and_the_connection_lives():
    async with endpoints("alice") as (alice,), endpoints("bob", max_message_bytes=1000) as (bob,):
        dialled = await alice.connect(bob.local_address)
        accepted = await bob.accept()
        await dialled.send(bytes(1001))
        await dialled.send(bytes(5000))
        await dialled.send(bytes(1000))
        assert await asyncio.wait_for(accepted.recv(), 2) == bytes(1000)
        await eventually(lambda: accepted.counts.get("refused_too_long", 0) >= 1)


@pytest.mark.parametrize(
    "payload", [b"AQCC\x01{}", messages.probe(bytes(16)), messages.PROBE_ANSWER + bytes(18)]
)
async def test_a_payload_that_looks_like_control_is_refused_here(payload):
    async with joined() as (dialled, _):
        with pytest.raises(ValueError, match="control message"):
            await dialled.send(payload)


async def test_a_thousand_messages_each_way_at_once():
    async with joined() as (dialled, accepted):

        async def send(peer, name):
            for n in range(1000):
                await peer.send(b"%s %d" % (name, n))

        async def receive(peer):
            return [await peer.recv() for _ in range(1000)]

        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            tasks.create_task(send(dialled, b"up"))
            tasks.create_task(send(accepted, b"down"))
            up = tasks.create_task(receive(accepted))
            down = tasks.create_task(receive(dialled))
        assert sorted(up.result()) == sorted(b"up %d" % n for n in range(1000))
        assert sorted(down.result()) == sorted(b"down %d" % n for n in range(1000))


async def test_many_long_messages_at_once_do_not_stall_each_other():
    """More incomplete bytes than the window: credit must follow although nobody can read."""
    limits = {"receive_window_bytes": 2 * MIB, "max_message_bytes": MIB}
    async with joined(**limits, send_buffer_bytes=64 * MIB) as (dialled, accepted):
        sent = [bytes([n]) * MIB for n in range(16)]
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            for message in sent:
                tasks.create_task(dialled.send(message))
            got = tasks.create_task(collect(accepted, 16))
        assert sorted(got.result()) == sent


async def test_beyond_the_ceiling_the_newest_incomplete_message_is_refused():
    """Twelve messages that never end, of which the memory holds only some."""
    async with joined(
        receive_window_bytes=200_000, max_message_bytes=100_000, assembly_ceiling_bytes=400_000
    ) as (dialled, accepted):
        for _ in range(12):
            stream = dialled.connection.get_next_available_stream_id(is_unidirectional=True)
            dialled.connection.send_stream_data(stream, bytes(90_000))
            dialled.flush()
        await eventually(lambda: accepted.counts.get("refused_ceiling", 0) >= 1)
        assert accepted._streams._assembly.held_bytes <= 400_000
        await dialled.send(b"a whole one still passes")
        assert await asyncio.wait_for(accepted.recv(), 5) == b"a whole one still passes"


async def collect(peer, count):
    return [await peer.recv() for _ in range(count)]


async def test_a_reader_that_does_not_read_stops_the_sender():
    window = 256 * 1024
    async with joined(
        receive_window_bytes=window,
        max_message_bytes=64 * 1024,
        assembly_ceiling_bytes=window,
        send_buffer_bytes=128 * 1024,
    ) as (dialled, accepted):
        sent = 0

        async def send_on():
            nonlocal sent
            while True:
                await dialled.send(bytes(32 * 1024))
                sent += 1

        sender = asyncio.create_task(send_on())
        await asyncio.sleep(0.5)
        stuck_at = sent
        await asyncio.sleep(0.3)
        assert sent == stuck_at, "nobody reads, yet the sender goes on"
        assert accepted.bytes_received < 2 * window
        assert (stuck_at + 1) * 32 * 1024 <= window + 128 * 1024 + 64 * 1024
        for _ in range(2 * stuck_at):
            await asyncio.wait_for(accepted.recv(), 5)
        assert sent > stuck_at
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)


async def test_unread_messages_are_bounded_even_when_empty():
    async with joined(max_unread_messages=8) as (dialled, accepted):
        sender = asyncio.create_task(send_many(dialled, 100))
        await asyncio.sleep(0.3)
        assert accepted.counts["application"] <= 8
        async with asyncio.timeout(5):
            assert await collect(accepted, 100) == [b""] * 100
            await sender


async def send_many(peer, count):
    for _ in range(count):
        await peer.send(b"")


async def test_cancelling_a_waiting_send_sends_nothing_and_lets_the_next_go():
    async with joined(max_unread_messages=1) as (dialled, accepted):
        await dialled.send(b"first")
        await eventually(lambda: accepted.counts.get("application") == 1)
        waiting = asyncio.create_task(dialled.send(b"never"))
        behind = asyncio.create_task(dialled.send(b"second"))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert await accepted.recv() == b"first"
        await asyncio.wait_for(behind, 2)
        assert await asyncio.wait_for(accepted.recv(), 2) == b"second"


async def test_cancelling_recv_loses_nothing():
    async with joined() as (dialled, accepted):
        for n in range(20):
            waiting = asyncio.create_task(accepted.recv())
            await asyncio.sleep(0)
            await dialled.send(b"%d" % n)
            if n % 2:
                await eventually(lambda n=n: accepted.counts.get("application", 0) == n + 1)
            waiting.cancel()
            (result,) = await asyncio.gather(waiting, return_exceptions=True)
            got = result if isinstance(result, bytes) else await accepted.recv()
            assert got == b"%d" % n


async def test_two_readers_share_the_messages():
    async with joined() as (dialled, accepted):
        readers = [asyncio.create_task(accepted.recv()) for _ in range(2)]
        await asyncio.sleep(0)
        await dialled.send(b"one")
        await dialled.send(b"two")
        assert {await asyncio.wait_for(r, 2) for r in readers} == {b"one", b"two"}


async def test_what_was_sent_arrives_before_the_end():
    async with joined() as (dialled, accepted):
        for n in range(50):
            await dialled.send(b"%d" % n)
        await dialled.send(pattern(MIB))
        await dialled.close()
        got = await asyncio.wait_for(collect(accepted, 51), 10)
        assert sorted(got) == sorted([b"%d" % n for n in range(50)] + [pattern(MIB)])
        with pytest.raises(PeerClosed) as caught:
            await accepted.recv()
        assert (caught.value.code, caught.value.by_peer) == (0, True)


async def test_close_with_a_code_is_at_once_and_says_it_on_both_sides():
    async with joined() as (dialled, accepted):
        await dialled.close(lifecycle.BANNED, "go away")
        await dialled.close()
        for peer, by_peer in ((accepted, True), (dialled, False)):
            closed = await asyncio.wait_for(peer.wait_closed(), 2)
            assert (closed.code, closed.reason) == (lifecycle.BANNED, "go away")
            assert closed.by_peer is by_peer
            for call in (peer.recv(), peer.send(b"x"), peer.probe()):
                with pytest.raises(PeerClosed, match="go away"):
                    await call


async def test_close_wakes_whoever_waits():
    async with joined(max_unread_messages=1) as (dialled, accepted):
        await dialled.send(b"fills the inbox")
        await eventually(lambda: accepted.counts.get("application") == 1)
        waits = [
            asyncio.create_task(dialled.send(b"no room")),
            asyncio.create_task(dialled.recv()),
            asyncio.create_task(dialled.send_acknowledged(b"x", timeout_s=9)),
        ]
        await asyncio.sleep(0.05)
        await accepted.close(5, "enough")
        results = await asyncio.wait_for(asyncio.gather(*waits, return_exceptions=True), 2)
        assert [type(r) for r in results] == [PeerClosed] * 3


async def test_close_gives_up_on_a_peer_that_does_not_take_what_was_sent():
    async with joined(max_unread_messages=1, close_flush_s=0.3) as (dialled, accepted):
        accepted.connection.datagrams_to_send = lambda now: []
        await dialled.send(b"never acknowledged")
        begun = asyncio.get_running_loop().time()
        await dialled.close()
        assert 0.25 < asyncio.get_running_loop().time() - begun < 2


class TestAcknowledged:
    async def test_accepted_means_queued_for_the_application(self):
        async with joined() as (dialled, accepted):
            await dialled.send_acknowledged(b"hello")
            assert await accepted.recv() == b"hello"

    async def test_a_full_inbox_is_said_and_a_repeat_succeeds(self):
        async with joined(max_unread_messages=1) as (dialled, accepted):
            await dialled.send_acknowledged(b"first")
            with pytest.raises(NotAcknowledged, match="back-pressured"):
                await dialled.send_acknowledged(b"second")
            assert await accepted.recv() == b"first"
            await dialled.send_acknowledged(b"second")
            assert await accepted.recv() == b"second"

    async def test_a_repeat_is_answered_alike_and_delivered_once(self):
        async with joined() as (dialled, accepted):
            assert await request(dialled, bytes(16), b"once") == messages.ACCEPTED
            assert await request(dialled, bytes(16), b"once") == messages.ACCEPTED
            assert await request(dialled, bytes(16), b"else") == messages.REJECTED_INVALID
            assert await request(dialled, b"1" * 16, b"next") == messages.ACCEPTED
            assert await collect(accepted, 2) == [b"once", b"next"]

    async def test_a_chosen_request_id_makes_a_repeat_harmless(self):
        async with joined() as (dialled, accepted):
            for _ in range(2):
                await dialled.send_acknowledged(b"once", request_id=bytes(16))
            with pytest.raises(NotAcknowledged, match="invalid envelope"):
                await dialled.send_acknowledged(b"other", request_id=bytes(16))
            with pytest.raises(ValueError, match="16 bytes"):
                await dialled.send_acknowledged(b"x", request_id=b"short")
            await dialled.send(b"end")
            assert await collect(accepted, 2) == [b"once", b"end"]

    async def test_a_request_cut_short_is_invalid(self):
        async with joined() as (dialled, _):
            answer = await exchange(dialled, messages.ACK_REQUEST + b"short")
            assert messages.decode_ack_answer(answer) == messages.REJECTED_INVALID

    async def test_four_mebibytes(self):
        async with joined() as (dialled, accepted):
            await dialled.send_acknowledged(pattern(4 * MIB), timeout_s=20)
            assert await accepted.recv() == pattern(4 * MIB)

    async def test_no_answer_in_time(self):
        async with joined() as (dialled, accepted):
            accepted.connection.datagrams_to_send = lambda now: []
            with pytest.raises(TimeoutError):
                await dialled.send_acknowledged(b"x", timeout_s=0.1)
            with pytest.raises(TimeoutError):
                await dialled.probe(timeout_s=0.1)
            assert not dialled._streams._requests
            assert not dialled._streams._probes

    async def test_a_peer_without_ack_v2(self):
        async with joined() as (dialled, _):
            dialled.connection.remote_parameters = {}
            with pytest.raises(NotAcknowledged, match="ACK-v2"):
                await dialled.send_acknowledged(b"x")
            with pytest.raises(NotAcknowledged, match="probes"):
                await dialled.probe()


class Answering:
    """Makes a peer answer ACK-v2 requests in its own way."""

    def __init__(self, peer, act):
        peer._streams._on_request = lambda stream_id, message, now: act(peer, stream_id)


@pytest.mark.parametrize("answer", [b"", b"nonsense", messages.ACK_ANSWER + b"\x00"])
async def test_a_malformed_answer_is_not_an_acknowledgement(answer):
    def act(peer, stream_id):
        peer.connection.send_stream_data(stream_id, answer, end_stream=True)

    async with joined() as (dialled, accepted):
        Answering(accepted, act)
        with pytest.raises(NotAcknowledged, match="malformed"):
            await dialled.send_acknowledged(b"x")


async def test_a_reset_answer_is_not_an_acknowledgement():
    async with joined() as (dialled, accepted):
        Answering(accepted, lambda peer, stream_id: peer.connection.reset_stream(stream_id, 1))
        with pytest.raises(NotAcknowledged, match="reset"):
            await dialled.send_acknowledged(b"x")


async def test_what_waits_for_an_answer_fails_when_the_connection_ends():
    async with joined() as (dialled, accepted):
        Answering(accepted, lambda peer, stream_id: None)
        accepted._streams._answer_probe = lambda message: None
        waits = [
            asyncio.create_task(dialled.send_acknowledged(b"x", timeout_s=9)),
            asyncio.create_task(dialled.probe(timeout_s=9)),
        ]
        await eventually(lambda: dialled._streams._requests and dialled._streams._probes)
        await accepted.close(3, "over")
        results = await asyncio.wait_for(asyncio.gather(*waits, return_exceptions=True), 5)
        assert [type(result) for result in results] == [PeerClosed, PeerClosed]


async def test_a_probe_nobody_has_room_to_answer_is_counted():
    async with joined() as (dialled, accepted):
        accepted.connection.uni_stream_room = lambda: 0
        with pytest.raises(TimeoutError):
            await dialled.probe(timeout_s=0.3)
        assert accepted.counts["probe_unanswered"] == 1


async def test_what_is_not_known_yet_is_not_told():
    async with endpoints("alice", "bob") as (alice, bob):
        seen = []
        start = alice.start_dial
        alice._dialer._starter.start_dial = lambda *a: seen.append(start(*a)) or seen[0]
        dial = asyncio.create_task(alice.connect(bob.local_address))
        await eventually(lambda: seen)
        if not dial.done():
            with pytest.raises(RuntimeError, match="not authenticated"):
                seen[0].peer_id  # noqa: B018 - the access is what is tested
            with pytest.raises(RuntimeError, match="not complete"):
                seen[0].handshake_ms  # noqa: B018
        await dial


async def exchange(peer, data: bytes) -> bytes:
    """Put raw bytes on a bidi stream and return what comes back on it."""
    stream_id = peer.connection.get_next_available_stream_id()
    answer, original = bytearray(), peer._streams.handle
    done = asyncio.Event()

    def watch(event, now):
        if getattr(event, "stream_id", None) == stream_id:
            answer.extend(getattr(event, "data", b""))
            if getattr(event, "end_stream", True):
                done.set()
        else:
            original(event, now)

    peer._streams.handle = watch
    try:
        peer.connection.send_stream_data(stream_id, data, end_stream=True)
        peer._port.touch(peer)
        await asyncio.wait_for(done.wait(), 3)
    finally:
        peer._streams.handle = original
    return bytes(answer)


async def request(peer, request_id, payload):
    answer = await exchange(peer, messages.ACK_REQUEST + request_id + payload)
    return messages.decode_ack_answer(answer)


async def test_probes_are_answered():
    async with joined() as (dialled, accepted):
        assert 0 < await dialled.probe() < 5000
        assert 0 < await accepted.probe() < 5000
        assert accepted.counts["probe"] == dialled.counts["probe"] == 1


async def test_a_relay_request_is_declined_in_its_own_language():
    async with joined() as (dialled, _):
        bind_any = bytes.fromhex("00000006 01023a3a0000")
        assert await exchange(dialled, bind_any) == messages.RELAY_NOT_SERVED


async def test_an_application_byte_stream_is_reset_where_too_many_wait(monkeypatch):
    monkeypatch.setattr(appstreams, "MAX_UNACCEPTED", 0)
    async with joined() as (dialled, accepted):
        assert await exchange(dialled, messages.APP_STREAM + b"bytes") == b""
        assert accepted.counts["refused_app_stream"] == 1


async def test_a_bidi_stream_of_another_kind_is_refused_before_its_end(monkeypatch):
    monkeypatch.setattr(appstreams, "MAX_UNACCEPTED", 0)
    async with joined() as (dialled, accepted):
        stream_id = dialled.connection.get_next_available_stream_id()
        dialled.connection.send_stream_data(stream_id, messages.APP_STREAM + bytes(100))
        dialled._port.touch(dialled)
        await eventually(lambda: accepted.counts.get("refused_app_stream") == 1)
        await dialled.send(b"goes on")
        assert await asyncio.wait_for(accepted.recv(), 2) == b"goes on"


async def test_a_reset_stream_loses_its_message_only():
    async with joined() as (dialled, accepted):
        stream_id = dialled.connection.get_next_available_stream_id(is_unidirectional=True)
        dialled.connection.send_stream_data(stream_id, b"half of it")
        dialled._port.transmit(dialled)
        dialled.connection.reset_stream(stream_id, 1)
        dialled._port.transmit(dialled)
        await dialled.send(b"whole")
        assert await asyncio.wait_for(accepted.recv(), 2) == b"whole"
        await eventually(lambda: accepted.counts.get("reset_by_peer") == 1)


async def test_coordinator_messages_are_kept_apart_and_bounded():
    async with joined() as (dialled, accepted):
        for n in range(20):
            await dialled.send_coordination(b"%d" % n)
        await dialled.send(b"next")
        assert await asyncio.wait_for(accepted.recv(), 2) == b"next"
        await eventually(lambda: accepted.counts.get("coordinator") == 20)
        assert len(accepted.coordination) == 16


async def test_nat_frames_cross_where_both_announce_them():
    names = {"host": "127.0.0.1", "nat_frames": True}
    async with (
        QuicEndpoint.open(identity("alice"), **names) as alice,
        QuicEndpoint.open(identity("bob"), **names) as bob,
    ):
        dialled = await alice.connect(bob.local_address)
        accepted = await bob.accept()
        dialled.send_frame(frames.AddAddress(4, ("198.51.100.1", 7)))
        await eventually(lambda: accepted.addresses.candidates == {4: ("198.51.100.1", 7)})
        dialled.send_frame(frames.RemoveAddress(4))
        await eventually(lambda: accepted.addresses.candidates == {})
    async with joined() as (dialled, _):
        with pytest.raises(ValueError, match="does not take"):
            dialled.send_frame(frames.RemoveAddress(4))


async def test_every_buffer_type_can_be_sent():
    async with joined() as (dialled, accepted):
        for payload in (bytearray(b"a"), memoryview(b"b")):
            await dialled.send(payload)
        assert sorted(await collect(accepted, 2)) == [b"a", b"b"]


async def test_repr_names_the_peer_once_it_is_known():
    async with joined() as (dialled, _):
        assert dialled.peer_id[:8].hex() in repr(dialled)
        assert "open" in repr(dialled)
