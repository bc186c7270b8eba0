# SPDX-License-Identifier: MIT OR Apache-2.0
"""The ratchet of resumption secrets between two peers: who holds which generation, and until when.

Every resume turns generation RS_n into RS_n+1 on both sides, over links that lose, repeat and
reorder, between nodes that reboot. What is kept (constrained-design 4.4):

    current     the newest generation that both sides are known to have
    candidate   an initiator's next one, from R2 until the first frame under the new keys
    pending     a responder's open attempt, from R1 until R3; in RAM only
    attempt     an initiator's open attempt, from R1 until R2; in RAM only

The initiator keeps both generations until it hears the responder under the new keys; the responder
keeps the old one until R3. So whatever is lost, one of the initiator's two is the responder's one.

Either peer may begin, and both may at once. Two rules keep them from committing to different
children of one generation: to begin drops what one was answering, and to answer drops what one
had begun. A third makes one of two crossed attempts succeed: while an attempt of its own is open,
a peer does not answer one that is weaker, and the peer with the smaller PeerId not one that is as
strong. An attempt that takes in a KEM secret (HS-RK, HS-RP) is stronger than one that does not.

``save`` must be durable when it returns: it is called before anything that depends on it is sent.
Two slots with a sequence number and a checksum make it so on a board (pqmesh_node.store).
"""

from ..compat import TYPE_CHECKING
from ..errors import Unexpected, UsageError
from ..record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET_BYTES = 32


class Secrets(Record):
    """What is persisted for one peer. ``candidate`` is None most of the time."""

    FIELDS = ("current", "candidate")
    if TYPE_CHECKING:
        current: bytes
        candidate: bytes | None


class Attempt(Record):
    """An initiator's open attempt: under which generation, with which nonce, how strong."""

    FIELDS = ("base", "nonce", "under_candidate", "strong")
    if TYPE_CHECKING:
        base: bytes
        nonce: bytes
        under_candidate: bool
        strong: bool


class Pending(Record):
    """A responder's open attempt: both nonces, and the child it would commit to."""

    FIELDS = ("nonce", "answer", "base", "child", "strong")
    if TYPE_CHECKING:
        nonce: bytes
        answer: bytes
        base: bytes
        child: bytes
        strong: bool


class Resumption:
    """The state towards one peer. ``first`` says whether our PeerId is the smaller one."""

    def __init__(self, secrets: Secrets, first: bool, save: "Callable[[Secrets], None]") -> None:
        self.secrets = secrets
        self.attempt: "Attempt | None" = None
        self.pending: "Pending | None" = None
        self._first = first
        self._save = save
        self._failed_under_candidate = False

    # Initiator

    def begin(self, nonce: bytes, strong: bool = False) -> Attempt:
        """Open an attempt, under the newest generation, or the other one if that just failed.

        :param strong: it takes in a KEM secret
        """
        self.pending = None
        if self.attempt is not None:
            self._failed_under_candidate = self.attempt.under_candidate
        candidate = self.secrets.candidate
        if candidate is not None and not self._failed_under_candidate:
            self.attempt = Attempt(candidate, nonce, True, strong)
        else:
            self.attempt = Attempt(self.secrets.current, nonce, False, strong)
        self._failed_under_candidate = False
        return self.attempt

    def answered(self, child: bytes) -> None:
        """R2 has verified under the attempt's generation: ``child`` is the next candidate."""
        attempt = self.attempt
        if attempt is None:
            raise UsageError("no attempt is open")
        self.attempt = None
        # An answer under the candidate shows that the responder has committed to it, so the
        # generation before is dead. Then, and otherwise, the base is what both have.
        self._keep(Secrets(attempt.base, child))

    def confirmed(self) -> None:
        """A frame came under the newest keys: the generation before is erased."""
        candidate = self.secrets.candidate
        if candidate is not None:
            self._keep(Secrets(candidate, None))

    # Responder

    def may_answer(self, base: bytes, strong: bool = False) -> bool:
        """Whether an R1 under generation ``base`` is to be answered now."""
        attempt = self.attempt
        if attempt is not None:
            ours_first = self._first if attempt.strong == strong else attempt.strong
            if ours_first:
                return False
        return base == self.secrets.current or base == self.secrets.candidate

    def answering(self, pending: Pending) -> None:
        """We answer an R1; the newest attempt wins, and our own is given up."""
        if not self.may_answer(pending.base, pending.strong):
            raise Unexpected("an attempt of our own goes first")
        self.attempt = None
        self.pending = pending

    def repeated(self, nonce: bytes, base: bytes) -> "Pending | None":
        """The pending attempt if this R1 is a repeat of it: it gets the identical R2."""
        pending = self.pending
        if pending is not None and pending.nonce == nonce and pending.base == base:
            return pending
        return None

    def commit(self) -> bytes:
        """R3 has verified: the child replaces everything before it. Returns the child.

        :raises Unexpected: no attempt is pending
        """
        pending = self.pending
        if pending is None:
            raise Unexpected("R3 of an attempt that is over")
        self.pending = None
        self._keep(Secrets(pending.child, None))
        return pending.child

    def reset(self, secret: bytes) -> None:
        """A full handshake has made a new secret: what came before is erased."""
        self.attempt = None
        self.pending = None
        self._keep(Secrets(secret, None))

    def _keep(self, secrets: Secrets) -> None:
        self._save(secrets)
        self.secrets = secrets
