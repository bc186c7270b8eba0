# SPDX-License-Identifier: MIT OR Apache-2.0
"""One engine, many sessions, one half-duplex channel: shares, turns, priorities, addresses."""

import pytest

from pqmesh.engine.events import Delivered, Expired, Moved, Received
from pqmesh.limits import RADIO_LINK, replace
from support.shared_link import Channel

LINK = replace(RADIO_LINK, tries=20)


def star(boards, paced=True, link=LINK):
    """A gateway, number 0, with a session to each board; returns the channel and its handles."""
    channel = Channel(1 + boards, link, paced)
    return channel, [channel.open_session(0, board)[0] for board in range(1, 1 + boards)]


def test_a_burst_to_one_board_does_not_starve_another():
    channel, (bulk, other) = star(2)
    gateway = channel.nodes[0]
    for _ in range(4):
        gateway.engine.send(bulk, bytes(1500), 0)
    channel.run(500)
    gateway.engine.send(other, b"a command", channel.now)
    channel.run(120_000)
    (command_at,) = channel.nodes[2].when(Received)
    assert channel.nodes[2].of(Received)[0].payload == b"a command"
    assert command_at < 500 + 4 * LINK.airtime_ms(LINK.mtu)
    assert len(gateway.of(Delivered)) == 5
    assert command_at < min(channel.nodes[1].when(Received))


@pytest.mark.parametrize("boards", [2, 4])
def test_all_get_the_same_share(boards):
    channel, handles = star(boards)
    gateway = channel.nodes[0]
    for handle in handles:
        for _ in range(3):
            gateway.engine.send(handle, bytes(800), 0)
    channel.run(300_000)
    ends = [board.when(Received)[-1] for board in channel.nodes[1:]]
    assert all(len(board.of(Received)) == 3 for board in channel.nodes[1:])
    assert min(ends) > 0.6 * max(ends)


def test_who_asks_and_listens_repeats_less():
    """Half duplex: with turnaround respected, answers are not talked over."""
    repeated, collisions, done = {}, {}, {}
    for paced in (True, False):
        channel, handles = star(4, paced)
        gateway = channel.nodes[0]
        for handle in handles:
            for _ in range(4):
                gateway.engine.send(handle, bytes(300), 0)
        channel.run(400_000)
        assert len(gateway.of(Delivered)) == 16
        repeated[paced] = gateway.engine.stats.frames_retransmitted
        collisions[paced] = channel.collisions
        done[paced] = max(gateway.when(Delivered))
    assert collisions[True] < collisions[False]
    assert repeated[True] < repeated[False]
    assert done[True] < done[False]


def test_priority_and_deadline_reach_the_session():
    channel, (handle,) = star(1, link=replace(LINK, window=1))
    engine = channel.nodes[0].engine
    engine.send(handle, b"begins", 0)
    stale = engine.send(handle, b"stale", 0, deadline=10)
    engine.send(handle, b"later", 0)
    engine.send(handle, b"urgent", 0, priority=5)
    channel.run(20_000)
    assert [e.payload for e in channel.nodes[1].of(Received)] == [b"begins", b"urgent", b"later"]
    assert channel.nodes[0].of(Expired) == [Expired(handle, stale)]


def test_a_frame_goes_where_its_session_was_heard_last():
    channel, (handle,) = star(1)
    gateway, board = (node.engine for node in channel.nodes)
    board.send(1, b"here I am", 0)
    gateway.receive(board.next_transmit(), 0, b"first")
    assert gateway.next_event() == Received(handle, b"here I am")
    gateway.handle_timeout(0)
    assert gateway.next_transmit() is not None
    assert gateway.destination == b"first"
    board.send(1, b"I moved", 1000)
    gateway.receive(board.next_transmit(), 1000, b"second")
    assert gateway.next_event() == Moved(handle, b"second")
    gateway.send(handle, b"found you", 1000)
    while gateway.next_transmit() is not None:
        assert gateway.destination == b"second"
