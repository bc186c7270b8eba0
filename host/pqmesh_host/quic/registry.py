# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which connection ids belong to whom, and which peer lives under a PeerId."""

from __future__ import annotations

from . import lifecycle
from .lifecycle import Phase
from .peer import Peer


class Registry:
    """The endpoint's tables. Bounded by the endpoint's limits on peers and handshakes."""

    def __init__(self) -> None:
        self._by_cid: dict[bytes, Peer] = {}
        self._cids: dict[Peer, set[bytes]] = {}
        self._live: dict[bytes, Peer] = {}

    @property
    def peers(self) -> list[Peer]:
        """Every connection, also those in handshake or draining."""
        return list(self._cids)

    @property
    def live(self) -> list[Peer]:
        """One peer per PeerId: those an application talks to."""
        return list(self._live.values())

    def __contains__(self, peer: Peer) -> bool:
        return peer in self._cids

    def __len__(self) -> int:
        return len(self._cids)

    def find(self, cid: bytes) -> Peer | None:
        """The peer a datagram with this destination connection id is for."""
        return self._by_cid.get(cid)

    def add(self, peer: Peer, *cids: bytes) -> None:
        """Start routing to a new connection."""
        self._cids[peer] = set()
        for cid in cids:
            self.issue(peer, cid)

    def issue(self, peer: Peer, cid: bytes) -> None:
        """A further connection id of ours is out."""
        if peer in self._cids:
            self._by_cid[cid] = peer
            self._cids[peer].add(cid)

    def retire(self, peer: Peer, cid: bytes) -> None:
        """The peer has given a connection id back."""
        if peer in self._cids:
            self._by_cid.pop(cid, None)
            self._cids[peer].discard(cid)

    def remove(self, peer: Peer) -> None:
        """Forget a connection altogether. Idempotent."""
        for cid in self._cids.pop(peer, set()):
            self._by_cid.pop(cid, None)
        self.end(peer)

    def end(self, peer: Peer) -> None:
        """The peer no longer counts as live."""
        key = peer.connection.peer_key if peer.confirmed_at is not None else None
        if key is not None and self._live.get(key.peer_id) is peer:
            del self._live[key.peer_id]

    def live_peer(self, peer_id: bytes) -> Peer | None:
        """The peer that lives under this PeerId now."""
        return self._live.get(peer_id)

    def replace(self, peer: Peer) -> None:
        """Make this confirmed peer the one that lives under its PeerId."""
        self._live[peer.peer_id] = peer

    def admit(self, newer: Peer) -> tuple[Peer, Peer | None]:
        """Enter a confirmed peer; return the one that lives on and the one superseded."""
        older = self._live.get(newer.peer_id)
        if older is None or older.phase is Phase.ENDED:
            self._live[newer.peer_id] = newer
            return newer, None
        if newer.relayed != older.relayed:
            # Both ends know, and whatever crossed: a relay is the last resort.
            newer_lives = older.relayed
        else:
            newer_lives = _newer_lives(newer, older)
        if newer_lives:
            self._live[newer.peer_id] = newer
            return newer, older
        return older, newer


def _newer_lives(newer: Peer, older: Peer) -> bool:
    return lifecycle.newer_wins(
        newer_initiator=newer.initiator,
        newer_id=_canonical_id(newer),
        newer_started=newer.started,
        older_initiator=older.initiator,
        older_id=_canonical_id(older),
        older_confirmed=older.confirmed_at or older.started,
    )


def _canonical_id(peer: Peer) -> bytes:
    return peer.export_keying_material(
        lifecycle.CONNECTION_ID_LABEL,
        lifecycle.CONNECTION_ID_CONTEXT,
        lifecycle.CONNECTION_ID_BYTES,
    )
