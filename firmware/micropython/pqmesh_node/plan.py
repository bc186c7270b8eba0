# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the operator has decided for a node: its name, its radio, how weak a handshake may be.

One CBOR map, handed over when the node is provisioned and kept in the record ``plan``:

    "name"      text, 1 to 32 octets; what people call the node
    "interval"  milliseconds between two rounds of readings
    "radio"     {"hz", "sf", "bw" (kHz), "cr" (5..8), "dbm", "permille"; "region", GENERIC without}
    "floors"    {"strangers": 0 never, 1 fast links, 2 always; "minimum": the weakest mode}
    "key"       32 octets, the network's; kept in the vault, not in the record

Every key may be missing. What a newer operator sends besides is refused, not ignored: a rule that
is not kept must not look as if it were.
"""

from pqmesh import cbor
from pqmesh.errors import Malformed

from .compat import TYPE_CHECKING
from .settings import MAX_INTERVAL_MS, MIN_INTERVAL_MS, NAME_BYTES

if TYPE_CHECKING:
    from typing import Any

    from .store import Store
    from .vault import Vault

RECORD = "plan"
NETWORK_KEY = "net"  # in the vault
_KEY_BYTES = 32
_REGIONS = ("EU868", "US915", "GENERIC")  # of pqmesh.airtime.regions, which a cable never needs

_RADIO = {
    "hz": (100_000_000, 1_000_000_000),
    "sf": (7, 12),
    "bw": (7, 500),
    "cr": (5, 8),
    "dbm": (-9, 30),
    "permille": (1, 1000),
}
_FLOORS = {"strangers": (0, 2), "minimum": (0, 4)}  # constants and modes of engine.floors
_KEYS = ("name", "interval", "radio", "floors", "key")


def parse(image: bytes) -> "dict[str, Any]":
    """A checked plan. Raises Malformed, naming what does not fit."""
    plan = cbor.decode(image)
    if not isinstance(plan, dict):
        raise Malformed("a plan is a map")
    for key in plan:
        if key not in _KEYS:
            raise Malformed("this node cannot do what the plan asks: %s" % key)
    name = plan.get("name", "-")
    if not isinstance(name, str) or not 1 <= len(name.encode()) <= NAME_BYTES:
        raise Malformed("plan: name: want 1 to %d bytes of text" % NAME_BYTES)
    _check_number(
        "interval", plan.get("interval", MIN_INTERVAL_MS), MIN_INTERVAL_MS, MAX_INTERVAL_MS
    )
    radio = plan.get("radio")
    if isinstance(radio, dict) and radio.get("region", "GENERIC") not in _REGIONS:
        raise Malformed("this node cannot do what the plan asks: region %s" % radio["region"])
    _check_map("radio", radio, _RADIO, "region")
    _check_map("floors", plan.get("floors"), _FLOORS)
    key = plan.get("key", bytes(_KEY_BYTES))
    if not isinstance(key, bytes) or len(key) != _KEY_BYTES:
        raise Malformed("plan: key: want %d octets" % _KEY_BYTES)
    return plan


def keep(plan: "dict[str, Any]", store: "Store", vault: "Vault") -> None:
    """Store a parsed plan, in place of the one before. Raises store.StoreError."""
    key = plan.get("key")
    if vault.load(NETWORK_KEY) != key:
        vault.change({NETWORK_KEY: key})
    store.save(RECORD, cbor.encode({name: plan[name] for name in plan if name != "key"}))


def load(store: "Store") -> "dict[str, Any]":
    """The stored plan, empty without one. Raises Malformed, store.StoreError."""
    image = store.load(RECORD)
    return {} if image is None else parse(image)


def _check_map(
    key: str, value: "Any", ranges: "dict[str, tuple[int, int]]", optional: str = ""
) -> None:
    if value is None:
        return
    if not isinstance(value, dict) or set(value) - {optional} != set(ranges):
        raise Malformed("plan: %s: want %s" % (key, ", ".join(sorted(ranges))))
    for name in ranges:
        _check_number("%s.%s" % (key, name), value[name], ranges[name][0], ranges[name][1])


def _check_number(key: str, value: "Any", lowest: int, highest: int) -> None:
    if not isinstance(value, int) or value is True or value is False:
        raise Malformed("plan: %s: want a whole number" % key)
    if not lowest <= value <= highest:
        raise Malformed("plan: %s: %d is not in %d..%d" % (key, value, lowest, highest))
