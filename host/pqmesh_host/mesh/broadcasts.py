# SPDX-License-Identifier: MIT OR Apache-2.0
"""Broadcast credentials on one link: ours go round, those of known boards come in.

What is on its way and what was sent outlives the opening of a link: every engine of the link has
the same carrier, so a cable that is pulled does not make a round begin anew, nor a new budget.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import Any

from pqmesh.airtime.plan import RadioPlan
from pqmesh.credentials.intake import CREDENTIAL_BYTES
from pqmesh.engine.stamps import dtag_of
from pqmesh.errors import UsageError
from pqmesh.limits import GATEWAY_OBJECTS, LinkProfile
from pqmesh.objects.beside import BroadcastEngine
from pqmesh.objects.carrier import Carrier, Learned, Rejected, wants_for
from pqmesh.objects.exchange import Exchange
from pqmesh.objects.shape import shape_of
from pqmesh.record import Record, replace
from pqmesh.wire.fragment import HEADER_BYTES

from ..driver import now_ms
from ..errors import OperatorError
from ..events import Event, EventBus
from ..store import Custody

REFRESH_S = 60.0
"""How long the names of known boards are believed to be all there are."""

ADVICE = "Remove `broadcast` from this link."
_STRANGERS_SHARE = 5
"""Broadcasts take no more than the part of a radio's airtime that is a stranger's."""


class Names:
    """Which PeerId a dtag stands for, of those that ``peers`` gives."""

    def __init__(
        self, peers: Callable[[], Iterable[bytes]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._peers = peers
        self._clock = clock
        self._names: dict[bytes, bytes] = {}
        self._fresh_until = -1.0

    def __call__(self, dtag: bytes) -> bytes | None:
        """Return the PeerId, None for a stranger's. Anybody's frame may ask: mostly a look-up."""
        if self._clock() >= self._fresh_until:
            self._names = {dtag_of(peer_id): peer_id for peer_id in self._peers()}
            self._fresh_until = self._clock() + REFRESH_S
        return self._names.get(dtag)


class LinkCarrier(Carrier):
    """A Carrier that tells the node's listeners what came of it, and its engine nothing."""

    def __init__(self, tell: Callable[[Record], None], *carrier: Any) -> None:
        super().__init__(*carrier)
        self._tell = tell

    def next_event(self, now: int) -> Record | None:
        while (event := super().next_event(now)) is not None:
            self._tell(event)
        return None


class Broadcasts:
    """
    :param peers: returns the PeerIds whose credentials are wanted
    :param plan: how the link sends, if it is a radio
    :raises OperatorError: its frames or its airtime do not do for a credential
    """

    def __init__(
        self,
        name: str,
        profile: LinkProfile,
        custody: Custody,
        peers: Callable[[], Iterable[bytes]],
        bus: EventBus,
        plan: RadioPlan | None = None,
    ) -> None:
        self._name = name
        self._peer_id = custody.identity.peer_id
        self._bus = bus
        names = Names(peers)
        limits = replace(GATEWAY_OBJECTS, share_permille=share_of(plan))
        try:
            shape_of(CREDENTIAL_BYTES, profile.mtu - HEADER_BYTES)
            exchange = Exchange(
                profile, os.urandom, dtag_of(self._peer_id), wants_for(names), limits
            )
        except UsageError as error:
            raise OperatorError(f"Link {name} cannot broadcast: {error}.", ADVICE) from error
        self.carrier = LinkCarrier(self._told, exchange, custody.keyring, custody.crypto, names)

    def engine(self, *engine: Any, **named: Any) -> BroadcastEngine:
        """Return an engine for an opening of the link, with what Engine takes."""
        self.carrier.spread(self._peer_id, now_ms())
        return BroadcastEngine(self.carrier, *engine, **named)

    def status(self) -> dict[str, int]:
        """For the snapshot: since the node started, but for ``used_ms`` of the last hour."""
        exchange = self.carrier.exchange
        return {
            "frames_out": exchange.stats.frames_sent,
            "octets_out": exchange.stats.bytes_sent,
            "frames_in": exchange.stats.frames_received,
            "refused": sum(exchange.stats.dropped.values()),
            "arrived": exchange.stats.arrived,
            "used_ms": exchange.used_ms(now_ms()),
        }

    def _told(self, event: Record) -> None:
        if isinstance(event, Learned):
            kind = "revoked" if event.killed else "learned"
            text = f"epoch {event.epoch}, {kind} by broadcast"
            details: dict[str, object] = {"epoch": event.epoch, "killed": event.killed}
            self._publish("credential", event.peer_id, text, details)
        elif isinstance(event, Rejected):
            text = f"a broadcast credential: {event.reason}"
            self._publish("dropped", event.peer_id, text, {})

    def _publish(self, kind: str, peer: bytes, text: str, details: dict[str, object]) -> None:
        self._bus.publish(Event(kind=kind, peer=peer, over=self._name, text=text, details=details))


def share_of(plan: RadioPlan | None) -> int:
    """Return how many thousandths of an hour broadcasts may use: 10, or a fifth of the rule."""
    if plan is None:
        return GATEWAY_OBJECTS.share_permille
    budget_us, window_us = plan.budget().rule
    return min(budget_us * 1000 // window_us // _STRANGERS_SHARE, GATEWAY_OBJECTS.share_permille)
