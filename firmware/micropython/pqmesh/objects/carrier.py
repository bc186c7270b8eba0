# SPDX-License-Identifier: MIT OR Apache-2.0
"""Carries credentials over an Exchange: ours to the neighbours, theirs into the keyring.

Whose credentials are wanted says ``wanted(dtag)``; what arrives is judged as one that came in a
handshake is (credentials/intake.py): identity, version, dates and rollback before the signature,
the signature before the leaf. A neighbour is told that it is here only after it was accepted.
"""

import hashlib

from ..compat import TYPE_CHECKING
from ..engine.stamps import dtag_of
from ..errors import ProtocolError
from ..record import Record
from ..wire.objects import CREDENTIAL, OBJECT_ID_BYTES
from .events import Arrived

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..credentials.keyring import Keyring
    from ..crypto import Crypto
    from .exchange import Exchange


class Learned(Record):
    """A peer's credential came by broadcast, and was accepted: HS-K with it is possible."""

    FIELDS = ("peer_id", "epoch", "killed")

    peer_id: bytes
    epoch: int
    killed: bool  # it was the revocation of that identity


class Rejected(Record):
    """What came as a credential of a peer is none that we accept."""

    FIELDS = ("peer_id", "reason")

    peer_id: bytes
    reason: str


def wants_for(
    wanted: "Callable[[bytes], bytes | None]",
) -> "Callable[[int, bytes, bytes], bool]":
    """Return the ``wants`` of an Exchange that carries credentials.

    :param wanted: ``wanted(dtag)`` returns the PeerId that is called so, None for a stranger's
    """
    return lambda what, dtag, _object_id: what == CREDENTIAL and wanted(dtag) is not None


class Carrier:
    """
    :param exchange: made with ``wants_for(wanted)``
    :param wanted: as in wants_for
    :param crypto: of the port pqmesh.crypto; one ``verify`` for each credential that arrives
    """

    def __init__(
        self,
        exchange: "Exchange",
        keyring: "Keyring",
        crypto: "Crypto",
        wanted: "Callable[[bytes], bytes | None]",
    ) -> None:
        self.exchange = exchange
        self._keyring = keyring
        self._crypto = crypto
        self._wanted = wanted
        self._offered = b""  # the id of our own credential, once it is

    def spread(self, peer_id: bytes, now: int) -> bool:
        """Send our own credential round, unless the same one was; returns whether it goes.

        :param peer_id: our own
        :raises Busy: there is no room to offer it
        :raises UsageError: it does not fit the frames of this link
        """
        if self._keyring.current() is None:
            return False
        blob = self._keyring.credential()
        if hashlib.sha256(blob).digest()[:OBJECT_ID_BYTES] == self._offered:
            return False
        self.exchange.withdraw(self._offered)
        self._offered = self.exchange.offer(CREDENTIAL, dtag_of(peer_id), blob, now)
        return True

    def retire(self) -> None:
        """Hold our own credential no longer, for the memory; ``spread`` begins anew."""
        self.exchange.withdraw(self._offered)
        self._offered = b""

    def fetch(self, peer_id: bytes, now: int) -> None:
        """Ask the neighbours for the credential of a peer.

        :raises Busy: too many are asked for already
        """
        self.exchange.fetch(dtag_of(peer_id), now)

    def next_event(self, now: int) -> "Record | None":
        """Return Learned, Rejected, Spread or Missed, None when there is nothing to tell."""
        event = self.exchange.next_event()
        if not isinstance(event, Arrived):
            return event
        return self._judge(event, self._wanted(event.dtag), now)

    def _judge(self, arrived: Arrived, peer_id: "bytes | None", now: int) -> "Record | None":
        name = arrived.object_id
        if peer_id is None or arrived.what != CREDENTIAL:
            self.exchange.reject(name)  # it was asked for, or wanted, and is not any more
            return self.next_event(now)
        intake = self._keyring.intake(self._crypto, peer_id)
        try:
            if not intake.feed(arrived.octets):
                self.exchange.reject(name)
                return Rejected(peer_id, "%d octets are no credential" % len(arrived.octets))
            self._keyring.take(intake)
        except MemoryError:
            self.exchange.forget(name)
            return Rejected(peer_id, "no memory to judge a credential")
        except ProtocolError as error:
            # A revocation is raised although, and because, it has been accepted.
            killed = intake.epoch is not None and intake.epoch.killed
            number = -1 if intake.epoch is None else intake.epoch.epoch
            if not (killed and intake.complete() and self._keyring.floor(peer_id) == number):
                self.exchange.reject(name)
                return Rejected(peer_id, str(error))
        self.exchange.accept(name, now)
        epoch = intake.epoch
        return None if epoch is None else Learned(peer_id, epoch.epoch, epoch.killed)
