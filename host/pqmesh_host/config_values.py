# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a value in the configuration file may be: one small parser per kind.

Each takes the TOML value and the folder of the file, and returns the checked value or raises
ValueError with a message that completes "<key> in [<section>]: ...".
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PEER_ID_BYTES = 32
SOCKET_PATH_BYTES = 107
"""Linux's sun_path holds 108 bytes, one of them the terminating zero (unix(7))."""


def text(shortest: int, longest: int) -> Callable[[Any, Path], str]:
    """A string of ``shortest`` to ``longest`` characters."""

    def parse(value: Any, _folder: Path) -> str:
        if not isinstance(value, str) or not shortest <= len(value) <= longest:
            raise ValueError(f"want a text of {shortest} to {longest} characters")
        return value

    return parse


def one_of(*choices: str) -> Callable[[Any, Path], str]:
    """One of a few words."""

    def parse(value: Any, _folder: Path) -> str:
        if value not in choices:
            raise ValueError(f"{value!r} is not one of: {', '.join(choices)}")
        return str(value)

    return parse


def integer(lowest: int, highest: int) -> Callable[[Any, Path], int]:
    """A whole number within bounds."""

    def parse(value: Any, _folder: Path) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError(f"want a whole number from {lowest} to {highest}, not {value!r}")
        if not lowest <= value <= highest:
            raise ValueError(f"{value} is outside {lowest} to {highest}")
        return value

    return parse


def boolean(value: Any, _folder: Path) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"want true or false, not {value!r}")
    return value


def path(value: Any, folder: Path) -> Path:
    """A file's path, relative to the folder of the configuration file; ~ is the home folder."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("want a path in quotes")
    return folder / Path(value).expanduser()


def socket_path(value: Any, folder: Path) -> Path:
    """A path short enough for a unix socket."""
    found = path(value, folder)
    if len(bytes(found.absolute())) > SOCKET_PATH_BYTES:
        raise ValueError(
            f"{found.absolute()} is longer than the {SOCKET_PATH_BYTES} bytes a unix socket's "
            "path may have; choose a shorter one"
        )
    return found


def device(value: Any, _folder: Path) -> str:
    """A serial port, or the address of a socket that stands in for one."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("want a port such as /dev/ttyACM0 in quotes")
    if "://" in value:
        socket_address(value)
    return value


def peer_id(value: Any, _folder: Path) -> bytes:
    """A PeerId as 64 hexadecimal digits."""
    if not isinstance(value, str):
        raise ValueError("want a PeerId in quotes")
    try:
        found = bytes.fromhex(value)
    except ValueError:
        found = b""
    if len(found) != PEER_ID_BYTES or len(value) != 2 * PEER_ID_BYTES:
        raise ValueError(
            f"want a PeerId, {2 * PEER_ID_BYTES} hexadecimal digits (`pqmesh identity show` "
            f"prints it), not {len(value)} characters"
        )
    return found


def peer_ids_or_any(value: Any, folder: Path) -> frozenset[bytes] | None:
    """A list of PeerIds, or the word "any" (None)."""
    if value == "any":
        return None
    if not isinstance(value, list):
        raise ValueError('want a list of PeerIds, or "any"')
    return frozenset(peer_id(item, folder) for item in value)


def ip_address(value: Any, _folder: Path) -> str:
    """An IPv4 or IPv6 address without a port."""
    try:
        return str(ipaddress.ip_address(value if isinstance(value, str) else ""))
    except ValueError:
        raise ValueError(f"want an IP address in quotes, not {value!r}") from None


def host_port(value: Any, _folder: Path) -> tuple[str, int]:
    """ "address:port" with an IPv6 address in brackets; port 0 asks for any free one."""
    host, port = _split(value)
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(f"{host!r} is not an IP address of this machine to listen on") from None
    return host, port


def host_port_to_dial(value: Any, _folder: Path) -> tuple[str, int]:
    """ "host:port" of someone else: a name is welcome, port 0 is not."""
    host, port = _split(value)
    if port == 0:
        raise ValueError("port 0 cannot be dialled")
    return host, port


def loopback(value: Any, folder: Path) -> tuple[str, int]:
    """Like ``host_port``, but only this machine may reach it."""
    host, port = host_port(value, folder)
    if not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"{host} is not a loopback address; metrics are for this machine only")
    return host, port


def _split(value: Any) -> tuple[str, int]:
    if not isinstance(value, str):
        raise ValueError('want "address:port" in quotes')
    host, colon, digits = value.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError("write an IPv6 address in brackets: [::1]:4433")
    if not colon or not host or not digits.isdecimal() or not 0 <= int(digits) <= 65_535:
        raise ValueError(f'want "address:port", not {value!r}')
    return host, int(digits)


def is_socket(device: str) -> bool:
    """Whether ``device`` names a socket in place of a port."""
    return device.startswith(("socket://", "unix://"))


def socket_address(device: str) -> tuple[str, int] | str:
    """Take ``socket://host:port`` or ``unix:///path`` apart: (host, port), or the path.

    :raises ValueError: with what is missing
    """
    parts = urlsplit(device)
    if parts.scheme == "unix":
        if parts.netloc or not parts.path.startswith("/"):
            raise ValueError("write unix:///path/to/socket, with three slashes")
        return parts.path
    if parts.scheme != "socket" or not parts.hostname or parts.port is None or parts.path:
        raise ValueError("write socket://host:port")
    return parts.hostname, parts.port
