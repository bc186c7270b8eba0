# SPDX-License-Identifier: MIT OR Apache-2.0
"""A board's flash and identity, from which every start makes a Custody."""

from pathlib import Path

from pqmesh_node.custody import Custody
from pqmesh_node.slots import BlockSlots
from pqmesh_node.store import Directory, Store
from pqmesh_node.vault import Vault
from pqmesh_node.walltime import WallTime

from .credentials import CRYPTO, START, Owner
from .nor_flash import NorFlash


class Ticks:
    def now(self) -> int:
        return 0


class Board:
    """``start`` is what power-up makes of the flash; ``time`` is the last start's."""

    def __init__(self, folder: Path) -> None:
        self.owner = Owner(b"board")
        self.directory = Directory(str(folder))
        self.flash = NorFlash()

    def start(self) -> Custody:
        self.time = WallTime(Ticks())
        self.time.set(START)
        vault = Vault(BlockSlots(self.flash, 0))
        store = Store(self.directory)
        return Custody(store, vault, self.owner.identity, CRYPTO, self.time, self.owner.entropy)
