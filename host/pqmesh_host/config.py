# SPDX-License-Identifier: MIT OR Apache-2.0
"""The configuration file: TOML in, one frozen dataclass per section out, checked once.

What the program does not know it refuses, with the nearest name it does know: a misspelt key that
is silently ignored is the worst kind of default. Every message names file and line.

Paths are relative to the folder of the configuration file. A section may be left out; its
defaults stand in the dataclass. ``[[link]]`` and ``[[peer]]`` may be repeated.
"""

from __future__ import annotations

import dataclasses
import difflib
import ipaddress
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .config_sections import (
    MODES,
    STRANGERS,
    ControlConfig,
    FloorsConfig,
    IdentityConfig,
    LinkConfig,
    MetricsConfig,
    PeerConfig,
    QuicConfig,
    RadioConfig,
    StoreConfig,
)
from .errors import OperatorError
from .radio_check import NEEDS_STRANGERS, nobody_left, radio_fault

__all__ = (
    "MODES",
    "STRANGERS",
    "Config",
    "ConfigError",
    "ControlConfig",
    "FloorsConfig",
    "IdentityConfig",
    "LinkConfig",
    "MetricsConfig",
    "PeerConfig",
    "QuicConfig",
    "RadioConfig",
    "StoreConfig",
    "load",
    "parse",
)


class ConfigError(OperatorError):
    """The configuration file cannot be used as it is."""

    exit_code = 3


@dataclass(frozen=True, kw_only=True)
class Config:
    """The whole file."""

    identity: IdentityConfig = field(default_factory=IdentityConfig)
    link: tuple[LinkConfig, ...] = ()
    quic: QuicConfig = field(default_factory=QuicConfig)
    peer: tuple[PeerConfig, ...] = ()
    control: ControlConfig = field(default_factory=ControlConfig)
    store: StoreConfig = field(default_factory=StoreConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    radio: RadioConfig | None = None
    floors: FloorsConfig = field(default_factory=FloorsConfig)

    @property
    def named_peers(self) -> frozenset[bytes]:
        """Every QUIC peer the file names: kept messages wait for these while they are away."""
        dialled = frozenset(peer.id for peer in self.peer if peer.id is not None)
        return dialled | (self.quic.trust or frozenset())


ONCE: dict[str, type[Any]] = {
    "identity": IdentityConfig,
    "quic": QuicConfig,
    "control": ControlConfig,
    "store": StoreConfig,
    "metrics": MetricsConfig,
    "radio": RadioConfig,
    "floors": FloorsConfig,
}
REPEATED: dict[str, type[Any]] = {"link": LinkConfig, "peer": PeerConfig}


def load(path: Path) -> Config:
    """Read and check ``path``.

    :raises ConfigError: missing, unreadable, not TOML, an unknown name or an illegal value
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"There is no configuration file at {path}.",
            "Name one with --config; `pqmesh gateway --help` shows an example.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"Cannot read {path}: {error}.", "It must be UTF-8 text.") from error
    return parse(text, path)


def parse(text: str, path: Path) -> Config:
    """Check the text of a configuration file; ``path`` anchors relative paths and messages.

    :raises ConfigError: as ``load``
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.", "") from error
    reader = _Reader(text, path)
    sections: dict[str, Any] = {}
    for name, content in document.items():
        if name in ONCE:
            sections[name] = reader.table(ONCE[name], name, 0, content)
        elif name in REPEATED:
            entries = reader.entries(name, content)
            sections[name] = tuple(
                reader.table(REPEATED[name], name, index, entry)
                for index, entry in enumerate(entries)
            )
        else:
            known = [*ONCE, *REPEATED]
            raise reader.error(name, 0, "", f"unknown section [{name}]", _nearest(name, known))
    config = Config(**sections)
    _check_labels(reader, config)
    _check_peers(reader, config)
    _check_relay(reader, config)
    _check_radio(reader, config)
    return _anchored(config, path.parent)


class _Reader:
    """Turns tables into dataclasses and remembers where in the text to point."""

    def __init__(self, text: str, path: Path) -> None:
        self._lines = text.splitlines()
        self._path = path

    def entries(self, section: str, content: Any) -> list[Any]:
        if not isinstance(content, list):
            raise self.error(
                section, 0, "", f"[{section}] may be repeated", f"Write it as [[{section}]]."
            )
        return content

    def table(self, kind: type[Any], section: str, index: int, content: Any) -> Any:
        if not isinstance(content, dict):
            raise self.error(section, index, "", f"[{section}] must be a table of settings", "")
        fields = {item.name: item for item in dataclasses.fields(kind)}
        settings: dict[str, Any] = {}
        for key, value in content.items():
            if key not in fields:
                message = f"unknown key {key!r} in [{section}]"
                raise self.error(section, index, key, message, _nearest(key, fields))
            try:
                settings[key] = fields[key].metadata["parse"](value, self._path.parent)
            except ValueError as error:
                raise self.error(
                    section, index, key, f"{key} in [{section}]: {error}", ""
                ) from None
        for name, item in fields.items():
            if item.default is dataclasses.MISSING and name not in settings:
                message = f"[{section}] lacks the key {name!r}"
                raise self.error(section, index, "", message, "It has no default.")
        return kind(**settings)

    def error(self, section: str, index: int, key: str, message: str, advice: str) -> ConfigError:
        return ConfigError(f"{self._path}:{self.line(section, index, key)}: {message}.", advice)

    def line(self, section: str, index: int, key: str) -> int:
        """The line of ``key`` in the ``index``-th ``section``, or of its header, counted from 1.

        A search of the text, since tomllib keeps no positions; inline tables point at their start.
        """
        header = re.compile(rf"\s*(\[\[?\s*{re.escape(section)}\s*\]|{re.escape(section)}\s*=)")
        starts = [at for at, line in enumerate(self._lines) if header.match(line)]
        if not starts:
            return 1
        start = starts[min(index, len(starts) - 1)]
        if key:
            wanted = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*[=.]""")
            for at in range(start + 1, len(self._lines)):
                if self._lines[at].lstrip().startswith("["):
                    break
                if wanted.match(self._lines[at]):
                    return at + 1
        return start + 1


def _nearest(name: str, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"Known names: {', '.join(sorted(names))}."


def _check_labels(reader: _Reader, config: Config) -> None:
    seen: dict[str, int] = {}
    for index, link in enumerate(config.link):
        if link.label in seen:
            message = f"two links are called {link.label!r}"
            raise reader.error("link", index, "name", message, "Give each its own name.")
        seen[link.label] = index


def _check_peers(reader: _Reader, config: Config) -> None:
    for index, peer in enumerate(config.peer):
        if peer.id is None and peer.address is None:
            advice = "Write its address, or its id if this node has met it before."
            raise reader.error("peer", index, "", "[[peer]] lacks an address", advice)
        if peer.id is None and config.quic.trust is not None:
            advice = 'Ask its operator for `pqmesh identity show`, or set trust = "any" in [quic].'
            raise reader.error("peer", index, "address", "[[peer]] lacks its id", advice)


def _check_relay(reader: _Reader, config: Config) -> None:
    quic = config.quic
    wildcard = ipaddress.ip_address(quic.listen[0]).is_unspecified
    if quic.relay != frozenset() and wildcard and not quic.relay_host:
        message = "a relay that listens on every address must be told which one to give out"
        raise reader.error("quic", 0, "relay", message, 'Set relay_host = "..." in [quic].')


def _check_radio(reader: _Reader, config: Config) -> None:
    radio = config.radio
    if radio is not None and (fault := radio_fault(radio)) is not None:
        raise reader.error(
            "radio", 0, fault.key, f"[radio] cannot work: {fault.text}", fault.advice
        )
    for index, link in enumerate(config.link):
        if radio is None and link.is_radio:
            advice = "Write [radio] with region and frequency_hz: its airtime is limited by them."
            raise reader.error("link", index, "kind", "a radio link needs [radio]", advice)
        if nobody_left(link, radio, config.floors):
            where = ("link", index, "floor") if link.floor else ("floors", 0, "minimum")
            raise reader.error(*where, f"nobody could use {link.label!r}", NEEDS_STRANGERS)


def _anchored(config: Config, folder: Path) -> Config:
    """Make the default paths, which no parser saw, relative to the file's folder as well."""
    return dataclasses.replace(
        config,
        identity=dataclasses.replace(config.identity, path=folder / config.identity.path),
        control=dataclasses.replace(config.control, socket=folder / config.control.socket),
        store=dataclasses.replace(config.store, path=folder / config.store.path),
    )
