# SPDX-License-Identifier: MIT OR Apache-2.0
"""Two random sources in one, by HKDF (RFC 5869): as good as the better of the two.

    pool'   = Extract(pool, given)
    random  = D(Extract(pool, own), "entropy", "", count)

``given`` comes from a gateway at provisioning, ``own`` from the node's hardware at every draw. A
key is guessed only by whoever knows both (constrained-design 3.2).
"""

from .errors import Malformed
from .kdf import HASH_BYTES, LABEL_ENTROPY, derive, extract

POOL_BYTES = HASH_BYTES


def stir(pool: bytes, given: bytes) -> bytes:
    """Return the pool after 32 octets or more were mixed in; before the first: 32 zeros.

    :raises Malformed: fewer
    """
    if len(given) < HASH_BYTES:
        raise Malformed("entropy of %d bytes" % len(given))
    return extract(pool, given)


def draw(pool: bytes, own: bytes, count: int) -> bytes:
    """Return ``count`` octets, at most 8,160; ``own``: as many, and 32 at the least, fresh ones.

    :raises UsageError: more
    """
    return derive(extract(pool, own), LABEL_ENTROPY, b"", count)
