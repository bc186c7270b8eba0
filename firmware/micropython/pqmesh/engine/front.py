# SPDX-License-Identifier: MIT OR Apache-2.0
"""What lies before M1, in the transcript and in M1 itself, whatever the mode.

a shared link      HELLO and RETRY have gone before; M1 begins with their Echo
a single neighbour HS-K: M1 begins with the Hello, there is no RETRY. HS-S: nothing
"""

from ..compat import TYPE_CHECKING
from ..record import Record
from ..wire.resumption import CID_BYTES

if TYPE_CHECKING:
    from .entry import Entry


class Front(Record):
    """How the two came to M1."""

    FIELDS = ("hello", "retry", "octets", "cid")

    hello: bytes  # the frames whole, for th0; empty where they are skipped
    retry: bytes
    octets: bytes  # M1 begins with them
    cid: int  # of the initiator: the first two octets of HELLO's nonce


NO_FRONT = Front(b"", b"", b"", 0)


def front_of(entry: "Entry", octets: bytes) -> Front:
    """Return the front of an M1 that begins with ``octets``, after what ``entry`` settled."""
    cid = int.from_bytes(entry.nonce_i[:CID_BYTES], "big")
    return Front(entry.hello, entry.retry, octets, cid)
