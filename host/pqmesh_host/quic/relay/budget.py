# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a relay lets one client use: how fast, how much, how long, and where to. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from ..frames import Address
from ..nat.candidates import AddressRefused, check_form, is_local


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """One client's share. Both directions count together. Validated; raises ValueError."""

    bytes_per_second: int = 1_000_000
    """Sustained rate; what is over is dropped, as a slow link would."""

    burst_bytes: int = 256 * 1024
    """What may go at once after a pause."""

    total_bytes: int = 4 * 1024**3
    """After that the session ends."""

    idle_s: float = 120.0
    """Without a datagram either way for that long the session ends."""

    lifetime_s: float = 24 * 3600.0
    """After that the session ends in any case; the client may bind anew."""

    def __post_init__(self) -> None:
        if min(self.bytes_per_second, self.burst_bytes, self.total_bytes) < 1:
            raise ValueError("a relay's rate, burst and total must be at least 1 byte")
        if min(self.idle_s, self.lifetime_s) <= 0:
            raise ValueError("a relay's idle_s and lifetime_s must be positive")


class Budget:
    """An Allowance being used. Times are seconds, monotonic; a token bucket limits the rate."""

    def __init__(self, allowance: Allowance, now: float) -> None:
        self._allowance = allowance
        self._tokens = float(allowance.burst_bytes)
        self._filled_at = now
        self._last_use = now
        self._expires_at = now + allowance.lifetime_s
        self.used_bytes = 0

    def take(self, size: int, now: float) -> bool:
        """Use ``size`` bytes; False when the rate or the total does not allow them now."""
        allowance = self._allowance
        filled = self._tokens + (now - self._filled_at) * allowance.bytes_per_second
        self._tokens = min(float(allowance.burst_bytes), filled)
        self._filled_at = now
        if size > self._tokens or self.used_bytes + size > allowance.total_bytes:
            # Asking is a sign of life too, but of the client only: it does not hold the session.
            return False
        self._tokens -= size
        self.used_bytes += size
        self._last_use = now
        return True

    def ended(self, now: float) -> str | None:
        """Why the session is over by now, or None."""
        if now >= self._expires_at:
            return "lifetime"
        if now - self._last_use >= self._allowance.idle_s:
            return "idle"
        # Less than a full datagram left is as good as nothing.
        if self.used_bytes + 1500 > self._allowance.total_bytes:
            return "total"
        return None

    def next_check(self, now: float) -> float:
        """When ``ended`` may have changed by time alone."""
        return max(now, min(self._expires_at, self._last_use + self._allowance.idle_s))


def check_target(target: Address, own_host: str) -> None:
    """Whether the relay may send there: to the world, and to places as private as its own.

    :raises AddressRefused: loopback, private, link-local, multicast, reserved, or a low port
    """
    host, own = check_form(target), ipaddress.ip_address(own_host.partition("%")[0])
    if host.is_loopback and not own.is_loopback:
        raise AddressRefused(f"{host} is the relay's own loopback")
    if is_local(host) and not is_local(own):
        raise AddressRefused(f"{host} is private to the relay")
