# SPDX-License-Identifier: MIT OR Apache-2.0
"""What must survive a restart or a power cut, in one SQLite file."""

from .addresses import AddressStore, KnownAddress
from .credentials import CredentialStore
from .custody import Custody, Provisioned
from .prekeys import PrekeyStore
from .sqlite import MAX_PEERS, KnownPeer, Store
from .tickets import TicketStore

__all__ = (
    "MAX_PEERS",
    "AddressStore",
    "CredentialStore",
    "Custody",
    "KnownAddress",
    "KnownPeer",
    "PrekeyStore",
    "Provisioned",
    "Store",
    "TicketStore",
)
