# SPDX-License-Identifier: MIT OR Apache-2.0
"""What of ``[radio]`` and ``[floors]`` cannot work together, found before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass

from pqmesh.airtime.regions import REGIONS
from pqmesh.engine.floors import Floors
from pqmesh.errors import UsageError

from .config_sections import FloorsConfig, LinkConfig, RadioConfig

NEEDS_STRANGERS = (
    "Only HS-S is strong enough, and strangers in [floors] forbids it on this radio: set floor or "
    'minimum to "hs-k", or strangers to "always".'
)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Which key is wrong, and why."""

    key: str
    text: str
    advice: str


def radio_fault(radio: RadioConfig) -> Fault | None:
    """Return why ``radio`` cannot be used, or None."""
    plan = radio.plan()
    try:
        band = plan.band()
    except UsageError:
        bands = ", ".join(one.name for one in REGIONS[plan.region])
        text = f"{radio.region} has no band at {radio.frequency_hz:,} Hz"
        return Fault(key="frequency_hz", text=text, advice=f"Its bands, in MHz: {bands}.")
    if radio.power_dbm > band.power_dbm and radio.region != "generic":
        text = f"{radio.region} allows {band.power_dbm} dBm (e.r.p.) in {band.name}"
        return Fault(key="power_dbm", text=text, advice="Less the antenna's gain.")
    try:
        plan.profile()
    except UsageError as error:
        return Fault(key="spreading_factor", text=str(error), advice="")
    return None


def nobody_left(link: LinkConfig, radio: RadioConfig | None, floors: FloorsConfig) -> bool:
    """Whether no handshake there is may be used on this radio link: HS-S is asked for, and off."""
    policy = link.policy(floors)
    if not link.is_radio or radio is None or policy is None:
        return False
    return Floors(radio.plan().profile(), policy).full_mode(b"", True) is None
