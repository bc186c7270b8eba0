# SPDX-License-Identifier: MIT OR Apache-2.0
"""Stamps: a little work that a stranger does before a node under load spends airtime on it.

    subject = network 8 || dtag 8 || binding 16
    stamp   = 8 octets with which SHA-256("pqmesh1 stamp" || subject || stamp) has b leading zeros
    dtag    = SHA-256("pqmesh1 dtag" || PeerId of the verifier)[0:8]    zeros if it has no name

The binding of a handshake's stamp is RETRY's cookie: no clock is needed, work cannot be done
ahead, and the dtag keeps one node's cookie from being worked off for another. A verification is
one hash of one block. Finding one takes 2^b hashes on average, in steps as long as the caller
likes, so that a board goes on serving its links meanwhile. It stops no attacker with a PC; why
nothing stronger can be asked of a board is in constrained-design 6.5.
"""

import hashlib

from ..compat import const
from ..errors import UsageError
from ..kdf import DOMAIN_DTAG, DOMAIN_STAMP, PREFIX, domain_hash

STAMP_BYTES = const(8)
NETWORK_BYTES = const(8)
DTAG_BYTES = const(8)
BINDING_BYTES = const(16)
SUBJECT_BYTES = const(32)
MAX_BITS = const(24)  # hours on a board; nobody can be asked for more
MAX_HANDSHAKE_BITS = const(18)  # a minute and a half on a board in C, 0.1 s on a gateway
_COUNTER_BYTES = const(4)  # of a stamp that count the tries, the others are drawn


def dtag_of(peer_id: bytes) -> bytes:
    """Return the 8-octet routing hint of a PeerId. Never a proof of anything."""
    digest = domain_hash(DOMAIN_DTAG)
    digest.update(peer_id)
    return digest.digest()[:DTAG_BYTES]


def subject_of(dtag: bytes, binding: bytes, network: bytes = bytes(NETWORK_BYTES)) -> bytes:
    """Return what a stamp is for, 32 octets.

    :param dtag: of who will verify it; zeros where that node has no name yet
    :param binding: 16 octets that cannot be foreseen, or that fix time and message
    :raises UsageError: a part has another length
    """
    subject = network + dtag + binding
    if len(network) != NETWORK_BYTES or len(dtag) != DTAG_BYTES or len(subject) != SUBJECT_BYTES:
        raise UsageError("the subject of a stamp is 8, 8 and 16 octets")
    return subject


def holds(subject: bytes, stamp: bytes, bits: int) -> bool:
    """Whether ``stamp`` is good for ``subject``. One hash; none for 0 bits."""
    if not bits:
        return True
    return len(stamp) == STAMP_BYTES and _leads(_begin(subject), stamp, _bound(bits))


class Search:
    """Looks for a stamp, a few tries at a time.

    :param start: 4 random octets, so that two searches for one subject do not try the same
    :raises UsageError: more bits than MAX_BITS, or a start of another length
    """

    def __init__(self, subject: bytes, bits: int, start: bytes) -> None:
        if not 0 <= bits <= MAX_BITS or len(start) != STAMP_BYTES - _COUNTER_BYTES:
            raise UsageError("a stamp has 0..%d bits and 4 octets to start from" % MAX_BITS)
        self.stamp: "bytes | None" = None if bits else bytes(STAMP_BYTES)  # once it is found
        self.tries = 0
        self._text = _begin(subject)
        self._bound = _bound(bits)
        self._start = start

    def step(self, count: int) -> bool:
        """Make up to ``count`` tries; return whether the stamp is found."""
        until = self.tries + count
        while self.stamp is None and self.tries < until:
            stamp = self._start + self.tries.to_bytes(_COUNTER_BYTES, "big")
            self.tries += 1
            if _leads(self._text, stamp, self._bound):
                self.stamp = stamp
        return self.stamp is not None


def _begin(subject: bytes) -> bytes:
    return PREFIX + DOMAIN_STAMP + subject


def _bound(bits: int) -> int:
    """The first four octets of the hash, as a number, must be below this."""
    return 1 << (32 - bits)


def _leads(text: bytes, stamp: bytes, bound: int) -> bool:
    first = hashlib.sha256(text + stamp).digest()[:4]
    return int.from_bytes(first, "big") < bound
