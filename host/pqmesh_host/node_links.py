# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a node makes of the ``[[link]]`` sections: providers, profiles, runners."""

from __future__ import annotations

import os
from collections.abc import Sequence

from pqmesh.engine import Engine
from pqmesh.engine.floors import Floors
from pqmesh.identity import Identity
from pqmesh.limits import GATEWAY, SERIAL_LINK, LinkProfile
from pqmesh.record import replace

from .config import Config, LinkConfig, RadioConfig
from .crypto import HostCrypto
from .events import EventBus
from .mesh.broadcasts import Broadcasts
from .mesh.link_runner import LinkRunner, Trust
from .mesh.radio_air import RadioAir
from .mesh.switchboard import Switchboard
from .network_key import load_network_key
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
        config: Config,
    ) -> None:
        """
        :raises OperatorError: the network's key cannot be read
        """
        self.custody = Custody(store, identity, crypto)
        self.custody.renew()
        self.tickets = self.custody.tickets
        self._identity = identity
        self._crypto = crypto
        self._store = store
        self._switchboard = switchboard
        self._bus = bus
        self._config = config
        self._radio = config.radio if any(link.is_radio for link in config.link) else None
        key = None if self._radio is None else self._radio.network_key
        self._network_key = None if key is None else load_network_key(key)

    def runners(self, providers: Sequence[Provider]) -> list[LinkRunner]:
        """Return one runner for each provider; those beyond ``[[link]]`` get the defaults."""
        links = self._config.link
        return [
            self._runner(provider, links[at] if at < len(links) else None)
            for at, provider in enumerate(providers)
        ]

    def _runner(self, provider: Provider, link: LinkConfig | None) -> LinkRunner:
        radio = self._radio if link is not None and link.is_radio else None
        profile = profile_of(link, radio)
        policy = None if link is None else link.policy(self._config.floors)
        floors = None if policy is None else Floors(profile, policy)
        strangers = floors is not None and floors.strangers()
        casts = self._broadcasts(link, profile, radio)

        def make_engine(trust: Trust | None) -> Engine:
            return (Engine if casts is None else casts.engine)(
                *(self._identity, self._crypto, os.urandom, profile, trust, GATEWAY),
                tickets=self.tickets,
                keyring=self.custody.keyring,
                prekeys=self.custody.prekeys,
                floors=floors,
                network_key=None if radio is None else self._network_key,
            )

        runner = LinkRunner(
            provider,
            make_engine,
            self._switchboard,
            self._bus,
            expect=link.expect if link else None,
            likely=lambda last: self._likely(provider.name, last),
            wait=link.wait if link else False,
            air=None if radio is None else RadioAir(radio.plan(), strangers),
        )
        if casts is not None:
            runner.broadcast_status = casts.status
        return runner

    def _broadcasts(
        self, link: LinkConfig | None, profile: LinkProfile, radio: RadioConfig | None
    ) -> Broadcasts | None:
        """What goes round on a link beside its sessions, if its owner wants that."""
        if link is None or not link.broadcast:
            return None
        known = [link.expect] if link.expect else []

        def peers() -> list[bytes]:
            return known or [peer.peer_id for peer in self._store.peers()]

        plan = None if radio is None else radio.plan()
        return Broadcasts(link.label, profile, self.custody, peers, self._bus, plan)

    def _likely(self, name: str, last: bytes | None) -> bytes | None:
        """Whom the link carried last, if we can resume with it."""
        if last is None:
            over = [known.peer_id for known in self._store.peers() if known.over == name]
            last = over[0] if over else None
        return last if last is not None and self.tickets.load(last) is not None else None


def profile_of(link: LinkConfig | None, radio: RadioConfig | None = None) -> LinkProfile:
    """What the engine must know of a link; ``radio``: what it sends by, if it is one."""
    if link is not None and link.is_radio and radio is not None:
        return radio.plan().profile()
    return SERIAL_LINK if link is None else replace(SERIAL_LINK, bits_per_second=link.baud)


def provider_of(link: LinkConfig, radio: RadioConfig | None = None) -> Provider:
    """What opens a link. A radio is a modem on a serial port that sends each frame as it is."""
    mtu = profile_of(link, radio).mtu
    return SerialProvider(link.device, mtu=mtu, baud=link.baud, name=link.label, paced=link.paced)
