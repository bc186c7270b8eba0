# SPDX-License-Identifier: MIT OR Apache-2.0
"""The KEM keys of HS-K: our own, by epoch and slot, and those that our peers have certified.

Both sides of a change are held for a while, because the other end learns of it later. Our own
epoch before the newest is honoured until its signed end; our slot before the present, until the
next rotation. Of a peer, the key before the newest is found by whoever still names it, as long as
the CredentialBook gives its epoch grace.

Everything is in memory. What must outlive a restart goes through ``on_change(what, value)``,
which must be durable when it returns:

    OWN      OwnEpoch    begun or rotated: store both of its parts
    DROPPED  int         this epoch of ours is over: erase both
    PEER     PeerState   replaces that of the same peer
    FORGOT   bytes       erase the state of this PeerId

Bounded: two epochs of our own, ``capacity`` peers of at most 2.5 KB each. A full keyring refuses
a new peer and forgets nobody; see CredentialBook.
"""

from ..compat import TYPE_CHECKING, const
from ..crypto import KEM_COINS_BYTES, KEM_PUBLIC_BYTES
from ..errors import Malformed, Unexpected, UsageError
from ..identity import PEER_ID_BYTES, short
from ..record import Record
from .book import CredentialBook
from .epoch import BODY_BYTES, Epoch, open_leaf, parse_body
from .ids import OwnKey, PeerKey, credential_id_of
from .intake import CREDENTIAL_BYTES, Intake

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..crypto import Crypto
    from ..identity import Identity
    from .own import OwnEpoch

__all__ = (
    "CREDENTIAL_BYTES",
    "DROPPED",
    "FORGOT",
    "OWN",
    "PEER",
    "Keyring",
    "OwnKey",
    "PeerKey",
    "PeerState",
    "credential_id_of",
)

OWN = const(0)
DROPPED = const(1)
PEER = const(2)
FORGOT = const(3)

_FORM = const(1)  # of a stored PeerState
_HEAD_BYTES = const(99)  # form 1, PeerId 32, body 64, slot 2
_OWN_EPOCHS = const(2)


class PeerState(Record):
    """What is kept of a peer's credential once it has been judged."""

    FIELDS = ("peer_id", "epoch", "slot", "public")

    peer_id: bytes
    epoch: Epoch
    slot: int
    public: bytes  # 1184 bytes; empty when the identity was revoked

    def key(self) -> PeerKey:
        """Return it as the handshake wants it."""
        number = self.epoch.epoch
        name = credential_id_of(self.peer_id, number, self.slot, self.public)
        return PeerKey(self.peer_id, number, self.public, name)

    def encode(self) -> bytes:
        """Return it as it is stored: 99 bytes, or 1283 with a key."""
        body = bytes((_FORM,)) + self.peer_id + self.epoch.encode()
        return body + self.slot.to_bytes(2, "big") + self.public

    @staticmethod
    def decode(blob: bytes) -> "PeerState":
        """Return what ``encode`` was of.

        :raises ProtocolError: another form
        """
        at = 1 + PEER_ID_BYTES
        if len(blob) not in (_HEAD_BYTES, _HEAD_BYTES + KEM_PUBLIC_BYTES) or blob[0] != _FORM:
            raise Malformed("a stored credential of %d bytes" % len(blob))
        epoch = parse_body(bytes(blob[at : at + BODY_BYTES]))
        slot = int.from_bytes(bytes(blob[at + BODY_BYTES : _HEAD_BYTES]), "big")
        return PeerState(bytes(blob[1:at]), epoch, slot, bytes(blob[_HEAD_BYTES:]))


class _Peer:
    """One peer: its state, its key, and the key before that."""

    def __init__(self, state: PeerState, before: "PeerKey | None") -> None:
        self.state = state
        self.key = state.key()
        self.before = before


class Keyring:
    """All KEM keys of one node.

    :param identity: who we are
    :param crypto: of the port pqmesh.crypto
    :param capacity: peers
    :param clock: returns Unix seconds, or None while they are not known; None: never known
    :param on_change: see above; None: nothing outlives this object
    """

    def __init__(
        self,
        identity: "Identity",
        crypto: "Crypto",
        capacity: int,
        clock: "Callable[[], int | None] | None" = None,
        on_change: "Callable[[int, Any], None] | None" = None,
    ) -> None:
        self._identity = identity
        self._crypto = crypto
        self._clock = clock
        self._on_change = on_change
        self._book = CredentialBook(capacity)
        self._own: "list[OwnEpoch]" = []  # the newest first
        self._peers: "dict[bytes, _Peer]" = {}

    # Our own

    def adopt(self, epoch: "OwnEpoch", stored: bool = False) -> None:
        """Take an epoch of ours, newer than those we have; of more than two the oldest is over.

        One with FLAG_KILL ends the others: nothing of this identity may be used any more.

        :param stored: it comes from where on_change put it
        :raises UsageError: it is not newer, or not ours
        """
        if epoch.peer_id != self._identity.peer_id:
            raise UsageError("an epoch of another identity")
        if self._own and epoch.number <= self._own[0].number:
            raise UsageError("epoch %d after %d" % (epoch.number, self._own[0].number))
        if not stored:
            self._tell(OWN, epoch)
        self._own.insert(0, epoch)
        for old in self._own[1 if epoch.epoch.killed else _OWN_EPOCHS :]:
            self._drop(old)

    def rotate(self) -> None:
        """Let the newest epoch move on to its next slot.

        :raises Exhausted: it has none; a new epoch is due
        :raises UsageError: there is no epoch
        """
        if not self._own:
            raise UsageError("no epoch to rotate in")
        self._tell(OWN, self._own[0].rotated())
        self._own[0].rotate()

    def tidy(self) -> None:
        """Overwrite the seeds of epochs that have ended. Once a day is often enough."""
        for epoch in list(self._own):
            if not self._usable(epoch):
                self._drop(epoch)

    def own(self, credential_id: bytes) -> "OwnKey | None":
        """Return the key of ours that is named, if it may be used now; else None."""
        for epoch in self._own:
            if self._usable(epoch):
                for key in epoch.keys(self._crypto):
                    if key.credential_id == credential_id:
                        return key
        return None

    def current(self) -> "OwnKey | None":
        """Return the key that we begin handshakes with; None without a valid epoch."""
        epoch = self._current()
        return None if epoch is None else epoch.keys(self._crypto)[0]

    def credential(self) -> bytes:
        """Return public key | epoch object | leaf of what ``current`` gives, 6703 bytes.

        :raises UsageError: there is no valid epoch
        :raises Unexpected: it is stored, and cannot be read
        """
        epoch = self._current()
        if epoch is None:
            raise UsageError("no valid epoch of ours")
        return self._identity.public_key + epoch.object + epoch.leaf(self._crypto)

    # Peers

    def restore(self, state: PeerState) -> None:
        """Take a peer's state from where on_change put it.

        :raises Exhausted: there are more than the keyring was made for
        """
        self._book.accept(state.peer_id, state.epoch)
        self._peers[state.peer_id] = _Peer(state, None)

    def peer(self, peer_id: bytes) -> "PeerKey | None":
        """Return the newest key of a peer, if its epoch is valid now; else None."""
        peer = self._peers.get(peer_id)
        return peer.key if peer is not None and self._valid(peer.key) else None

    def find_peer(self, credential_id: bytes) -> "PeerKey | None":
        """Return the key that is named, of whichever peer, if its epoch is valid now."""
        for peer in self._peers.values():
            for key in (peer.key, peer.before):
                if key is not None and key.credential_id == credential_id and self._valid(key):
                    return key
        return None

    def floor(self, peer_id: bytes) -> int:
        """Return the highest epoch accepted of a peer, below which none is; -1 for a stranger."""
        epoch = self._book.current(peer_id)
        return -1 if epoch is None else epoch.epoch

    def intake(
        self,
        crypto: "Crypto",
        expect: "bytes | None" = None,
        now_s: "int | None" = None,
    ) -> Intake:
        """Return what a credential is fed to as it arrives; ``take`` what is complete.

        :param expect: the PeerId it must be of; None takes anybody's
        :param now_s: here and below: Unix seconds, None asks the keyring's own clock
        """
        return Intake(crypto, expect, lambda peer, epoch: self._judge(peer, epoch, now_s))

    def take(self, intake: Intake, now_s: "int | None" = None) -> PeerKey:
        """Accept a complete intake: durably, when this returns. One encapsulation.

        :raises Unexpected: epoch or slot is older than what we have, expired, or revoked; this
            one is raised when a revocation has been accepted, too
        :raises BadKey: the key fails the input check of FIPS 203
        :raises Exhausted: no room for another peer
        :raises UsageError: the intake is not complete
        """
        epoch = intake.epoch
        if epoch is None or not intake.complete():
            raise UsageError("a credential that is not complete")
        self._judge(intake.peer_id, epoch, now_s)
        state = PeerState(intake.peer_id, epoch, intake.slot, intake.public)
        return self._accept(state, now_s)

    def learn(self, blob: bytes, crypto: "Crypto", now_s: "int | None" = None) -> PeerKey:
        """Verify a whole credential, 6703 bytes, or a revocation, 5325, and accept it.

        :raises ProtocolError: it is refused, for any of the reasons of Intake and ``take``
        """
        intake = self.intake(crypto, None, now_s)
        if not intake.feed(blob):
            raise Malformed("a credential of %d bytes" % len(blob))
        return self.take(intake, now_s)

    def learn_leaf(self, peer_id: bytes, leaf: bytes, now_s: "int | None" = None) -> PeerKey:
        """Accept the next slot of a peer's present epoch, 1378 bytes: no signature is needed.

        :raises ProtocolError: not in the tree that we know of this peer, or an older slot
        """
        epoch = self._book.current(peer_id)
        if epoch is None:
            raise Unexpected("a KEM leaf of a stranger")
        self._book.valid(peer_id, epoch.epoch, self._now_s(now_s))
        slot, public = open_leaf(leaf, epoch.root, peer_id, epoch.epoch)
        return self._accept(PeerState(peer_id, epoch, slot, public), now_s)

    def forget(self, peer_id: bytes) -> None:
        """Drop a peer, its epochs included: an old one will be accepted again. Mean it."""
        self._book.forget(peer_id)
        if self._peers.pop(peer_id, None) is not None:
            self._tell(FORGOT, peer_id)

    # Inside

    def _accept(self, state: PeerState, now_s: "int | None") -> PeerKey:
        peer_id, epoch = state.peer_id, state.epoch
        known = self._peers.get(peer_id)
        if known is not None and known.state.epoch == epoch and not epoch.killed:
            if state.slot < known.state.slot:
                raise Unexpected("slot %d after %d" % (state.slot, known.state.slot))
            if state.slot == known.state.slot:
                return known.key
        if not epoch.killed:  # refused here, before anything depends on it
            self._crypto.kem_encapsulate(state.public, bytes(KEM_COINS_BYTES))
        self._tell(PEER, state)
        self._book.accept(peer_id, epoch, self._now_s(now_s))
        before = None if known is None or epoch.killed else known.key
        self._peers[peer_id] = _Peer(state, before)
        if epoch.killed:
            raise Unexpected("%s was revoked at epoch %d" % (short(peer_id), epoch.epoch))
        return self._peers[peer_id].key

    def _judge(self, peer_id: bytes, epoch: Epoch, now_s: "int | None") -> None:
        if peer_id == self._identity.peer_id:
            raise Unexpected("a credential of our own")
        self._book.check(peer_id, epoch, self._now_s(now_s))

    def _valid(self, key: PeerKey) -> bool:
        try:
            self._book.valid(key.peer_id, key.epoch, self._now_s())
        except Unexpected:
            return False
        return True

    def _current(self) -> "OwnEpoch | None":
        now_s = self._now_s()
        for epoch in self._own:
            if self._usable(epoch) and (now_s is None or epoch.epoch.start_s <= now_s):
                return epoch
        return None

    def _usable(self, epoch: "OwnEpoch") -> bool:
        now_s = self._now_s()
        return not epoch.epoch.killed and (now_s is None or now_s < epoch.epoch.end_s)

    def _drop(self, epoch: "OwnEpoch") -> None:
        self._own.remove(epoch)
        self._tell(DROPPED, epoch.number)
        epoch.wipe()

    def _now_s(self, told: "int | None" = None) -> "int | None":
        return self._clock() if told is None and self._clock is not None else told

    def _tell(self, what: int, value: "Any") -> None:
        if self._on_change is not None:
            self._on_change(what, value)
