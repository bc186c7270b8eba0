# SPDX-License-Identifier: MIT OR Apache-2.0
"""The connection with both short ways, behind the switch ``QuicLimits.fast_path``.

It touches more of aioquic's internals than the rest of this package, so it stands apart,
is held to the plain connection by a differential test, and can be switched off.
"""

from __future__ import annotations

from .connection import PqConnection
from .fast_receive import FastReceive
from .fast_send import FastSend


class FastConnection(FastReceive, FastSend):
    """Behaves as PqConnection on the wire and towards its owner; only faster."""


def connection_class(fast: bool) -> type[PqConnection]:
    """The class an endpoint makes its connections of."""
    return FastConnection if fast else PqConnection
