# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a node makes of the ``[[link]]`` sections: providers, profiles, runners."""

from __future__ import annotations

import os
from collections.abc import Sequence

from pqmesh.engine import Engine
from pqmesh.identity import Identity
from pqmesh.limits import GATEWAY, SERIAL_LINK, LinkProfile
from pqmesh.record import replace

from .config import LinkConfig
from .crypto import HostCrypto
from .events import EventBus
from .mesh.link_runner import LinkRunner, Trust
from .mesh.switchboard import Switchboard
from .store import Custody, Store
from .transports.base import Provider
from .transports.serial import SerialProvider


class Links:
    """The links of one node, and the tickets that all of them share."""

    def __init__(
        self,
        identity: Identity,
        crypto: HostCrypto,
        store: Store,
        switchboard: Switchboard,
        bus: EventBus,
    ) -> None:
        self.custody = Custody(store, identity, crypto)
        self.custody.renew()
        self.tickets = self.custody.tickets
        self._identity = identity
        self._crypto = crypto
        self._store = store
        self._switchboard = switchboard
        self._bus = bus

    def runners(
        self, providers: Sequence[Provider], links: Sequence[LinkConfig]
    ) -> list[LinkRunner]:
        """Return one runner for each provider; those beyond ``links`` get the defaults."""
        return [
            self._runner(provider, links[at] if at < len(links) else None)
            for at, provider in enumerate(providers)
        ]

    def _runner(self, provider: Provider, link: LinkConfig | None) -> LinkRunner:
        profile = profile_of(link)

        def make_engine(trust: Trust | None) -> Engine:
            return Engine(
                *(self._identity, self._crypto, os.urandom, profile, trust, GATEWAY),
                tickets=self.tickets,
                keyring=self.custody.keyring,
                prekeys=self.custody.prekeys,
            )

        return LinkRunner(
            provider,
            make_engine,
            self._switchboard,
            self._bus,
            expect=link.expect if link else None,
            likely=lambda last: self._likely(provider.name, last),
            wait=link.wait if link else False,
        )

    def _likely(self, name: str, last: bytes | None) -> bytes | None:
        """Whom the link carried last, if we can resume with it."""
        if last is None:
            over = [known.peer_id for known in self._store.peers() if known.over == name]
            last = over[0] if over else None
        return last if last is not None and self.tickets.load(last) is not None else None


def profile_of(link: LinkConfig | None) -> LinkProfile:
    return SERIAL_LINK if link is None else replace(SERIAL_LINK, bits_per_second=link.baud)


def provider_of(link: LinkConfig) -> Provider:
    return SerialProvider(
        link.device, mtu=SERIAL_LINK.mtu, baud=link.baud, name=link.label, paced=link.paced
    )
