# SPDX-License-Identifier: MIT OR Apache-2.0
"""The links of constrained-design 2.3 as the medium sees them: airtime, turnaround, duty cycle.

LoRa    Semtech's formula, 222-octet frames; an hour's budget of 1 % or 10 %, or none
BLE     4 ATT writes per 30 ms connection interval; a frame rides in segments of the ATT MTU
        less 4 octets. The link layer repeats what is lost, so loss costs time, not frames
serial  115,200 baud 8N1, octet stuffing and a CRC; both directions at once
AX.25   300 ms of keying up per frame, 22 octets of headers, 3 % of stuffed bits
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from pqmesh.airtime.budget import AirtimeBudget
from pqmesh.airtime.lora import LoraModulation
from pqmesh.airtime.regions import Band, band_of
from pqmesh.limits import SERIAL_LINK, LinkProfile, replace
from pqmesh.links import ax25, ble, lora
from pqmesh_host.medium.loss import Independent
from pqmesh_host.medium.model import Airtime, MediumConfig
from pqmesh_host.medium.station import RadioTimes

ONE_PER_CENT = band_of("EU868", 868_100_000)
TEN_PER_CENT = band_of("EU868", 869_525_000)
HOUR_MS = 3_600_000

RADIO = RadioTimes(turnaround_us=80_000, gap_us=20_000)


@dataclass(frozen=True)
class Wire:
    """Airtime of a link that is not LoRa: so much per frame, so much per octet or segment."""

    frame_us: float
    octet_us: float
    segment: int = 0
    segment_us: float = 0.0

    def time_on_air_us(self, length: int) -> int:
        segments = math.ceil(length / self.segment) if self.segment else 0
        return round(self.frame_us + length * self.octet_us + segments * self.segment_us)


@dataclass(frozen=True, kw_only=True)
class Bearer:
    """One column of the table."""

    name: str
    profile: LinkProfile
    airtime: Airtime
    times: RadioTimes
    band: Band | None = None
    """Whose duty cycle binds each node; None: none does."""
    max_frame: int = 255
    full_duplex: bool = False
    link_layer_repeats: bool = False

    def config(self, loss: float, seed: int) -> MediumConfig:
        """The medium of one run."""
        airtime = self.airtime
        if self.link_layer_repeats and isinstance(airtime, Wire):
            repeated = airtime.segment_us / (1 - loss)
            airtime = Wire(airtime.frame_us, airtime.octet_us, airtime.segment, repeated)
            loss = 0.0
        return MediumConfig(
            modulation=airtime,
            max_frame=self.max_frame,
            full_duplex=self.full_duplex,
            seed=seed,
            loss=Independent(loss),
        )

    def budget(self) -> AirtimeBudget | None:
        """One node's account with the regulator."""
        if self.band is None or not isinstance(self.airtime, LoraModulation):
            return None
        return AirtimeBudget(self.band, self.airtime)


def _lora(
    factor: int,
    band: Band | None,
    bandwidth_hz: int = 125_000,
    mtu: int = 222,
    silence_ms: int = 0,
) -> Bearer:
    modulation = LoraModulation(factor, bandwidth_hz)
    share = "" if band is None else f", {band.budget_us // 36_000_000} %"
    width = "" if bandwidth_hz == 125_000 else f"/{bandwidth_hz // 1000}"
    return Bearer(
        name=f"SF{factor}{width}{share}",
        profile=lora(modulation, mtu, silence_ms),
        airtime=modulation,
        times=RADIO,
        band=band,
    )


def _ble(att_mtu: int) -> Bearer:
    return Bearer(
        name=f"BLE {att_mtu}",
        profile=ble(att_mtu),
        airtime=Wire(0, 0, att_mtu - 4, 7_500),
        times=RadioTimes(turnaround_us=30_000, gap_us=0),
        max_frame=512,
        full_duplex=True,
        link_layer_repeats=True,
    )


def _ax25(rate: int) -> Bearer:
    octet_us = 8 * 1.03 * 1e6 / rate
    return Bearer(
        name=f"AX.25 {rate}",
        profile=ax25(rate),
        airtime=Wire(300_000 + 22 * octet_us, octet_us),
        times=RadioTimes(turnaround_us=350_000, gap_us=20_000),
        max_frame=256,
    )


SERIAL = Bearer(
    name="serial 115200",
    profile=replace(SERIAL_LINK, turnaround_ms=3, burst=32, min_rto_ms=20),
    airtime=Wire(7 * 10 * 1e6 / 115_200, 255 / 254 * 10 * 1e6 / 115_200),
    times=RadioTimes(turnaround_us=3_000, gap_us=500),
    max_frame=512,
    full_duplex=True,
)

BEARERS = {
    bearer.name: bearer
    for bearer in (
        _lora(7, ONE_PER_CENT),
        _lora(9, ONE_PER_CENT, silence_ms=HOUR_MS),
        _lora(12, ONE_PER_CENT, silence_ms=20 * HOUR_MS),
        _lora(12, TEN_PER_CENT, silence_ms=HOUR_MS),
        _lora(11, TEN_PER_CENT, bandwidth_hz=250_000),
        _lora(7, None, bandwidth_hz=500_000),
        _ble(23),
        _ble(247),
        SERIAL,
        _ax25(1_200),
        _ax25(9_600),
    )
}
