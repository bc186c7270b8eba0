# SPDX-License-Identifier: MIT OR Apache-2.0
"""The whole engine: routing, the fuzz invariant, and two ends on a link that misbehaves."""

from contextlib import nullcontext

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pqmesh.engine import Engine
from pqmesh.engine.events import Closed, Delivered, Established, Lost, Received, Refused
from pqmesh.engine.sender import MessageSender
from pqmesh.engine.stats import Tally
from pqmesh.errors import (
    BadTag,
    Malformed,
    NoSuchSession,
    ProtocolError,
    Unexpected,
    UnknownKind,
    UnknownSession,
    UsageError,
)
from pqmesh.framing.hdlc import Deframer, enframe
from pqmesh.limits import BOARD, GATEWAY, RADIO_LINK, SERIAL_LINK, replace
from pqmesh.wire.handshake import HS_S, M1
from support.model_crypto import CountingEntropy
from support.resumption import ResumePair
from support.simulation import CRYPTO, NAMES, Medium, OpenHouse, Pair


def exchange(pair, handles, messages):
    """Send messages both ways; returns what each side received."""
    for side in (0, 1):
        for payload in messages[side]:
            pair.send(side, handles[side], payload)
    wanted = [len(messages[side]) for side in (0, 1)]
    pair.run_until(
        lambda: all(len(pair.of(side, Delivered)) == wanted[side] for side in (0, 1)), 300_000
    )
    return [[event.payload for event in pair.of(side, Received)] for side in (1, 0)]


def test_a_link_too_narrow_for_the_handshake_is_refused_at_once():
    with pytest.raises(UsageError):
        Engine(NAMES[0], CRYPTO, CountingEntropy(b""), replace(SERIAL_LINK, mtu=200))


def test_messages_both_ways():
    pair = Pair()
    handles = pair.establish()
    messages = ([b"one", b"", b"x" * 4096], [b"back", b"y" * 1000])
    assert exchange(pair, handles, messages) == [list(messages[0]), list(messages[1])]


def test_on_a_radio_link_frames_are_small_and_tags_short():
    pair = Pair(link=RADIO_LINK, floors=OpenHouse())
    handles = pair.establish(limit_ms=200_000)
    assert max(map(len, pair.sent[0] + pair.sent[1])) <= 222
    exchange(pair, handles, ([b"reading"], []))
    assert len(pair.sent[0][-1]) == 5 + 2 + 7 + 8


def test_handles_that_are_not_open():
    pair = Pair()
    for act in (lambda: pair.ends[0].send(1, b"", 0), lambda: pair.ends[0].close(1, 0)):
        with pytest.raises(NoSuchSession):
            act()
    handle = pair.connect(0)
    with pytest.raises(NoSuchSession):
        pair.ends[0].send(handle, b"", 0)


def test_close_both_ways():
    pair = Pair()
    handles = pair.establish()
    pair.close(0, handles[0], 42)
    pair.run_for(60_000)
    assert pair.events[0][-1] == Closed(handles[0], 42, False)
    assert pair.events[1][-1] == Closed(handles[1], 42, True)
    with pytest.raises(NoSuchSession):
        pair.ends[0].close(handles[0], pair.now)
    assert [end.next_deadline() for end in pair.ends] == [None, None]


def test_close_gives_up_a_handshake_too():
    pair = Pair()
    handle = pair.connect(0)
    pair.close(0, handle)
    assert pair.events[0] == [Refused(handle, "given up by its owner", None)]
    assert pair.ends[0].next_deadline() is None


def test_a_peer_gone_silent_is_noticed():
    pair = Pair()
    handles = pair.establish()
    pair.intercept = lambda side, frame: []
    begin = pair.now
    pair.run_until(lambda: pair.of(0, Lost) and pair.of(1, Lost))
    assert pair.events[0][-1] == Lost(handles[0], "the peer went silent")
    assert pair.now - begin <= SERIAL_LINK.silence_ms
    assert [end.next_deadline() for end in pair.ends] == [None, None]


def test_keepalive_keeps_an_idle_session():
    pair = Pair()
    pair.establish()
    pair.run_for(600_000)
    assert not pair.of(0, Lost) + pair.of(1, Lost)


# Routing


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        ("", Malformed),
        ("00", Malformed),
        ("00 1234 0000" + "00" * 16, UnknownSession),
        ("48 40 00000000 01 03", Unexpected),  # a fragment without its head
        ("80 40 00000000 00000001 00000000", Unexpected),  # SACK of nothing
        ("80 40", Malformed),
        ("81 40 00000000 0000", Unexpected),  # POLL of nothing
        ("81", Malformed),
        ("82", UnknownKind),
        ("c0", UnknownKind),
    ],
)
def test_frames_for_nobody(frame, error):
    pair = Pair()
    frame = bytes.fromhex(frame)
    assert isinstance(pair.deliver(0, frame), error)
    stats = pair.ends[0].stats
    assert stats.dropped == {error.__name__: 1}
    assert (stats.frames_received, stats.bytes_received) == (1, len(frame))
    assert pair.sent == ([], [])


def test_polls_are_answered_while_a_message_grows_and_after():
    from pqmesh.engine.sender import make_poll

    pair = Pair()
    pair.connect(0)
    pair.run_until(lambda: pair.ends[0]._flows._flows)
    flow = pair.ends[0]._flows._flows[0]
    before = len(pair.sent[0])
    assert pair.deliver(0, make_poll(2, flow.digest)) is None
    assert len(pair.sent[0]) == before + 1
    assert isinstance(pair.deliver(0, make_poll(2, flow.digest)[:-1] + b"?"), BadTag)
    pair.run_until(flow.complete)
    before = len(pair.sent[0])
    assert pair.deliver(0, make_poll(2, flow.digest)) is None
    assert len(pair.sent[0]) == before + 1
    assert isinstance(pair.deliver(0, make_poll(2, flow.digest)[:-1] + b"?"), BadTag)


def test_repeated_fragments_of_a_finished_message():
    pair = Pair()
    pair.establish()
    m3 = [frame for frame in pair.sent[0] if frame[0] == 0x48 and frame[1] >> 6 == 3]
    before = len(pair.sent[1])
    assert pair.deliver(1, m3[0]) is None
    assert len(pair.sent[1]) == before
    asking = next(frame for frame in m3 if frame[1] & 0x20)
    assert pair.deliver(1, asking) is None
    assert [len(frame) for frame in pair.sent[1][before:]] == [14, 21]  # SACK, and M4 again


def test_a_whole_message_that_is_not_taken_is_forgotten_and_not_acknowledged():
    pair = Pair()
    pair.intercept = lambda side, frame: []
    pair.connect(0)
    pair.run_for(1)
    errors = [pair.deliver(0, frame) for frame in list(pair.sent[0])]  # our own, reflected
    assert isinstance(errors[-1], Unexpected)
    assert pair.ends[0]._flows._flows == pair.ends[0]._flows._finished == []
    assert not any(frame[0] == 0x80 for frame in pair.sent[0])


def test_a_repeated_head_changes_nothing():
    pair = Pair()
    pair.connect(0)
    pair.run_until(lambda: pair.ends[1]._flows._flows)
    head = pair.sent[0][0]
    assert pair.deliver(1, head) is None
    assert len(pair.ends[1]._flows._flows) == 1


# The invariant: garbage is a ProtocolError or nothing, and costs bounded memory


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.binary(max_size=64), max_size=20), st.integers(0, 45), st.data())
def test_10_garbage_in_every_state(frames, progress, data):
    pair = Pair()
    pair.connect(0)
    for _ in range(progress):
        moment = pair._next_moment()
        pair._step(moment)
    prefixes = (b"", b"\x48\x40", b"\x48\xa0", b"\x80\x80", b"\x81\xc0", b"\x00")
    for frame in frames:
        whole = data.draw(st.sampled_from(prefixes)) + frame
        for side in (0, 1):
            error = pair.deliver(side, whole)
            assert error is None or isinstance(error, ProtocolError)
    for end in pair.ends:
        assert len(end._flows._flows) <= BOARD.flows
        assert len(end._handshakes.pool.all) <= BOARD.half_open
    pair.run_until(lambda: all(pair.of(side, Established) for side in (0, 1)))


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 45), st.lists(st.tuples(st.integers(0, 511), st.integers(1, 255)), max_size=8)
)
def test_spoilt_copies_of_genuine_frames_do_no_harm(progress, flips):
    pair = Pair()
    pair.connect(0)
    for _ in range(progress):
        pair._step(pair._next_moment())
    for side in (0, 1):
        for where, flip in flips:
            for genuine in pair.sent[1 - side][-3:]:
                spoilt = bytearray(genuine)
                spoilt[where % len(spoilt)] ^= flip
                pair.deliver(side, bytes(spoilt))
    pair.run_until(lambda: all(pair.of(side, Established) for side in (0, 1)))
    assert [len(pair.of(side, Established)) for side in (0, 1)] == [1, 1]


# Bad links


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 1 << 30),
    st.sampled_from([0.0, 0.05, 0.2]),
    st.sampled_from([0.0, 0.1]),
    st.sampled_from([0, 80]),
    st.sampled_from([0.0, 0.02]),
    st.lists(st.integers(0, 1300), max_size=6),
)
def test_whatever_the_link_does_messages_arrive_once_and_in_order(
    seed, loss, repeat, jitter, flip, sizes
):
    pair = Pair(seed, Medium(loss, repeat, jitter, flip), limits=GATEWAY)
    handles = pair.establish(limit_ms=300_000)
    messages = [[bytes([side + n]) * size for n, size in enumerate(sizes)] for side in (0, 1)]
    assert exchange(pair, handles, messages) == messages


def test_the_same_seed_is_the_same_run():
    runs = []
    for _ in range(2):
        pair = Pair(7, Medium(loss=0.2, repeat=0.1, jitter_ms=50, flip=0.02))
        exchange(pair, pair.establish(), ([b"x" * 2000], [b"y" * 2000]))
        runs.append((pair.sent, pair.events, pair.now))
    assert runs[0] == runs[1]


# Through the deframer, octet by octet: reset at any byte of a handshake


def transcript():
    """Every octet of a handshake on the line, in order: (side, octet)."""
    pair = Pair()
    pair.establish()
    return pair, sum(len(enframe(frame)) for frame in pair.sent[0])


@pytest.mark.parametrize("fraction", range(0, 100, 7))
def test_a_reset_at_any_octet_through_the_deframer(fraction):
    pair, total = transcript()
    cut = total * fraction // 100
    gateway = Pair()
    line = Deframer(SERIAL_LINK.mtu)
    board_frames = iter(pair.sent[0])
    passed = 0
    gateway.intercept = lambda side, frame: []
    for frame in board_frames:  # the board talks, is cut at the octet, and restarts
        stuffed = enframe(frame)
        for whole in line.feed(stuffed[: max(0, cut - passed)]):
            gateway.deliver(1, whole)
            gateway.run_for(20)
        passed += len(stuffed)
        if passed >= cut:
            break
    gateway.intercept = None
    begin = gateway.now
    lines = (Deframer(SERIAL_LINK.mtu), line)

    def over_the_line(side, frame):
        return lines[1 - side].feed(enframe(frame))

    gateway.intercept = over_the_line
    gateway.boots[0] = 1 + fraction
    gateway.reboot(0)
    gateway.establish(0)
    assert gateway.now - begin < 5000


@pytest.mark.parametrize("lost", [False, True], ids=["all there", "R3 lost"])
def test_the_messages_of_a_healing_resumption_go_through_the_same_doors(lost):
    pair = ResumePair(link=replace(RADIO_LINK, point_to_point=True))
    pair.provision()
    if lost:
        gone = []

        def intercept(side, frame):
            if side == 0 and not frame[0] >> 6 and not gone:
                gone.append(frame)
                return []
            return [frame]

        pair.intercept = intercept
    pair.resume(0, heal=True)
    pair.run_until(lambda: pair.of(0, Established) and pair.of(1, Established))
    sacks = [frame for side in (0, 1) for frame in pair.sent[side] if frame[0] == 0x80]
    assert len(sacks) >= 2


@pytest.mark.parametrize(("limits", "kept"), [(BOARD, False), (GATEWAY, True)])
def test_on_a_cable_a_gateway_keeps_fragments_whose_head_was_lost(limits, kept):
    """A board on a cable saves the memory: there the burst is sent again."""
    engine = Engine(NAMES[0], CRYPTO, CountingEntropy(b"x"), SERIAL_LINK, limits=limits)
    frame = MessageSender(bytes(900), M1, HS_S, SERIAL_LINK, Tally()).frame(1, False)
    with nullcontext() if kept else pytest.raises(Unexpected):
        engine.receive(frame, 0)
