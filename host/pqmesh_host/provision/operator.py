# SPDX-License-Identifier: MIT OR Apache-2.0
"""The operator's side of provisioning (pqmesh.wire.provisioning). No clock, no link, no waiting.

``begin`` gives the first message; ``take`` is fed what the node says, and stores what it brings
before it returns; ``next_message`` gives what is to be sent as long as there is room. After an
interruption a new Operator goes on where the old one was.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from pqmesh.credentials.keyring import CREDENTIAL_BYTES
from pqmesh.credentials.prekeys import PeerPrekeys
from pqmesh.crypto import KEM_PUBLIC_BYTES
from pqmesh.errors import MeshError, Unexpected
from pqmesh.wire import provisioning as wire
from pqmesh.wire.layout import WireObject

from ..errors import OperatorError
from ..store.custody import Custody
from .plan import Plan

PREKEYS_UP = 64
"""The node's keys that we hold afterwards (constrained-design 3.2)."""

PREKEYS_DOWN = 16
"""Our keys that the node holds afterwards: 18.9 kB of its flash."""

HIGHEST_FLOOR = 60_000
"""Epochs have 16 bits, and 30 days each; a node that claims more does not make us use them up."""

_AGAIN = "What has been exchanged is kept: run the command again to go on."


class ProvisionError(OperatorError):
    """The node could not be provisioned; what it has already is kept."""

    exit_code = 1


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a run is, in octets of keys and certificates."""

    stage: str
    """``connecting``, ``preparing``, ``exchanging``, ``finishing`` or ``done``"""

    up: int = 0
    up_total: int = 0
    down: int = 0
    down_total: int = 0


class Operator:
    """One run with one node, whose session is open.

    :param custody: our own keys, and where the node's go
    :param peer_id: who the node has proved to be
    :param plan: what it is to do afterwards
    :raises StoreError: a chain of prekeys for the node could not be begun
    """

    def __init__(self, custody: Custody, peer_id: bytes, plan: Plan) -> None:
        self.progress = Progress(stage="preparing")
        self.done: wire.Done | None = None
        """What the node has in the end."""

        self._custody = custody
        self._peer_id = peer_id
        self._plan = plan
        self._known = custody.provisioned(peer_id)
        self._intake = custody.keyring.intake(custody.crypto, peer_id)
        self._offset = 0
        self._awaited_id: bytes | None = None
        """The node's credential that must still come."""

        self._last = 0
        """The prekey up to which the node's must have come."""

        self._outgoing: Iterator[bytes] | None = None

    def begin(self) -> bytes:
        """Return the Begin.

        :raises ProvisionError: we have no valid key of our own
        """
        keyring = self._custody.keyring
        own = keyring.current()
        if own is None:
            raise ProvisionError("We have no valid KEM key of our own.", "Check the clock.")
        return wire.begin(
            self._custody.tickets.now_s(),
            max(0, keyring.floor(self._peer_id)),
            secrets.token_bytes(wire.ENTROPY_BYTES),
            self._known.ours,
            own.credential_id,
        )

    def take(self, payload: bytes) -> None:
        """Take one message of the node's; what it brings is durable on return.

        :raises ProvisionError: the node refuses, or says what makes no sense
        :raises StoreError: it could not be stored
        """
        try:
            self._on_message(wire.parse(payload))
        except MeshError as error:
            raise ProvisionError(f"The node said what we cannot take: {error}.", _AGAIN) from error

    def next_message(self) -> bytes | None:
        """Return the next message to send; None while there is none."""
        if self._outgoing is None:
            return None
        payload = next(self._outgoing, None)
        if payload is not None:
            self._count(down=_weight(payload))
        elif self._everything_came() and self.progress.stage == "exchanging":
            self.progress = replace(self.progress, stage="finishing")
            return wire.finish(self._plan.encode())
        return payload

    def _on_message(self, message: WireObject) -> None:
        if isinstance(message, wire.Refused):
            reason = message.reason.decode(errors="replace")
            raise ProvisionError(f"The node refuses: {reason}.", _AGAIN)
        if isinstance(message, wire.Ready):
            self._on_ready(message)
        elif isinstance(message, wire.Part):
            self._on_part(message)
        elif isinstance(message, wire.Prekey):
            self._on_prekey(message)
        elif isinstance(message, wire.Done) and self.progress.stage == "finishing":
            self._custody.finished(self._peer_id, self._plan.name)
            self.progress = replace(self.progress, stage="done")
            self.done = message
        else:
            raise Unexpected(f"{type(message).__name__} out of turn")

    def _on_ready(self, ready: wire.Ready) -> None:
        custody = self._custody
        own = custody.keyring.current()
        lacking = bool(ready.flags & wire.WANT_CREDENTIAL)
        if lacking and own is not None and own.epoch <= ready.epoch_floor:
            # Our database is younger than the node's memory of us.
            if ready.epoch_floor > HIGHEST_FLOOR:
                raise Unexpected(f"epoch {ready.epoch_floor} of ours, which never was")
            custody.renew(ready.epoch_floor)
            self._outgoing = iter([self.begin()])
            return
        stock = self._stock_of(ready)
        known = custody.keyring.peer(self._peer_id)
        wanted = known is None or known.credential_id != ready.credential_id
        first = max(stock.end, ready.index)
        count = max(0, PREKEYS_UP - len(stock))
        self._awaited_id = ready.credential_id if wanted else None
        self._last = first + count
        downward = max(0, PREKEYS_DOWN - ready.left)
        self.progress = Progress(
            stage="exchanging",
            up_total=CREDENTIAL_BYTES * wanted + KEM_PUBLIC_BYTES * count,
            down_total=CREDENTIAL_BYTES * lacking + KEM_PUBLIC_BYTES * downward,
        )
        self._outgoing = chain(
            [wire.start(wire.WANT_CREDENTIAL if wanted else 0, first, count)],
            self._parts() if lacking else (),
            self._publics(ready.stocked, downward),
        )

    def _stock_of(self, ready: wire.Ready) -> PeerPrekeys:
        """What we hold of the chain that the node names; of another one we let go."""
        stock = self._custody.prekeys.stock(self._peer_id)
        if stock is not None and self._known.theirs == ready.chain:
            return stock
        shelf = self._custody.shelf(self._peer_id)
        shelf.clear()
        stock = PeerPrekeys(shelf, ready.index, ready.index)
        self._custody.prekeys.set_stock(self._peer_id, stock)
        self._custody.holds_chain(self._peer_id, ready.chain)
        return stock

    def _on_part(self, part: wire.Part) -> None:
        if self._awaited_id is None or part.offset != self._offset:
            raise Unexpected(f"a piece of a credential at {part.offset}")
        self._offset += len(part.octets)
        self._count(up=len(part.octets))
        if self._intake.feed(part.octets):
            key = self._custody.keyring.take(self._intake)
            if key.credential_id != self._awaited_id:
                raise Unexpected("another credential than the one announced")
            self._awaited_id = None

    def _on_prekey(self, prekey: wire.Prekey) -> None:
        stock = self._custody.prekeys.stock(self._peer_id)
        if stock is None or stock.end >= self._last or self._outgoing is None:
            raise Unexpected(f"prekey {prekey.index}, which was not asked for")
        with self._custody.transaction():
            stock.add(prekey.index, [prekey.public])
            self._custody.prekeys.set_stock(self._peer_id, stock)
        self._count(up=KEM_PUBLIC_BYTES)

    def _everything_came(self) -> bool:
        stock = self._custody.prekeys.stock(self._peer_id)
        return self._awaited_id is None and stock is not None and stock.end >= self._last

    def _parts(self) -> Iterator[bytes]:
        credential = self._custody.keyring.credential()
        for offset in range(0, len(credential), wire.PART_BYTES):
            yield wire.part(offset, credential[offset : offset + wire.PART_BYTES])

    def _publics(self, stocked: int, count: int) -> Iterator[bytes]:
        """``count`` of our keys, from the first that the node lacks on."""
        own = self._custody.prekeys.chain(self._peer_id)
        if own is None:
            raise Unexpected("our own chain of prekeys is gone")
        first = max(stocked, own.index)
        publics = own.publics(self._custody.crypto, first, count)
        for index, public in enumerate(publics, first):
            yield wire.prekey(index, public)

    def _count(self, up: int = 0, down: int = 0) -> None:
        now = self.progress
        self.progress = replace(now, up=now.up + up, down=now.down + down)


def _weight(payload: bytes) -> int:
    """Octets of keys and certificates in a message."""
    message = wire.parse(payload)
    if isinstance(message, wire.Part):
        return len(message.octets)
    return KEM_PUBLIC_BYTES if isinstance(message, wire.Prekey) else 0
