# SPDX-License-Identifier: MIT OR Apache-2.0
"""The control socket's requests, checked: what a client may ask, and whom a short name means."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from .control_socket import BadRequest

SHORTEST_PREFIX = 4
"""Hexadecimal digits of a PeerId that must at least be given."""

PEER_ID_DIGITS = 64
TIMEOUT_S = 10.0
LONGEST_TIMEOUT_S = 3600.0


@dataclass(frozen=True, kw_only=True)
class SendRequest:
    """``{"op": "send", "to": ..., "command": ..., "args": {...}, "timeout_s": 10}``"""

    to: str
    command: str
    arguments: dict[str, Any]
    timeout_s: float


def read_send(request: Mapping[str, Any]) -> SendRequest:
    """Check a send request.

    :raises BadRequest: a field is missing or of another type
    """
    to, command = request.get("to"), request.get("command")
    arguments = request.get("args", {})
    timeout_s = request.get("timeout_s", TIMEOUT_S)
    if not isinstance(to, str) or not isinstance(command, str) or not command:
        raise BadRequest('"to" and "command" must be texts')
    if not isinstance(arguments, dict):
        raise BadRequest('"args" must be an object')
    if isinstance(timeout_s, bool) or not isinstance(timeout_s, int | float):
        raise BadRequest('"timeout_s" must be a number')
    if not 0 < timeout_s <= LONGEST_TIMEOUT_S:
        raise BadRequest(f'"timeout_s" must be above 0 and at most {LONGEST_TIMEOUT_S:g}')
    return SendRequest(to=to, command=command, arguments=arguments, timeout_s=timeout_s)


def read_forget(request: Mapping[str, Any]) -> str:
    """Check a request to forget a peer's addresses: ``{"op": "forget", "peer": ...}``

    :raises BadRequest: the peer is missing or no text
    """
    peer = request.get("peer")
    if not isinstance(peer, str):
        raise BadRequest('"peer" must be a text')
    return peer


class Known:
    """The PeerIds a node knows, so that people may write only the first digits of one."""

    def __init__(self, peer_ids: Collection[bytes]) -> None:
        self._names = sorted(peer_id.hex() for peer_id in peer_ids)

    def resolve(self, text: str) -> bytes:
        """Return the PeerId ``text`` means: all 64 digits, or a prefix of exactly one we know.

        :raises BadRequest: neither
        """
        digits = text.lower()
        if not digits or set(digits) - set("0123456789abcdef") or len(digits) > PEER_ID_DIGITS:
            raise BadRequest(f"{text!r} is not a PeerId.", "Write its hexadecimal digits.")
        if len(digits) == PEER_ID_DIGITS:
            return bytes.fromhex(digits)
        if len(digits) < SHORTEST_PREFIX:
            raise BadRequest(f"{text!r} is too short.", f"Write {SHORTEST_PREFIX} digits or more.")
        found = [name for name in self._names if name.startswith(digits)]
        if len(found) == 1:
            return bytes.fromhex(found[0])
        if found:
            names = ", ".join(name[:16] for name in found)
            raise BadRequest(f"{text!r} could be any of {names}.", "Write more digits.")
        known = ", ".join(name[:16] for name in self._names[:8]) or "nobody yet"
        raise BadRequest(
            f"This node knows nobody whose PeerId begins with {text!r}.",
            f"It knows: {known}. Write all 64 digits to name someone else.",
        )
