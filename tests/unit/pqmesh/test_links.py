# SPDX-License-Identifier: MIT OR Apache-2.0
"""The profiles: their airtime is the link's, their timers are in order, handshakes fit."""

import pytest

from pqmesh.airtime.lora import LoraModulation
from pqmesh.engine.sender import fragments_needed
from pqmesh.errors import UsageError
from pqmesh.limits import MAX_FRAGMENTS, SERIAL_LINK
from pqmesh.links import NAMES, ax25, ble, link_profile, lora
from pqmesh.wire.handshake import MESSAGE_BYTES

HOUR_MS = 3_600_000
LINKS = {name: link_profile(name) for name in NAMES}
LINKS["patient"] = lora(LoraModulation(12), silence_ms=HOUR_MS)


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
def test_every_handshake_message_fits(link):
    for size in MESSAGE_BYTES.values():
        assert fragments_needed(size, link.mtu) <= MAX_FRAGMENTS


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
def test_timers_are_in_order(link):
    assert 2 * link.turnaround_ms + link.airtime_ms(14) <= link.sack_ms() <= link.max_rto_ms
    assert link.min_rto_ms <= link.initial_rto_ms() <= link.max_rto_ms < link.handshake_ms
    assert link.ack_delay_ms < link.initial_rto_ms()
    assert link.answer_ms < link.handshake_ms
    assert link.tag_bytes in (8, 16)


@pytest.mark.parametrize("factor", range(7, 13))
@pytest.mark.parametrize("bandwidth", [125_000, 250_000, 500_000])
def test_lora_airtime_is_the_formula_s_and_the_gap(factor, bandwidth):
    modulation = LoraModulation(factor, bandwidth)
    link = lora(modulation)
    symbol_ms = (1 << factor) * 1000 / bandwidth
    for octets in (14, 37, 42, 100, 160, 222):
        exact = modulation.time_on_air_us(octets) / 1000 + 20
        # payloads come in blocks of 5 symbols; a straight line errs by less than two of them
        assert abs(link.airtime_ms(octets) - exact) < 10 * symbol_ms + 3


def test_ax25_keys_up_for_every_frame():
    link = ax25(1_200)
    assert link.airtime_ms(0) == pytest.approx(320 + 22 * 8 * 1.03 / 1.2, abs=5)
    assert link.airtime_ms(256) == pytest.approx(320 + 278 * 8 * 1.03 / 1.2, abs=8)


def test_ble_moves_four_segments_a_connection_interval():
    narrow, wide = ble(23), ble()
    assert narrow.airtime_ms(19 * 4) == pytest.approx(30, abs=9)
    assert wide.airtime_ms(243 * 4) == pytest.approx(30, abs=9)
    for mtu in (22, 518):
        with pytest.raises(UsageError):
            ble(mtu)


def test_a_peer_that_must_be_silent_for_an_hour_is_asked_until_then():
    patient = lora(LoraModulation(9), silence_ms=HOUR_MS)
    waited = sum(
        min(patient.sack_ms() << n // 2, patient.max_rto_ms) for n in range(patient.tries)
    )
    assert waited >= HOUR_MS
    assert patient.answer_ms > HOUR_MS
    assert patient.handshake_ms > 2 * HOUR_MS
    assert lora(LoraModulation(9), silence_ms=1).tries == lora(LoraModulation(9)).tries


def test_profiles_have_names():
    assert link_profile("serial") is SERIAL_LINK
    assert link_profile("lora-sf9") == lora(LoraModulation(9))
    assert link_profile("ble-23") == ble(23)
    assert link_profile("ax25-9600") == ax25(9_600)
    with pytest.raises(UsageError, match="lora-sf7"):
        link_profile("lora-sf99")
