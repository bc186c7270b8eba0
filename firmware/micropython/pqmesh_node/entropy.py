# SPDX-License-Identifier: MIT OR Apache-2.0
"""The board's random source, with the start-up test NIST SP 800-90B section 4.3 asks for.

The health test finds a *stuck* source (an unclocked generator that repeats one octet, a
driver that returns zeros). It cannot find a predictable one: quality is the port's duty. Against
that helps a second source: what the gateway gave at provisioning is mixed in (``Mixer``), so that
a key is guessed only by whoever knows both.
"""

import os

from pqmesh.mixing import POOL_BYTES, draw, stir

from .compat import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .vault import Vault

# Repetition count test, SP 800-90B section 4.4.1: C = 1 + ceil(20 / H) for a false alarm
# rate of 2**-20. At H = 4 bits of min-entropy per octet C = 6.
_REPETITION_LIMIT = 6
_STARTUP_BYTES = 1024  # SP 800-90B section 4.3 item 10: at least 1,024 consecutive samples
_CHUNK = 64
_POOL = "pool"  # in the vault


class EntropyFailure(Exception):
    """The random source is stuck or missing; no key may be made from it."""


def entropy(count: int) -> bytes:
    """``count`` octets from the port's random source."""
    return os.urandom(count)


def check_source(source: "Callable[[int], bytes]" = entropy) -> None:
    """Raise EntropyFailure when ``source`` repeats itself. Call once, before the first key."""
    last = -1
    run = 0
    previous = b""
    for _ in range(_STARTUP_BYTES // _CHUNK):
        chunk = source(_CHUNK)
        if len(chunk) != _CHUNK or chunk == previous:
            raise EntropyFailure("the random source repeats whole blocks: do not use this board")
        previous = chunk
        for octet in chunk:
            run = run + 1 if octet == last else 1
            last = octet
            if run >= _REPETITION_LIMIT:
                raise EntropyFailure(
                    "the random source gave octet 0x%02x %d times in a row: do not use this board"
                    % (octet, run)
                )


class Mixer:
    """The board's randomness, and what it was given, mixed (pqmesh.mixing).

    The pool is kept in the vault; without one, the board's own randomness is passed through.

    :param source: the board's own randomness
    """

    def __init__(self, vault: "Vault", source: "Callable[[int], bytes]" = entropy) -> None:
        self._vault = vault
        self._source = source

    def stir(self, given: bytes) -> None:
        """Mix in 32 octets or more, durably. Raises StoreError, and Malformed for fewer."""
        pool = self._vault.load(_POOL) or bytes(POOL_BYTES)
        self._vault.save(_POOL, stir(pool, given))

    def __call__(self, count: int) -> bytes:
        """``count`` octets for a key, at most 8,160."""
        pool = self._vault.load(_POOL)
        if pool is None:
            return self._source(count)
        return draw(pool, self._source(max(count, POOL_BYTES)), count)
