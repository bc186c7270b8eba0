# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which epochs of which peers are accepted: no rollback, no resurrection, no use after expiry.

Per peer the highest epoch seen is kept, and the one before it for a grace period, because the
peer's own answer may have left before its new epoch arrived. A node without a trusted clock
enforces order only: it passes ``now_s=None`` (constrained-design 3.1).

Bounded: at most ``capacity`` peers. A full book refuses a stranger and forgets nobody, because to
forget a peer is to allow its rollback; the owner evicts by ``forget``, deliberately.
"""

from ..compat import TYPE_CHECKING, const
from ..errors import Exhausted, Unexpected
from ..record import Record

if TYPE_CHECKING:
    from .epoch import Epoch

GRACE_S = const(86_400)  # 24 h
SKEW_S = const(300)  # how far a peer's clock may run ahead of ours


class _Entry(Record):
    FIELDS = ("current", "previous", "grace_until_s")
    if TYPE_CHECKING:
        current: Epoch
        previous: Epoch | None
        grace_until_s: int


class CredentialBook:
    """Remembers what has been accepted. Give it only epochs that ``open_epoch`` returned."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._entries: "dict[bytes, _Entry]" = {}

    def check(self, peer_id: bytes, epoch: "Epoch", now_s: "int | None" = None) -> bool:
        """Whether ``accept`` would take an epoch as new; changes nothing. Raises as it does."""
        entry = self._entries.get(peer_id)
        if entry is None:
            if len(self._entries) >= self._capacity:
                raise Exhausted("the credential book is full at %d peers" % self._capacity)
        elif epoch == entry.current:
            return False
        elif entry.current.killed:
            raise Unexpected("this identity was revoked at epoch %d" % entry.current.epoch)
        elif epoch.epoch <= entry.current.epoch:
            raise Unexpected("epoch %d after %d" % (epoch.epoch, entry.current.epoch))
        _check_time(epoch, now_s)
        return True

    def accept(self, peer_id: bytes, epoch: "Epoch", now_s: "int | None" = None) -> bool:
        """Take an epoch of ``peer_id``; returns whether it is new.

        :raises Unexpected: rolled back, revoked, expired, not begun, or a second object that
            claims the epoch we already hold
        :raises Exhausted: the book is full
        """
        if not self.check(peer_id, epoch, now_s):
            return False
        entry = self._entries.get(peer_id)
        if entry is None:
            self._entries[peer_id] = _Entry(epoch, None, 0)
            return True
        until = 0 if now_s is None else now_s + GRACE_S
        self._entries[peer_id] = _Entry(epoch, None if epoch.killed else entry.current, until)
        return True

    def valid(self, peer_id: bytes, number: int, now_s: "int | None" = None) -> "Epoch":
        """The accepted epoch ``number`` of ``peer_id``, if it may be used now.

        :raises Unexpected: unknown, revoked, expired, or past its grace
        """
        entry = self._entries.get(peer_id)
        if entry is None:
            raise Unexpected("no credential of this peer")
        if entry.current.killed:
            raise Unexpected("this identity was revoked at epoch %d" % entry.current.epoch)
        if number == entry.current.epoch:
            _check_time(entry.current, now_s)
            return entry.current
        previous = entry.previous
        if previous is None or number != previous.epoch:
            raise Unexpected("epoch %d is not one we accepted" % number)
        if now_s is not None and now_s >= entry.grace_until_s:
            raise Unexpected("epoch %d is past its grace" % number)
        return previous

    def current(self, peer_id: bytes) -> "Epoch | None":
        """The newest epoch accepted, revoked ones included; None when there is none."""
        entry = self._entries.get(peer_id)
        return None if entry is None else entry.current

    def forget(self, peer_id: bytes) -> None:
        """Drop a peer. Its epochs, old ones too, will be accepted again: mean it."""
        self._entries.pop(peer_id, None)


def _check_time(epoch: "Epoch", now_s: "int | None") -> None:
    if now_s is None or epoch.killed:
        return  # a revocation has no date to be waited for, and none on which it ends
    if now_s + SKEW_S < epoch.start_s:
        raise Unexpected("epoch %d has not begun" % epoch.epoch)
    if now_s >= epoch.end_s:
        raise Unexpected("epoch %d has expired" % epoch.epoch)
