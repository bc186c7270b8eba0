# SPDX-License-Identifier: MIT OR Apache-2.0
"""The board's random source, with the start-up test NIST SP 800-90B section 4.3 asks for.

The health test finds a *stuck* source (an unclocked generator that repeats one octet, a
driver that returns zeros). It cannot find a predictable one: quality is the port's duty.
"""

import os

from .compat import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Repetition count test, SP 800-90B section 4.4.1: C = 1 + ceil(20 / H) for a false alarm
# rate of 2**-20. At H = 4 bits of min-entropy per octet C = 6.
_REPETITION_LIMIT = 6
_STARTUP_BYTES = 1024  # SP 800-90B section 4.3 item 10: at least 1,024 consecutive samples
_CHUNK = 64


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
