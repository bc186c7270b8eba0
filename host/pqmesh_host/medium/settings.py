# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a medium does to frames, as plain values: given on a command line, kept in a record."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pqmesh.airtime.budget import AirtimeBudget
from pqmesh.airtime.lora import LoraModulation
from pqmesh.airtime.regions import band_of

from .loss import GilbertElliott, Independent, LossModel
from .model import MediumConfig

LEVEL_DBM = -80.0


@dataclass(frozen=True, kw_only=True)
class MediumSettings:
    """A channel of LoRa radios. Probabilities are per reception, 0 to 1.

    :raises ValueError: from ``config``, for values that make no medium
    """

    spreading_factor: int = 7
    bandwidth_hz: int = 125_000
    coding_rate: int = 1
    """1 to 4, for 4/5 to 4/8."""

    seed: int = 0
    loss: float = 0.0
    burst: float = 0.0
    """Mean length of a run of lost frames; 0: each is lost independently of the others."""

    duplicate: float = 0.0
    delay: float = 0.0
    """Chance that a reception comes half a second late, and so out of order."""

    capture_db: float = 6.0
    apart: tuple[tuple[int, int], ...] = ()
    """Pairs of radios, by the order of their joining from 0 on, that do not hear each other."""

    region: str = ""
    """A row of pqmesh.airtime.regions whose duty cycle is enforced; empty: none."""

    frequency_hz: int = 868_100_000

    def modulation(self) -> LoraModulation:
        """:raises pqmesh.errors.UsageError: there is no such LoRa"""
        return LoraModulation(self.spreading_factor, self.bandwidth_hz, self.coding_rate)

    def config(self) -> MediumConfig:
        """The medium's configuration.

        :raises ValueError: a probability outside 0..1, or a burst that loss cannot make
        :raises pqmesh.errors.UsageError: there is no such modulation, region or band
        """
        modulation = self.modulation()
        for name in ("duplicate", "delay"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is a probability, 0..1, not {getattr(self, name)}")
        deaf = {frozenset(pair) for pair in self.apart}
        band = band_of(self.region, self.frequency_hz) if self.region else None
        return MediumConfig(
            modulation=modulation,
            seed=self.seed,
            loss=self._loss(),
            capture_db=self.capture_db,
            duplicate=self.duplicate,
            delay=self.delay,
            hears=lambda one, two: None if frozenset((one, two)) in deaf else LEVEL_DBM,
            budget=None if band is None else lambda: AirtimeBudget(band, modulation),
        )

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> MediumSettings:
        """The reverse of ``as_json``.

        :raises TypeError: there are values this version does not know
        """
        known = dict(values)
        known["apart"] = tuple((int(one), int(two)) for one, two in known.get("apart", ()))
        return cls(**known)

    def _loss(self) -> LossModel:
        if not self.burst:
            return Independent(self.loss)
        if self.burst < 1.0 or not 0.0 <= self.loss < 1.0:
            raise ValueError("a burst is at least 1 frame long, and loses less than everything")
        to_good = 1.0 / self.burst
        return GilbertElliott(to_bad=to_good * self.loss / (1.0 - self.loss), to_good=to_good)
