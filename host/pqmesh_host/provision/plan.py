# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a node is to do once it is provisioned. The node checks it again (pqmesh_node.plan)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pqmesh import cbor

from ..config import MODES, STRANGERS, Config, FloorsConfig, RadioConfig
from ..network_key import load_network_key


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Name, rhythm, radio and floors of one node."""

    name: str = ""
    """Empty: the node keeps the one it has."""

    interval_ms: int | None = None
    radio: RadioConfig | None = None
    floors: FloorsConfig | None = None
    network_key: bytes | None = field(default=None, repr=False)

    @classmethod
    def of(cls, config: Config, name: str, interval_ms: int | None) -> Plan:
        """The configuration's radio and floors, for a node called ``name``.

        :raises OperatorError: the network's key cannot be read
        """
        radio = config.radio
        path = None if radio is None else radio.network_key
        key = None if path is None else load_network_key(path)
        return cls(
            name=name,
            interval_ms=interval_ms,
            radio=radio,
            floors=config.floors,
            network_key=key,
        )

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
                "region": self.radio.region.upper(),
            }
        if self.floors is not None:
            plan["floors"] = {
                "strangers": STRANGERS[self.floors.strangers],
                "minimum": MODES[self.floors.minimum],
            }
        if self.network_key is not None:
            plan["key"] = self.network_key
        return cbor.encode(plan)
