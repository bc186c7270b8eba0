# SPDX-License-Identifier: MIT OR Apache-2.0
"""A frame that is sent until it is answered: how often, how soon, and when that is enough."""

from pqmesh.engine.context import Context
from pqmesh.engine.repeater import Repeater
from pqmesh.engine.stats import Tally
from pqmesh.limits import BOARD, RADIO_LINK, replace

FRAME = b"\x84" + bytes(41)
EXCHANGE = 2 * RADIO_LINK.turnaround_ms + RADIO_LINK.airtime_ms(24) + 150


def repeater(octet=0, link=RADIO_LINK, to=b""):
    context = Context(None, None, lambda size: bytes([octet]) * size, link, BOARD)
    tally = Tally()
    return Repeater(context, FRAME, 24, tally, to), context, tally


def waits(one, context):
    """How long it waits each time, until it gives up."""
    one.start(context.tx, 0)
    found, now = [], 0
    while True:
        left_at = now + RADIO_LINK.airtime_ms(len(FRAME))
        found.append(one.deadline - left_at)
        now = one.deadline
        if not one.on_timeout(context.tx, now, context.stats):
            return found


def test_it_waits_for_the_answer_and_twice_as_long_after_every_second_silence():
    one, context, tally = repeater()
    found = waits(one, context)
    assert found[:6] == [EXCHANGE * n for n in (1, 1, 2, 2, 4, 4)]
    assert len(found) == 2 * RADIO_LINK.tries
    assert tally.sent == len(found) * len(FRAME)
    assert context.stats.frames_retransmitted == len(found) - 1
    assert [context.tx.next() for _ in found] == [FRAME] * len(found)


def test_a_wait_has_a_ceiling():
    one, context, _ = repeater(link=replace(RADIO_LINK, max_rto_ms=500))
    assert max(waits(one, context)) == 500


def test_two_nodes_do_not_repeat_in_step():
    one, other = repeater(0)[0:2], repeater(255)[0:2]
    for (first, many), (second, more) in zip([one], [other], strict=True):
        slow, fast = waits(second, more)[0], waits(first, many)[0]
        assert fast < slow < 1.5 * fast


def test_it_goes_where_the_peer_is():
    one, context, _ = repeater(to=b"address")
    one.start(context.tx, 0)
    context.tx.next()
    assert context.tx.destination == b"address"


def test_it_is_no_message_that_a_sack_could_be_about():
    one, _, _ = repeater()
    assert (one.number, one.digest, one.finished) == (-1, b"", False)
