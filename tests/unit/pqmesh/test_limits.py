# SPDX-License-Identifier: MIT OR Apache-2.0
"""The profiles must be usable: an engine of each can run its handshake."""

import pathlib

import pytest

from pqmesh import limits
from pqmesh.engine.sender import fragments_needed
from pqmesh.limits import BOARD, GATEWAY, RADIO_LINK, SERIAL_LINK, replace
from pqmesh.wire.handshake import MESSAGE_BYTES

LINKS = {"serial": SERIAL_LINK, "radio": RADIO_LINK}


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
def test_every_handshake_message_fits_the_link(link):
    for size in MESSAGE_BYTES.values():
        assert fragments_needed(size, link.mtu) <= limits.MAX_FRAGMENTS


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
def test_timers_are_in_order(link):
    assert link.min_rto_ms <= link.initial_rto_ms() <= link.max_rto_ms < link.handshake_ms
    assert link.ack_delay_ms < link.initial_rto_ms()
    assert link.answer_ms < link.handshake_ms
    assert 1 <= link.window <= 32
    assert 1 <= link.burst <= 32
    assert 2 * link.turnaround_ms + link.airtime_ms(14) < link.sack_ms() < link.max_rto_ms
    assert link.tag_bytes in (8, 16)


def test_airtime_counts_start_and_stop_bits():
    assert SERIAL_LINK.airtime_ms(1152) == 101  # 1152 octets of 10 bits at 115,200 bit/s
    assert SERIAL_LINK.airtime_ms(0) == 1


def test_every_frame_costs_its_preamble():
    dear = replace(SERIAL_LINK, frame_ms=300)
    assert dear.airtime_ms(1152) == 401
    assert dear.sack_ms() == 2 * dear.turnaround_ms + dear.airtime_ms(14) + 25
    assert dear.answer_due_ms(37) == 2 * dear.turnaround_ms + dear.airtime_ms(37) + 25
    assert SERIAL_LINK.sack_ms() == SERIAL_LINK.min_rto_ms


def test_the_initial_timeout_leaves_room_for_a_frame_each_way_twice():
    slow = replace(SERIAL_LINK, bits_per_second=9_600, max_rto_ms=100_000)
    assert slow.initial_rto_ms() >= 4 * slow.airtime_ms(slow.mtu)


def test_pings_fit_between_keepalive_and_silence():
    left = SERIAL_LINK.silence_ms - SERIAL_LINK.keepalive_ms
    assert SERIAL_LINK.ping_again_ms() * 8 <= left
    assert replace(SERIAL_LINK, silence_ms=0).ping_again_ms() == SERIAL_LINK.min_rto_ms


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
def test_a_cookie_outlives_the_handshake_it_is_for(link):
    assert link.cookie_ms() == 2 * link.handshake_ms


def test_a_gateway_affords_no_less_than_a_board():
    for name in limits.Limits.FIELDS:
        assert getattr(GATEWAY, name) >= getattr(BOARD, name), name
    for name in limits.ObjectLimits.FIELDS:
        board, gateway = limits.BOARD_OBJECTS, limits.GATEWAY_OBJECTS
        assert getattr(gateway, name) >= getattr(board, name), name
    assert BOARD.message_bytes >= limits.MAX_MESSAGE_BYTES


@pytest.mark.parametrize("cls", [limits.LinkProfile, limits.Limits, limits.ObjectLimits])
def test_every_bound_says_what_it_bounds(cls):
    source = pathlib.Path(limits.__file__).read_text()
    for name in cls.FIELDS:
        at = source.index(f"    {name}: ")
        assert source[at:].split("\n")[1].strip().startswith('"""'), name
