# SPDX-License-Identifier: MIT OR Apache-2.0
"""The sections of the configuration file, one frozen dataclass each, with their defaults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pqmesh.airtime.plan import RadioPlan
from pqmesh.engine.floors import ALWAYS, FAST, NEVER, Policy
from pqmesh.wire.handshake import HS_K, HS_RK, HS_RP, HS_S
from pqmesh.wire.resumption import HS_R

from . import config_values as values

Parse = Callable[[Any, Path], Any]
"""Turns one TOML value into the field's type, or raises ValueError saying what is wanted."""


STRANGERS = {"never": NEVER, "fast": FAST, "always": ALWAYS}
MODES = {"hs-r": HS_R, "hs-rp": HS_RP, "hs-rk": HS_RK, "hs-k": HS_K, "hs-s": HS_S}
"""How a configuration says what pqmesh.engine.floors calls by number; the weakest mode first."""

REGIONS = ("EU868", "US915", "generic")
GENERIC_PERMILLE = 10
"""Where no region's rule is known: what most of EU868 allows, and no rule of ours forbids."""


def by(parse: Parse) -> dict[str, Parse]:
    """Field metadata: how the value is read from TOML."""
    return {"parse": parse}


@dataclass(frozen=True, kw_only=True)
class IdentityConfig:
    """Who this node is."""

    path: Path = field(default=Path("identity.seed"), metadata=by(values.path))
    """The 32-byte seed file, mode 0600; made by ``pqmesh identity new``."""


@dataclass(frozen=True, kw_only=True)
class LinkConfig:
    """One cable or radio to boards."""

    kind: str = field(default="serial", metadata=by(values.one_of("serial", "radio")))
    """``radio``: a modem there sends every frame as ``[radio]`` says, within its airtime."""

    device: str = field(metadata=by(values.device))
    """A port (/dev/ttyACM0), or socket://host:port, or unix:///path for an emulated board."""

    name: str = field(default="", metadata=by(values.text(1, 64)))
    """What events and ``status`` call the link; the device when empty."""

    baud: int = field(default=115_200, metadata=by(values.integer(300, 4_000_000)))
    """Bits per second, 8N1."""

    paced: bool | None = field(default=None, metadata=by(values.boolean))
    """Send no faster than ``baud``. Default: yes for sockets, no for ports (hardware paces)."""

    expect: bytes | None = field(default=None, metadata=by(values.peer_id))
    """The only PeerId this link may carry; any node may use the link when absent."""

    wait: bool = field(default=False, metadata=by(values.boolean))
    """Start although the device is missing, and wait for it; otherwise that is an error."""

    floor: str | None = field(default=None, metadata=by(values.one_of(*MODES)))
    """The weakest handshake here. Absent: ``[floors]`` on a radio, anything on a cable."""

    broadcast: bool = field(default=False, metadata=by(values.boolean))
    """Send our credential round, and take those of known boards: HS-K without provisioning."""

    @property
    def label(self) -> str:
        return self.name or self.device

    @property
    def is_radio(self) -> bool:
        return self.kind == "radio"

    def policy(self, floors: FloorsConfig) -> Policy | None:
        """What the engine holds sessions against; None: the engine's own."""
        if self.is_radio:
            return Policy(STRANGERS[floors.strangers], MODES[self.floor or floors.minimum], {})
        return None if self.floor is None else Policy(NEVER, MODES[self.floor], {})


@dataclass(frozen=True, kw_only=True)
class QuicConfig:
    """The UDP socket towards other QUIC peers."""

    listen: tuple[str, int] = field(default=("127.0.0.1", 0), metadata=by(values.host_port))
    """Address and port; port 0 takes any free one."""

    trust: frozenset[bytes] | None = field(
        default=frozenset(), metadata=by(values.peer_ids_or_any)
    )
    """Who may connect besides the ``[[peer]]`` entries; None (written "any") admits everyone."""

    commands: frozenset[bytes] | None = field(
        default=frozenset(), metadata=by(values.peer_ids_or_any)
    )
    """Whose commands are carried out besides those of peers named in ``trust`` and ``[[peer]]``;
    None (written "any") obeys every admitted peer."""

    traverse: bool = field(default=False, metadata=by(values.boolean))
    """Find peers with an ``id`` through others when their address does not answer, help others to
    find each other, and be found."""

    relay: frozenset[bytes] | None = field(
        default=frozenset(), metadata=by(values.peer_ids_or_any)
    )
    """Whom this node relays for; None (written "any") is everyone it admits."""

    relay_host: str = field(default="", metadata=by(values.ip_address))
    """The address relayed peers are told to be at; the one listened on when empty."""


@dataclass(frozen=True, kw_only=True)
class PeerConfig:
    """A QUIC peer this node dials, and dials again when the connection is lost."""

    address: tuple[str, int] | None = field(default=None, metadata=by(values.host_port_to_dial))
    """Where to dial first. Without one, the addresses at which ``id`` was reached before."""

    id: bytes | None = field(default=None, metadata=by(values.peer_id))
    """The PeerId that must answer there. May be left out only where everyone is trusted."""


@dataclass(frozen=True, kw_only=True)
class ControlConfig:
    """The unix socket ``pqmesh send``, ``listen`` and ``status`` talk to."""

    socket: Path = field(default=Path("control.sock"), metadata=by(values.socket_path))


@dataclass(frozen=True, kw_only=True)
class StoreConfig:
    """The SQLite database that keeps undelivered messages and seen ids across restarts."""

    path: Path = field(default=Path("state.sqlite"), metadata=by(values.path))


@dataclass(frozen=True, kw_only=True)
class MetricsConfig:
    """Prometheus metrics over HTTP; off unless ``listen`` is given."""

    listen: tuple[str, int] | None = field(default=None, metadata=by(values.loopback))
    """A loopback address and port, such as "127.0.0.1:9464"."""


@dataclass(frozen=True, kw_only=True)
class RadioConfig:
    """The radio of this network: of every ``[[link]]`` of kind radio, and told to every node that
    is provisioned. LoRa only so far."""

    region: str = field(default="generic", metadata=by(values.one_of(*REGIONS)))
    """Whose rules bind it: where the antenna is."""

    frequency_hz: int = field(metadata=by(values.integer(100_000_000, 1_000_000_000)))
    """Centre of the channel, in hertz."""

    spreading_factor: int = field(default=9, metadata=by(values.integer(7, 12)))
    bandwidth_khz: int = field(default=125, metadata=by(values.integer(7, 500)))
    coding_rate: int = field(default=5, metadata=by(values.integer(5, 8)))
    """The denominator: 5 is 4/5."""

    power_dbm: int = field(default=14, metadata=by(values.integer(-9, 30)))
    duty_permille: int | None = field(default=None, metadata=by(values.integer(1, 1000)))
    """Share of any hour that a node may send, in thousandths, on top of the region's rule. Absent:
    that rule alone; GENERIC_PERMILLE where there is none."""

    network_key: Path | None = field(default=None, metadata=by(values.path))
    """The file of 32 octets that show who belongs to this network: strangers share a fifth."""

    @property
    def permille(self) -> int:
        if self.duty_permille is not None:
            return self.duty_permille
        return GENERIC_PERMILLE if self.region == "generic" else 1000

    def plan(self) -> RadioPlan:
        """The same for pqmesh.airtime."""
        # The modem's 7.8 kHz and 31.25 kHz are written 7 and 31: never taken for wider than so.
        return RadioPlan(
            self.region.upper(),
            self.frequency_hz,
            self.spreading_factor,
            max(self.bandwidth_khz * 1000, 7_800),
            self.coding_rate - 4,
            self.permille,
        )


@dataclass(frozen=True, kw_only=True)
class FloorsConfig:
    """How weak a handshake is accepted on radios: ours, and those of provisioned nodes."""

    strangers: str = field(default="never", metadata=by(values.one_of("never", "fast", "always")))
    """Whether HS-S may run there, which needs no credential: on fast links is SF7 and SF8."""

    minimum: str = field(default="hs-r", metadata=by(values.one_of(*MODES)))
    """The weakest mode."""
