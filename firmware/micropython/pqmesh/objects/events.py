# SPDX-License-Identifier: MIT OR Apache-2.0
"""What an Exchange tells its owner."""

from ..compat import TYPE_CHECKING
from ..record import Record

if TYPE_CHECKING:
    from ..compat import Buffer


class Arrived(Record):
    """An object is here, and is the one that its id names. Answer with ``accept`` or ``reject``.

    Whose it is and whether it is any good, only the owner can tell: by the signature in it.
    """

    FIELDS = ("what", "dtag", "object_id", "octets")

    what: int  # wire.objects.EPOCH_OBJECT and its like
    dtag: bytes  # a hint: of whom its head said that it is
    object_id: bytes
    octets: "Buffer"


class Spread(Record):
    """An object of ours need not be sent any more, or has been sent once."""

    FIELDS = ("object_id", "neighbours")

    object_id: bytes
    neighbours: int  # that said they have it, at most NEIGHBOURS


class Missed(Record):
    """An object that was asked for, or had begun, will not come."""

    FIELDS = ("dtag", "object_id")

    dtag: bytes
    object_id: bytes  # zeros where none was known
