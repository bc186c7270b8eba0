# SPDX-License-Identifier: MIT OR Apache-2.0
"""Everything secret a node keeps besides its identity, and what goes with it, opened once.

vault     the secrets themselves
tickets   for HS-R and its kin: an Engine takes them as they are
random    the board's randomness, mixed with what provisioning gave
keys      KEM keys and prekeys (keys.py): None until the node has any
"""

from pqmesh.compat import TYPE_CHECKING

from .entropy import Mixer
from .tickets import TicketStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pqmesh.identity import Identity
    from pqmesh.limits import LinkProfile

    from .keys import KeyCustody
    from .radio import Radio
    from .store import Store
    from .vault import Vault
    from .walltime import WallTime

_KEY_NAMES = ("o", "c")  # in the vault: our epochs, our chains


class Custody:
    """
    :param store: for what is public
    :param vault: for what is not
    :param time: what keys' dates are held against
    :param entropy: the board's own randomness

    Raises store.StoreError when the flash fails. What is damaged is dropped and counted.
    """

    def __init__(
        self,
        store: "Store",
        vault: "Vault",
        identity: "Identity",
        crypto: "Any",
        time: "WallTime",
        entropy: "Callable[[int], bytes]",
    ) -> None:
        self.vault = vault
        self.random = Mixer(vault, entropy)
        self.tickets = TicketStore(vault, time.seconds)
        self.keys: "KeyCustody | None" = None
        self._given = (store, vault, identity, crypto, time, self.random)
        if [name for name in vault.names() if name[0] in _KEY_NAMES]:
            self.open_keys()

    def open_keys(self) -> "KeyCustody":
        """KEM keys and prekeys, empty at first; opened once. Raises StoreError."""
        if self.keys is None:
            from .keys import KeyCustody

            self.keys = KeyCustody(*self._given)
        return self.keys

    def engine_ports(self, radio: "Radio | None" = None) -> "dict[str, Any]":
        """What an Engine takes by name; ``radio``: of the link it serves."""
        ports: "dict[str, Any]" = {"tickets": self.tickets}
        if self.keys is not None:
            ports["keyring"], ports["prekeys"] = self.keys.keyring, self.keys.prekeys
        if radio is not None:
            ports.update(radio.ports)
        return ports

    def radio(self, profile: "LinkProfile") -> "Radio | None":
        """What the stored plan makes of a link that others share; None of a cable.

        Raises settings.SettingsError when the plan cannot be kept.
        """
        if profile.point_to_point:
            return None
        from .radio import Radio  # a cable pays nothing for it

        return Radio(self._given[0], self.vault, profile)

    def forget(self, peer_id: bytes) -> None:
        """Erase all there is of a peer: ticket, key, prekeys. Raises StoreError."""
        self.tickets.forget(peer_id)
        if self.keys is not None:
            self.keys.forget(peer_id)

    def counts(self) -> "dict[str, Any]":
        """What was damaged, displaced, or could not be stored."""
        counts: "dict[str, Any]" = {
            "vault_damaged": int(self.vault.damaged),
            "tickets": self.tickets.counts,
        }
        if self.keys is not None:
            counts.update(self.keys.counts())
        return counts
