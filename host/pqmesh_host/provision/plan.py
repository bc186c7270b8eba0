# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a node is to do once it is provisioned. The node checks it again (pqmesh_node.plan)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pqmesh import cbor

from ..config import MODES, STRANGERS, Config, FloorsConfig, RadioConfig


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Name, rhythm, radio and floors of one node."""

    name: str = ""
    """Empty: the node keeps the one it has."""

    interval_ms: int | None = None
    radio: RadioConfig | None = None
    floors: FloorsConfig | None = None

    @classmethod
    def of(cls, config: Config, name: str, interval_ms: int | None) -> Plan:
        """The configuration's radio and floors, for a node called ``name``."""
        return cls(name=name, interval_ms=interval_ms, radio=config.radio, floors=config.floors)

    def encode(self) -> bytes:
        """Return it as the node is given it: a CBOR map."""
        plan: dict[str, Any] = {}
        if self.name:
            plan["name"] = self.name
        if self.interval_ms is not None:
            plan["interval"] = self.interval_ms
        if self.radio is not None:
            plan["radio"] = {
                "hz": self.radio.frequency_hz,
                "sf": self.radio.spreading_factor,
                "bw": self.radio.bandwidth_khz,
                "cr": self.radio.coding_rate,
                "dbm": self.radio.power_dbm,
                "permille": self.radio.permille,
            }
        if self.floors is not None:
            plan["floors"] = {
                "strangers": STRANGERS[self.floors.strangers],
                "minimum": MODES[self.floors.minimum],
            }
        return cbor.encode(plan)
