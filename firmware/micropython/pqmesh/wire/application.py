# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the programs at the two ends of a session say to each other: octets, and none of ours.

One message of a session (wire/session.py) or of a QUIC connection: acknowledged, in order with
others of its priority. The first octet keeps it apart from the mesh (wire/mesh.py) and from
provisioning (wire/provisioning.py).
"""

from ..compat import const
from .fields import U8, Rest
from .layout import WireObject, names

APPLICATION = const(0x60)
MAX_DATA_BYTES = const(65_534)


class Application(WireObject):
    """Octets of a program's own for the program at the other end.

    Version 1, in ``kind``: another one would be of another kind.

    Sender: the peer of the session, whose PeerId the handshake has proved.
    Replay: the session's replay window. Across sessions nothing tells a repeat: a program that
        sends again in a newer session numbers its messages itself.
    Rate: the window and queue of the session, and what a gateway takes from a QUIC peer; of what
        its program has not fetched a board holds 8 messages, a host 64, then the oldest goes,
        counted. A node whose program wants none drops them.
    """

    LAYOUT = (("kind", U8), ("data", Rest(MAX_DATA_BYTES)))
    FIELDS = names(LAYOUT)

    kind: int
    data: bytes
