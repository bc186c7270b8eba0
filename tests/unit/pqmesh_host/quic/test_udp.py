# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs of datagrams, the fall-back without offload, and errors that must not kill the loop."""

import asyncio
import contextlib
import errno
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh_host.quic import udp
from pqmesh_host.quic.udp import GSO_MAX_BYTES, GSO_MAX_SEGMENTS, UdpSocket, _runs, bind
from support.quic_net import eventually

sizes = st.lists(st.tuples(st.integers(1, 1500), st.sampled_from("ab")), max_size=120)


@given(sizes)
def test_runs_keep_order_and_obey_the_kernels_rules(wanted):
    datagrams = [(bytes(size), to) for size, to in wanted]
    runs = list(_runs(datagrams, gso=True))
    assert [(d, to) for run, _, to in runs for d in run] == datagrams
    for run, size, _ in runs:
        assert all(len(d) == size for d in run[:-1])
        assert len(run[-1]) <= size
        assert len(run) <= GSO_MAX_SEGMENTS
        assert len(run) == 1 or sum(map(len, run)) <= GSO_MAX_BYTES


def test_without_offload_every_run_is_one_datagram():
    assert len(list(_runs([(b"x", "a")] * 5, gso=False))) == 5


@contextlib.asynccontextmanager
async def two():
    """(sender, receiver, received, batches)."""
    sender, receiver = (UdpSocket(bind("127.0.0.1", 0, 1 << 20)) for _ in range(2))
    received, batches = [], []
    receiver.start(lambda data, address, now: received.append(data), lambda: batches.append(1))
    try:
        yield sender, receiver, received, batches
    finally:
        sender.close()
        receiver.close()
        receiver.close()


async def test_a_run_arrives_as_the_datagrams_it_was_made_of():
    async with two() as (sender, receiver, received, batches):
        sent = [bytes([n]) * 1200 for n in range(40)] + [b"short"]
        assert sender.send([(d, receiver.name) for d in sent]) == 40 * 1200 + 5
        await eventually(lambda: len(received) == 41)
        assert received == sent
        assert sender.datagrams_out == receiver.datagrams_in == 41
        assert sender.calls_out <= 41
        assert len(batches) <= receiver.calls_in


@pytest.mark.parametrize("code", [errno.EIO, errno.EINVAL])
async def test_a_kernel_without_offload_gets_plain_datagrams(code, monkeypatch):
    async with two() as (sender, receiver, received, _):
        transmit = sender._transmit

        def refuse(run, size, address):
            if len(run) > 1:
                raise OSError(code, "no offload here")
            transmit(run, size, address)

        monkeypatch.setattr(sender, "_transmit", refuse)
        sender.send([(bytes(1200), receiver.name)] * 6)
        await eventually(lambda: len(received) == 6)
        assert sender.send([(bytes(1200), receiver.name)] * 2) == 2400
        await eventually(lambda: len(received) == 8)


async def test_an_error_of_one_send_is_kept_and_does_not_raise(monkeypatch):
    async with two() as (sender, receiver, received, _):

        def fail(run, size, address):
            raise OSError(errno.ENETUNREACH, "Network is unreachable")

        with monkeypatch.context() as patch:
            patch.setattr(sender, "_transmit", fail)
            sender.send([(b"x", receiver.name)])
        assert sender.last_error.errno == errno.ENETUNREACH
        assert sender.dropped_out == 1
        sender.send([(b"y", receiver.name)])
        await eventually(lambda: received == [b"y"])


async def test_a_datagram_too_large_for_the_link_is_lost_quietly():
    async with two() as (sender, receiver, received, _):
        sender.send([(bytes(65_500), receiver.name)])
        sender.send([(bytes(65_600), receiver.name)])
        assert sender.dropped_out == 1
        assert sender.last_error is None
        sender.send([(b"next", receiver.name)])
        await eventually(lambda: b"next" in received)


async def test_a_full_socket_waits_and_the_queue_is_bounded(monkeypatch):
    monkeypatch.setattr(udp, "MAX_BLOCKED_RUNS", 3)
    async with two() as (sender, receiver, received, _):

        def full(run, size, address):
            raise BlockingIOError

        with monkeypatch.context() as patch:
            patch.setattr(sender, "_transmit", full)
            for n in range(5):
                sender.send([(b"%d" % n, receiver.name)])
        assert sender.dropped_out == 2
        await eventually(lambda: len(received) == 3)
        assert received == [b"0", b"1", b"2"]


async def test_a_read_error_does_not_stop_reading():
    """An ICMP refusal surfaces on a connected socket's next read."""
    async with two() as (sender, receiver, received, _):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
            closed.bind(("127.0.0.1", 0))
            nobody = closed.getsockname()
        sender.start(lambda *a: None, lambda: None)
        sender._sock.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR
        sender.send([(b"x", nobody)])
        await eventually(lambda: sender.last_error is not None)
        await asyncio.sleep(0.02)
        sender.send([(b"y", receiver.name)])
        sender.send([(b"z", receiver.name)])
        await eventually(lambda: b"z" in received)
