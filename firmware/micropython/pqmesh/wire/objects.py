# SPDX-License-Identifier: MIT OR Apache-2.0
"""How an object is broadcast in pieces of which any k are enough, and how it is asked for.

    fragment  0  1  class(2)=1 | version(3)=1 | 6           as in wire/fragment.py
              1  1  CODED (0x10), nothing else
              2  4  flow    = SHA-256("pqmesh1 head" || octets 0, 1 and 7 || head)[0:4]
              6  1  index   0 is the head, i is shard i - 1
              7  1  k       shards that the object has without parity, 1..64
              8  n  payload: head, or shard | path

    head      0  2  total   length of the object
              2  1  n       shards there are, parity included, k..255
              3  1  what    1 epoch object, 2 credential (credentials/intake.py)
              4  8  dtag    of the identity it is about
             12  8  id      = SHA-256(object)[0:8]
             20 6m  nodes   of one level of the hash tree over the n shards
    path         6d  from the leaf of this shard up to that level, the lowest sibling first

    leaf      = SHA-256("pqmesh1 shard" || salt || i || shard)[0:6], i = 0..n - 1
    join      = SHA-256("pqmesh1 join" || salt || level || place || left || right)[0:6]
    salt      = octets 0..19 of the head; a node without leaves is six zeros

d is the least depth at which all nodes of a level fit into the head: 0 for an epoch object in
frames of 222 octets, when the head lists every shard, 1 for a credential. Shards are those of
coding/reed_solomon.py, ceil(total / k) octets each.

    ObjFetch  0  1  0x88    1 1 flags    2 8 dtag    10 8 id    18 4 value    22 4 nonce

As a wish (flags 0), value is how many more fragments would do, 0 for all of them, and nonce is
random. With BITMAP (0x40) value names what is here, bit 0 the head, bit i shard i - 1: the rest of
the object's own shards is wanted. An id of zeros stands for whatever is on offer of this dtag.
As an answer (flags HAVE, 0x80) dtag is that of the node that answers, value is 0, and nonce is
SHA-256("pqmesh1 have" || SHA-256(object) || octets 0..21)[0:4].
"""

from ..compat import const
from ..errors import Malformed, UnknownKind
from .fields import U8, U16, U32, Fixed, Rest
from .fragment import CLASS_FRAGMENT, FLAG_CODED, FLOW_BYTES
from .handshake import VERSION
from .layout import WireObject, decode, names

OBJ_FETCH = const(0x88)
CODED_MODE = const(6)  # where a handshake has its mode
CODED_KIND = const(0x4E)  # CLASS_FRAGMENT << 6 | VERSION << 3 | CODED_MODE
FLAG_HAVE = const(0x80)
FLAG_BITMAP = const(0x40)

EPOCH_OBJECT = const(1)  # 64 + 3309 octets: credentials/epoch.py
CREDENTIAL = const(2)  # public key, epoch object and KEM leaf: credentials/intake.py

MAX_PARTS = const(64)  # k; coding/reed_solomon.py
MAX_COUNT = const(255)  # n; an index has one octet, and 0 is the head
DTAG_BYTES = const(8)
OBJECT_ID_BYTES = const(8)
SALT_BYTES = const(20)  # of a head: all but its nodes
HASH_BYTES = const(6)
FETCH_BYTES = const(26)
PROOF_BYTES = const(4)
_MAX_PAYLOAD = const(65_535)


class CodedFragment(WireObject):
    """One piece of a broadcast object: its head, or one of its shards.

    Version 1, in its first octet.

    Sender: anybody, for a head, which is taken when its object is wanted here. A shard is checked
        against the head's tree, the whole against its id, and what it says by the signature in it.
    Replay: a shard that is here changes nothing; an object that is here is not wanted.
    Rate: one hash for a fragment of a flow that is open, none for another, but for a few that wait
        for their head; bounded tables, in which only a flow without a shard gives way. A sender
        uses a hundredth of the channel, and stops once three neighbours have the object.
    """

    LAYOUT = (
        ("kind", U8),
        ("flags", U8),
        ("flow", Fixed(FLOW_BYTES)),
        ("index", U8),
        ("count", U8),
        ("payload", Rest(_MAX_PAYLOAD)),
    )
    FIELDS = names(LAYOUT)

    kind: int
    flags: int
    flow: bytes
    index: int
    count: int
    payload: bytes


class ObjectHead(WireObject):
    """The payload of fragment 0: what the object is, and what vouches for its shards.

    Version 1, that of the fragment it is in.

    Sender: as CodedFragment; the flow is named after it. It vouches for nothing but the shards:
        a head that lies about an object costs its reader the shards its liar sends.
    Replay: names the same flow again.
    Rate: as CodedFragment.
    """

    LAYOUT = (
        ("total", U16),
        ("shards", U8),
        ("what", U8),
        ("dtag", Fixed(DTAG_BYTES)),
        ("object_id", Fixed(OBJECT_ID_BYTES)),
        ("nodes", Rest(_MAX_PAYLOAD)),
    )
    FIELDS = names(LAYOUT)

    total: int
    shards: int
    what: int
    dtag: bytes
    object_id: bytes
    nodes: bytes


class ObjFetch(WireObject):
    """Asks for an object, or for what is still missing of it; or says that it is here.

    Version 1, that of the link's first octets.

    Sender: anybody, for a wish. That an object is here can only be said by who knows all 32
        octets of its hash, that is by who had the object.
    Replay: a nonce among the last few is ignored; an older one draws fragments within the budget.
        That one has an object, one has said for good; each dtag counts once.
    Rate: a wish draws a quarter more than it asks for and one, at most n, out of the sender's
        hundredth of the channel, however many ask. Who asks waits ever longer, and is content with
        what others drew.
    """

    LAYOUT = (
        ("kind", U8),
        ("flags", U8),
        ("dtag", Fixed(DTAG_BYTES)),
        ("object_id", Fixed(OBJECT_ID_BYTES)),
        ("value", U32),
        ("nonce", Fixed(PROOF_BYTES)),
    )
    FIELDS = names(LAYOUT)

    kind: int
    flags: int
    dtag: bytes
    object_id: bytes
    value: int
    nonce: bytes


ALL = (CodedFragment, ObjectHead, ObjFetch)


def decode_coded(frame: bytes) -> CodedFragment:
    """Parse one fragment of an object and check what can be checked without state.

    :raises Malformed: truncated, or an index, count or flag that there is not
    :raises UnknownKind: another class, version or kind of fragment
    """
    fragment = decode(CodedFragment, frame)
    if fragment.kind != CLASS_FRAGMENT << 6 | VERSION << 3 | CODED_MODE:
        raise UnknownKind("coded fragment of kind 0x%02x" % fragment.kind)
    if fragment.flags != FLAG_CODED or not 1 <= fragment.count <= MAX_PARTS:
        raise Malformed("coded fragment 0x%02x of %d" % (fragment.flags, fragment.count))
    return fragment


def decode_fetch(frame: bytes) -> ObjFetch:
    """Parse an ObjFetch.

    :raises Malformed: another length, or a value that its flags do not allow
    :raises UnknownKind: another kind, or flags of a later version
    """
    fetch = decode(ObjFetch, frame)
    if fetch.kind != OBJ_FETCH or fetch.flags not in (0, FLAG_BITMAP, FLAG_HAVE):
        raise UnknownKind("ObjFetch 0x%02x, flags 0x%02x" % (fetch.kind, fetch.flags))
    most = {0: MAX_COUNT, FLAG_HAVE: 0}.get(fetch.flags)
    if most is not None and fetch.value > most:
        raise Malformed("ObjFetch with a value of %d" % fetch.value)
    return fetch
