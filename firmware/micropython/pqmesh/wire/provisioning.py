# SPDX-License-Identifier: MIT OR Apache-2.0
"""What an operator's machine and a new node say to each other over the cable, once a full
handshake has named both: everything that lets them meet on a radio later.

    O->N  Begin      time, entropy, which of the node's prekeys it has already
    N->O  Ready      what it has already of ours
    O->N  Start      what is still wanted
    both  Part       pieces of the credential (6,703 octets), in order       } in both directions
    both  Prekey     one-time keys, 64 up and 16 down, in order              } at once
    O->N  Finish     the plan: radio, floors, name
    N->O  Done       it is stored; the node is provisioned
    both  Refused    why it goes no further
    O->N  Now        the time, also in later sessions

Each is one message of a session (wire/session.py), so it is acknowledged, in order, and stored by
its receiver before its acknowledgement leaves. That is what makes an interrupted run resumable:
the next Begin and Ready say how far the last one came. The first octet keeps them apart from the
mesh (wire/mesh.py).
"""

from ..compat import TYPE_CHECKING, const
from ..errors import Malformed, UnknownKind
from .fields import U8, U16, U32, Fixed, Rest
from .layout import WireObject, decode, names

if TYPE_CHECKING:
    from ..compat import Buffer

VERSION = const(1)
TAG_BYTES = const(8)
ENTROPY_BYTES = const(32)
PART_BYTES = const(1024)
PLAN_BYTES = const(1024)
REASON_BYTES = const(128)

WANT_CREDENTIAL = const(1)  # flags of Ready and Start

_BEGIN, _READY, _START, _PART, _PREKEY, _FINISH, _DONE, _REFUSED, _NOW = range(0x50, 0x59)


class Begin(WireObject):
    """Ask a node whether it may be provisioned, and give it time and entropy.

    Version 1, in ``version``.

    Sender: the peer of a session that a full handshake has opened on a cable. A node that is
        pinned takes it from its gateway only; one that is not takes it from whoever holds the
        cable, and is pinned to that peer by Finish.
    Replay: the session's replay window; a second one begins anew, and nothing that was stored is
        undone.
    Rate: one run at a time; the node answers each with one Ready.
    """

    LAYOUT = (
        ("kind", U8),
        ("version", U8),
        ("now_s", U32),  # Unix time; 0: not known
        ("epoch_floor", U16),  # the highest epoch the operator has accepted of the node; 0: none
        ("entropy", Fixed(ENTROPY_BYTES)),  # mixed into every secret the node makes from now on
        ("chain", Fixed(TAG_BYTES)),  # names the operator's chain of prekeys for this node
        ("credential_id", Fixed(TAG_BYTES)),  # of the operator's present KEM key
    )
    FIELDS = names(LAYOUT)

    kind: int
    version: int
    now_s: int
    epoch_floor: int
    entropy: bytes
    chain: bytes
    credential_id: bytes


class Ready(WireObject):
    """The node's answer: its keys exist, and this much of the operator's it has.

    Version 1, that of the Begin.

    Sender: the node, in the same session.
    Replay: the session's replay window.
    Rate: one for each Begin.
    """

    LAYOUT = (
        ("kind", U8),
        ("flags", U8),  # bit 0: it lacks the operator's credential | rest zero
        ("chain", Fixed(TAG_BYTES)),  # names the node's chain of prekeys for this operator
        ("index", U16),  # the first key of it that can still be handed out
        ("stocked", U16),  # the first key of the operator's chain that it lacks
        ("left", U16),  # keys of the operator's that it has not used yet
        ("epoch_floor", U16),  # the highest epoch the node has accepted of the operator; 0: none
        ("credential_id", Fixed(TAG_BYTES)),  # of the node's present KEM key
    )
    FIELDS = names(LAYOUT)

    kind: int
    flags: int
    chain: bytes
    index: int
    stocked: int
    left: int
    epoch_floor: int
    credential_id: bytes


class Start(WireObject):
    """Tell the node what to send; both sides now send what the other lacks.

    Version 1, that of the Begin.

    Sender: the operator, in the same session.
    Replay: the session's replay window.
    Rate: one for each Ready; at most 128 prekeys.
    """

    LAYOUT = (
        ("kind", U8),
        ("flags", U8),  # bit 0: the node's credential is wanted | rest zero
        ("first", U16),  # prekeys that are wanted: from this one on,
        ("count", U8),  # so many
    )
    FIELDS = names(LAYOUT)

    kind: int
    flags: int
    first: int
    count: int


class Part(WireObject):
    """A piece of a credential. It lies where the piece before it ended.

    Version 1, that of the Begin.

    Sender: either side, about itself; the credential is signed besides (credentials/epoch.py).
    Replay: the session's replay window; the offset says so besides.
    Rate: only what was asked for with a flag, 6,703 octets.
    """

    LAYOUT = (("kind", U8), ("offset", U16), ("octets", Rest(PART_BYTES)))
    FIELDS = names(LAYOUT)

    kind: int
    offset: int
    octets: bytes


class Prekey(WireObject):
    """One one-time ML-KEM-768 key of the sender's, by its number in the chain.

    Version 1, that of the Begin.

    Sender: either side, about itself; vouched for by the session.
    Replay: the session's replay window; a number that is not the next one is refused.
    Rate: only what was asked for.
    """

    LAYOUT = (("kind", U8), ("index", U16), ("public", Fixed(1184)))
    FIELDS = names(LAYOUT)

    kind: int
    index: int
    public: bytes


class Finish(WireObject):
    """Everything has come; here is the plan. The node stores it and belongs to this operator.

    Version 1, that of the Begin.

    Sender: the operator, in the same session.
    Replay: the session's replay window; storing the same plan again changes nothing.
    Rate: one for each Start.
    """

    LAYOUT = (("kind", U8), ("plan", Rest(PLAN_BYTES)))  # a CBOR map, pqmesh_node/plan.py
    FIELDS = names(LAYOUT)

    kind: int
    plan: bytes


class Done(WireObject):
    """The node has stored everything, and says what it has now.

    Version 1, that of the Begin.

    Sender: the node, in the same session.
    Replay: the session's replay window.
    Rate: one for each Finish.
    """

    LAYOUT = (
        ("kind", U8),
        ("epoch", U16),  # of the node's credential
        ("stocked", U16),  # prekeys of the operator's
    )
    FIELDS = names(LAYOUT)

    kind: int
    epoch: int
    stocked: int


class Refused(WireObject):
    """Provisioning goes no further, for a reason that people can read (UTF-8).

    Version 1, also where the other side's version is not known.

    Sender: either side, in the same session.
    Replay: the session's replay window.
    Rate: one for each message that is refused; never in answer to a Refused.
    """

    LAYOUT = (("kind", U8), ("reason", Rest(REASON_BYTES)))
    FIELDS = names(LAYOUT)

    kind: int
    reason: bytes


class Now(WireObject):
    """What time it is, for a node that has no clock of its own.

    Version 1.

    Sender: the gateway that the node is pinned to, in any session.
    Replay: the session's replay window; a time before the one that is known is ignored.
    Rate: one at the beginning of a session.
    """

    LAYOUT = (("kind", U8), ("now_s", U32))
    FIELDS = names(LAYOUT)

    kind: int
    now_s: int


ALL = (Begin, Ready, Start, Part, Prekey, Finish, Done, Refused, Now)
_KINDS: "dict[int, type[WireObject]]" = {
    _BEGIN: Begin,
    _READY: Ready,
    _START: Start,
    _PART: Part,
    _PREKEY: Prekey,
    _FINISH: Finish,
    _DONE: Done,
    _REFUSED: Refused,
    _NOW: Now,
}


def is_provisioning(message: "Buffer") -> bool:
    """Whether a session's message is one of these."""
    return len(message) > 0 and message[0] in _KINDS


def parse(message: "Buffer") -> WireObject:
    """Parse one message.

    :raises UnknownKind: none of these, or a Begin of another version
    :raises Malformed: truncated, too long, or with unknown flags
    """
    if not is_provisioning(message):
        raise UnknownKind("not a message of provisioning")
    if message[0] == _BEGIN and len(message) > 1 and message[1] != VERSION:
        raise UnknownKind("provisioning of version %d" % message[1])
    value = decode(_KINDS[message[0]], message)
    if isinstance(value, (Ready, Start)) and value.flags & ~WANT_CREDENTIAL:
        raise Malformed("unknown flags 0x%02x" % value.flags)
    return value


def begin(
    now_s: int, epoch_floor: int, entropy: bytes, chain: bytes, credential_id: bytes
) -> bytes:
    """Return the octets of a Begin."""
    return Begin(_BEGIN, VERSION, now_s, epoch_floor, entropy, chain, credential_id).encode()


def ready(
    flags: int,
    chain: bytes,
    index: int,
    stock: "tuple[int, int]",
    epoch_floor: int,
    credential_id: bytes,
) -> bytes:
    """Return the octets of a Ready; ``stock``: (the first key it lacks, keys it has left)."""
    stocked, left = stock
    return Ready(_READY, flags, chain, index, stocked, left, epoch_floor, credential_id).encode()


def start(flags: int, first: int, count: int) -> bytes:
    """Return the octets of a Start."""
    return Start(_START, flags, first, count).encode()


def part(offset: int, octets: bytes) -> bytes:
    """Return the octets of a Part."""
    return Part(_PART, offset, octets).encode()


def prekey(index: int, public: bytes) -> bytes:
    """Return the octets of a Prekey."""
    return Prekey(_PREKEY, index, public).encode()


def finish(plan: bytes) -> bytes:
    """Return the octets of a Finish."""
    return Finish(_FINISH, plan).encode()


def done(epoch: int, stocked: int) -> bytes:
    """Return the octets of a Done."""
    return Done(_DONE, epoch, stocked).encode()


def refused(reason: str) -> bytes:
    """Return the octets of a Refused; a long reason is cut."""
    return Refused(_REFUSED, reason.encode()[:REASON_BYTES]).encode()


def now(now_s: int) -> bytes:
    """Return the octets of a Now."""
    return Now(_NOW, now_s).encode()
