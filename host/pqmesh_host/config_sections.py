# SPDX-License-Identifier: MIT OR Apache-2.0
"""The sections of the configuration file, one frozen dataclass each, with their defaults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import config_values as values

Parse = Callable[[Any, Path], Any]
"""Turns one TOML value into the field's type, or raises ValueError saying what is wanted."""


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

    kind: str = field(default="serial", metadata=by(values.one_of("serial")))
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

    @property
    def label(self) -> str:
        return self.name or self.device


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
    """The radio of this network, told to every node that is provisioned. LoRa only so far."""

    frequency_hz: int = field(metadata=by(values.integer(100_000_000, 1_000_000_000)))
    """Centre of the channel, in hertz."""

    spreading_factor: int = field(default=9, metadata=by(values.integer(5, 12)))
    bandwidth_khz: int = field(default=125, metadata=by(values.integer(7, 500)))
    coding_rate: int = field(default=5, metadata=by(values.integer(5, 8)))
    """The denominator: 5 is 4/5."""

    power_dbm: int = field(default=14, metadata=by(values.integer(-9, 30)))
    duty_permille: int = field(default=10, metadata=by(values.integer(1, 1000)))
    """Share of any hour that a node may send, in thousandths."""


@dataclass(frozen=True, kw_only=True)
class FloorsConfig:
    """How weak a handshake a provisioned node accepts on its radio."""

    strangers: str = field(default="never", metadata=by(values.one_of("never", "fast", "always")))
    """Whether HS-S may run there, which needs no credential: on fast links is SF7 and SF8."""

    minimum: str = field(
        default="hs-r",
        metadata=by(values.one_of("hs-r", "hs-rp", "hs-rk", "hs-k", "hs-s")),
    )
    """The weakest mode."""
