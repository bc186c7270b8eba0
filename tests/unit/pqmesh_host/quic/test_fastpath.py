# SPDX-License-Identifier: MIT OR Apache-2.0
"""The fast connection against the plain one: same script, same chaos, same result.

Each run draws a script (messages of many sizes both ways, resets, STOP_SENDING, key
updates, pings) and an unkind path (loss, reordering, duplicates of acknowledgements) from
one seed, and plays it with plain, fast and mixed ends. What arrives must be what was sent.
"""

import itertools
import random

import pytest
from aioquic.quic.events import StreamDataReceived, StreamReset

from pqmesh_host.quic import frames
from pqmesh_host.quic.connection import PqConnection
from pqmesh_host.quic.endpoint import QuicEndpoint
from pqmesh_host.quic.fastpath import FastConnection, connection_class
from pqmesh_host.quic.limits import QuicLimits
from pqmesh_host.quic.transport_parameters import NAT_PAIR
from support.quic_pair import CLIENT, SERVER, Pair, client, established, server

ENDS = list(itertools.product((PqConnection, FastConnection), repeat=2))
SIZES = (0, 1, 60, 1100, 1150, 1160, 1170, 1200, 5000, 40_000, 200_000)
LIMITS = QuicLimits(max_unread_messages=64)
PLAIN_SIZE = QuicLimits(discover_mtu=False)


class Play:
    """One script on one pair of ends."""

    def __init__(self, seed, client_class, server_class):
        rnd = random.Random(seed)
        self.loss = rnd.choice([0.0, 0.0, 0.02, 0.1])
        jitter_s = rnd.choice([0.0, 0.0, 0.005, 0.03])
        chaos = random.Random(seed + 1)
        options = {"limits": LIMITS, "parameters": NAT_PAIR}
        self.pair = Pair(
            client(cls=client_class, **options),
            server(cls=server_class, **options),
            rtt_s=rnd.choice([0.001, 0.02, 0.1]),
            drop=lambda side, n: chaos.random() < self.loss,
            jitter=lambda: chaos.random() * jitter_s,
        )
        assert self.pair.run(self.pair.confirmed, limit_s=60)
        self.script = [self._draw(rnd) for _ in range(rnd.randrange(4, 14))]
        self.sent = {"client": {}, "server": {}}
        self.spoiled = set()

    @staticmethod
    def _draw(rnd):
        side = rnd.choice(["client", "server"])
        action = rnd.choice(["send"] * 7 + ["key", "ping", "frame", "reset", "stop"])
        return side, action, rnd.choice(SIZES), rnd.choice([0.0, 0.0, 0.003, 0.05, 0.4])

    def run(self):
        for side, action, size, pause_s in self.script:
            getattr(self, f"_{action}")(side, getattr(self.pair, side), size)
            self.pair.settle(pause_s)
        self.pair.settle(25)
        return self

    def _send(self, side, end, size):
        stream_id = end.get_next_available_stream_id(is_unidirectional=True)
        data = random.Random(stream_id * 1000 + size).randbytes(size)
        end.send_stream_data(stream_id, data, end_stream=True)
        self.sent[side][stream_id] = data

    def _key(self, side, end, size):
        end.request_key_update()

    def _ping(self, side, end, size):
        end.send_ping(1)

    def _frame(self, side, end, size):
        end.queue_frame(frames.AddAddress(size, ("198.51.100.1", 9)))

    def _reset(self, side, end, size):
        if self.sent[side]:
            stream_id = max(self.sent[side])
            end.reset_stream(stream_id, 7)
            self.spoiled.add(stream_id)

    def _stop(self, side, end, size):
        other = "server" if side == "client" else "client"
        if self.sent[other]:
            stream_id = max(self.sent[other])
            end.refuse_stream(stream_id, 7)
            self.spoiled.add(stream_id)

    def arrived(self, side):
        """Whole messages by stream, as ``side`` received them."""
        parts, whole = {}, {}
        for event in self.pair.events[side]:
            if isinstance(event, StreamDataReceived):
                parts[event.stream_id] = parts.get(event.stream_id, b"") + event.data
                if event.end_stream:
                    whole[event.stream_id] = parts[event.stream_id]
            elif isinstance(event, StreamReset):
                parts.pop(event.stream_id, None)
        return whole

    def check(self):
        assert not self.pair.failed(), [end.ended for end in self.pair.ends]
        for side, other in (("client", "server"), ("server", "client")):
            arrived = self.arrived(other)
            for stream_id, data in self.sent[side].items():
                if stream_id in self.spoiled:
                    assert arrived.get(stream_id, data) == data
                else:
                    assert arrived.get(stream_id) == data, (side, stream_id, len(data))
            assert set(arrived) <= set(self.sent[side])
        used = [end.byte_credit.used for end in self.pair.ends]
        announced = [end._remote_max_data_used for end in reversed(self.pair.ends)]
        if not self.spoiled:
            assert used == announced
            for end in self.pair.ends:
                assert end._loss.bytes_in_flight == 0
                assert not end._streams, "a finished stream was not forgotten"


@pytest.mark.parametrize("seed", range(24))
def test_every_pairing_carries_the_same_script(seed):
    for client_class, server_class in ENDS:
        Play(seed, client_class, server_class).run().check()


def test_the_fast_way_is_taken_and_the_result_is_the_same_without_chaos():
    taken = {"out": 0, "in": 0}

    class Counted(FastConnection):
        def _take_stream_data(self, plain):
            result = super()._take_stream_data(plain)
            taken["in"] += result is not None
            return result

        def _write_full_packets(self, builder, stream, now):
            before = len(builder._packets)
            goes_on = super()._write_full_packets(builder, stream, now)
            taken["out"] += len(builder._packets) - before
            return goes_on

    pair = Pair(client(cls=Counted, limits=PLAIN_SIZE), server(cls=Counted, limits=PLAIN_SIZE))
    assert pair.run(pair.confirmed)
    pair.client.send_stream_data(2, bytes(1_000_000), end_stream=True)
    pair.settle(20)
    got = sum(len(e.data) for e in pair.events["server"] if isinstance(e, StreamDataReceived))
    assert got == 1_000_000
    assert taken["out"] > 700
    assert taken["in"] > 700


def test_packets_are_the_same_size_and_as_few_as_the_plain_ways():
    """No wire difference a peer could trip over: full packets, one frame, same overhead."""
    totals = []
    for cls in (PqConnection, FastConnection):
        pair = Pair(client(cls=cls, limits=PLAIN_SIZE), server(limits=PLAIN_SIZE))
        assert pair.run(pair.confirmed)
        before = len(pair.sent["client"])
        pair.client.send_stream_data(2, bytes(500_000), end_stream=True)
        pair.settle(20)
        totals.append([n for n in pair.sent["client"][before:] if n > 1000])
    plain, fast = totals
    assert max(plain) == max(fast) == 1200
    assert abs(sum(plain) - sum(fast)) < 0.01 * sum(plain)


def test_a_short_message_does_not_wait_behind_a_long_one():
    pair = Pair(client(cls=FastConnection), server(cls=FastConnection))
    assert pair.run(pair.confirmed)
    pair.client.send_stream_data(2, bytes(3_000_000), end_stream=True)
    pair.settle(0.3)
    pair.client.send_stream_data(6, b"urgent", end_stream=True)
    asked = pair.now

    def seen(stream_id):
        return any(
            isinstance(e, StreamDataReceived) and e.end_stream and e.stream_id == stream_id
            for e in pair.events["server"]
        )

    assert pair.run(lambda: seen(6), limit_s=60)
    assert not seen(2)
    assert pair.now - asked < 0.2


def test_credit_is_announced_while_both_sides_send_in_bulk():
    """Control frames must not starve behind our own data."""
    limits = QuicLimits(
        receive_window_bytes=100_000, max_message_bytes=100_000, assembly_ceiling_bytes=100_000
    )
    pair = Pair(
        client(cls=FastConnection, limits=limits), server(cls=FastConnection, limits=limits)
    )
    assert pair.run(pair.confirmed)
    for n in range(30):
        for end, base in ((pair.client, 2), (pair.server, 3)):
            end.send_stream_data(base + 4 * n, bytes(50_000), end_stream=True)
    received = {"client": 0, "server": 0}
    for _ in range(4000):
        pair.settle(0.01)
        for side, end in (("client", pair.client), ("server", pair.server)):
            got = sum(len(e.data) for e in pair.events[side] if isinstance(e, StreamDataReceived))
            received[side] = got
            if end.byte_credit.grant(got + 100_000):
                end.send_ping(0)
        if min(received.values()) == 1_500_000:
            break
    assert received == {"client": 1_500_000, "server": 1_500_000}


def test_a_bent_or_replayed_packet_changes_nothing():
    pair = established()
    fast = Pair(client(), server(cls=FastConnection))
    assert fast.run(fast.confirmed)
    assert pair is not fast
    flights = []
    receive = fast.server.receive_datagram
    fast.server.receive_datagram = lambda d, a, n: (flights.append(d), receive(d, a, n))
    fast.client.send_stream_data(2, bytes(50_000), end_stream=True)
    fast.settle(2)
    used = fast.server.byte_credit.used
    events = len(fast.events["server"])
    rnd = random.Random(1)
    for data in flights:
        receive(data, CLIENT, fast.now)
        bent = bytearray(data)
        bent[rnd.randrange(len(bent))] ^= 1 << rnd.randrange(8)
        receive(bytes(bent), CLIENT, fast.now)
        receive(data[: rnd.randrange(1, len(data))], CLIENT, fast.now)
        receive(data, SERVER, fast.now)
    fast.settle(1)
    assert fast.server.byte_credit.used == used
    new = [e for e in fast.events["server"][events:] if isinstance(e, StreamDataReceived)]
    assert new == []
    assert not fast.failed()


def test_the_switch_decides():
    assert connection_class(True) is FastConnection
    assert connection_class(False) is PqConnection
    assert QuicLimits().fast_path


async def test_an_endpoint_uses_the_switch():
    from support.quic_net import joined

    for fast in (True, False):
        async with joined(fast_path=fast) as (dialled, accepted):
            assert isinstance(dialled.connection, FastConnection) is fast
            await dialled.send(bytes(300_000))
            assert await accepted.recv() == bytes(300_000)
    assert QuicEndpoint
