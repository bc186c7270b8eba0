# SPDX-License-Identifier: MIT OR Apache-2.0
"""The network's key: 32 octets that all nodes of a radio network share, in a file of mode 0600.

It proves membership, not identity: whose HELLO shows it is no stranger, and need not share a fifth
of the airtime with strangers. Whoever reads the file can claim as much, and no more.
"""

from __future__ import annotations

import stat
from pathlib import Path

from .errors import OperatorError

KEY_BYTES = 32


class NetworkKeyError(OperatorError):
    """The file is missing, unsafe or damaged."""

    exit_code = 4


def load_network_key(path: Path) -> bytes:
    """Return the key in ``path``.

    :raises NetworkKeyError: missing, unreadable, readable by others, or not exactly 32 octets
    """
    try:
        with path.open("rb") as file:
            mode = path.stat().st_mode
            key = file.read(KEY_BYTES + 1)
    except OSError as error:
        raise NetworkKeyError(
            f"Cannot read the network key {path}: {error.strerror}.",
            "Copy it from another node of this network, or make the first one: "
            f"(umask 077; head -c {KEY_BYTES} /dev/urandom > {path.name})",
        ) from error
    if mode & 0o077:
        raise NetworkKeyError(
            f"The network key {path} can be read or changed by other users "
            f"(mode {stat.S_IMODE(mode):04o}).",
            f"If nobody else has read it, run `chmod 600 {path}`; otherwise make a new one.",
        )
    if len(key) != KEY_BYTES:
        raise NetworkKeyError(
            f"The network key {path} must hold exactly {KEY_BYTES} bytes, "
            f"but holds {'more' if len(key) > KEY_BYTES else len(key)}.",
            "Copy it anew from another node of this network.",
        )
    return key
