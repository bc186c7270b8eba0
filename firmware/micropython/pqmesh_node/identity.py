# SPDX-License-Identifier: MIT OR Apache-2.0
"""The board's identity: made once, at first boot, and kept across restarts and power cuts.

The record ``identity`` holds the 32-byte ML-DSA-65 seed (FIPS 204 algorithm 1's xi), from
which the key pair and the PeerId follow. The seed never leaves the board.
"""

from pqmesh.identity import Identity

from .compat import TYPE_CHECKING
from .entropy import check_source
from .store import RecordDamaged

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .store import Store

RECORD = "identity"
SEED_BYTES = 32


def load_or_create(store: "Store", crypto: "Any", entropy: "Callable[[int], bytes]") -> Identity:
    """The identity in ``store``; at first boot a new one, durable before it is returned.

    A PeerId that another node may have seen is therefore always on flash already, in both
    slots. Raises RecordDamaged rather than silently becoming somebody else, and
    entropy.EntropyFailure when a first identity is wanted from a stuck random source.
    """
    seed = store.load(RECORD)
    if seed is None:
        check_source(entropy)
        seed = entropy(SEED_BYTES)
        store.save_both(RECORD, seed)
    elif len(seed) != SEED_BYTES:
        raise RecordDamaged(
            "record identity holds %d bytes instead of %d; erase it to become a new peer"
            % (len(seed), SEED_BYTES)
        )
    elif store.slots(RECORD) < 2:
        store.save(RECORD, seed)  # heal: a cut during the very first boot, or a worn slot
    return Identity(seed, crypto)
