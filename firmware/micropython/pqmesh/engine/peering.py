# SPDX-License-Identifier: MIT OR Apache-2.0
"""HS-R with one peer: its ratchet, the R1 we have out, the R2 we have out, what is unconfirmed.

    connect --> R1 is out --R2--> the session is open, unconfirmed --first frame--> done
                 |  ^
     the peer's R1  its R3 did not come
                 v  |
                R2 is out --R3--> the session is open; the ratchet has moved

Which peer may do what when is decided in resumes.py; which generation is alive in resumption.py.
"""

from ..compat import TYPE_CHECKING, const
from ..wire.handshake import Params
from ..wire.layout import decode
from ..wire.resumption import RESUME_BYTES, RESUMED_BYTES
from .hs_r import Initiator, Names, draw_nonce, ticket_of
from .resumption import Pending, Resumption, Secrets
from .stats import Tally
from .tickets import Ticket
from .timers import earliest

if TYPE_CHECKING:
    from .context import Context
    from .hs_s import Outcome
    from .session import Session
    from .tickets import Tickets

TRIES = const(3)  # of R1 per generation held, before the full handshake
_REPEATS = const(2)  # of R2 by timer; a repeated R1 draws more


class Answer:
    """Our R2, and the session that R3 will open."""

    def __init__(self, session: "Session", r2: bytes, now: int) -> None:
        self.session = session
        self.r2 = r2
        self.started_at = now
        self.tally = Tally()
        self.repeats = 0
        self.deadline = now  # of the next repeat; once they are used up, of the end
        self.expires_at = now

    def settled(self) -> bool:
        """Whether R2 will not be repeated any more: if the peer is there, it does not go on."""
        return self.repeats >= _REPEATS


class Peering:
    """Everything about one peer of a ticket. Only the ratchet's secrets are ever stored."""

    def __init__(self, context: "Context", tickets: "Tickets", ticket: Ticket) -> None:
        self.peer_id = ticket.peer_id
        self.handle = 0  # of our owner's connect, while it has not come to anything
        self.tally = Tally()  # of that connect
        self.started_at = 0
        self.initiator: "Initiator | None" = None  # our R1 is out
        self.answer: "Answer | None" = None  # our R2 is out
        self.unconfirmed: "Session | None" = None  # opened by an R2; the peer not heard since
        self.r2 = b""  # that R2
        self._context = context
        self._tickets = tickets
        self._params = ticket.params
        self._resumptions = ticket.resumptions
        self._healed_s = ticket.healed_s
        self._full_s = ticket.full_s
        self._epoch = ticket.epoch
        self._tries = 0
        self._deadline: "int | None" = None
        first = context.identity.peer_id < ticket.peer_id
        self.ratchet = Resumption(Secrets(ticket.current, ticket.candidate), first, self._save)

    def idle(self) -> bool:
        """Whether nothing is under way, so that the ticket alone says it all."""
        return not (self.busy() or self.unconfirmed)

    def busy(self) -> bool:
        """Whether a connect of ours or an answer to the peer is open."""
        return bool(self.handle or self.answer)

    def ticket(self) -> Ticket:
        """Return the ticket as it is now."""
        return self._ticket(self.ratchet.secrets)

    def generation(self, name: bytes) -> "bytes | None":
        """Return the generation that ``name`` names on the wire, or None."""
        secrets = self.ratchet.secrets
        for secret in (secrets.candidate, secrets.current):
            if secret is not None and ticket_of(secret) == name:
                return secret
        return None

    def names(self, ours: bool) -> Names:
        """Return the names in their roles; ``ours``: we begin."""
        me = self._context.identity.peer_id
        params = decode(Params, self._params)
        return Names(me, self.peer_id, params) if ours else Names(self.peer_id, me, params)

    # Our own attempt

    def connect(self, now: int) -> None:
        """Our owner wants a session; ``handle`` names it from now on."""
        self.handle = self._context.new_handle()
        self.tally = Tally()
        self.started_at = now
        self._tries = 0

    def send_r1(self, now: int) -> bool:
        """Send R1, the same as before or of the other generation; False: tried often enough."""
        secrets = self.ratchet.secrets
        tries = TRIES if secrets.candidate is None else 2 * TRIES
        if self._tries >= tries:
            return False
        initiator = self.initiator
        if initiator is None or secrets.candidate is not None:
            initiator = self._begin()
        if self._tries:
            self._context.stats.frames_retransmitted += 1
        wait = self._timeout_ms(self._tries * TRIES // tries)
        self._tries += 1
        self.tally.sent += RESUME_BYTES
        self._deadline = self._context.tx.put(initiator.r1, now) + wait
        return True

    def _begin(self) -> Initiator:
        context = self._context
        self.drop_answer()
        cid = context.take_cid() if self.initiator is None else self.initiator.cid
        nonce = draw_nonce(cid, context.entropy)
        base = self.ratchet.begin(nonce).base
        self.initiator = Initiator(base, self.names(True), nonce)
        return self.initiator

    def answered(self, outcome: "Outcome") -> None:
        """Our R2 has verified: both generations are kept, durably, when this returns."""
        self._resumptions += 1
        self.ratchet.answered(outcome.resumption)
        self.initiator = None
        self._deadline = None
        self.handle = 0

    def drop_attempt(self) -> None:
        """Nothing more is expected of our R1."""
        if self.initiator is not None:
            self._context.free_cid(self.initiator.cid)
        self.initiator = None
        self.ratchet.attempt = None
        self._deadline = None

    # Our answer

    def answering(self, answer: Answer, pending: Pending, now: int) -> None:
        """R2 goes out; what we had begun or answered before is given up."""
        self.drop_answer()
        self.ratchet.answering(pending)
        self.drop_attempt()
        answer.expires_at = now + self._context.link.handshake_ms
        self.answer = answer
        self.send_r2(answer, now)

    def send_r2(self, answer: Answer, now: int) -> None:
        """Send R2, or send it again."""
        answer.tally.sent += RESUMED_BYTES
        left_at = self._context.tx.put(answer.r2, now)
        answer.deadline = left_at + self._timeout_ms(answer.repeats)

    def repeat_r2(self, answer: Answer, now: int) -> None:
        """R3 has not come in time."""
        answer.repeats += 1
        self._context.stats.frames_retransmitted += 1
        self.send_r2(answer, now)

    def commit(self) -> None:
        """R3 has verified: only the new generation is kept, durably, when this returns."""
        self._resumptions += 1
        self.ratchet.commit()
        self.answer = None
        self.unconfirmed = None
        self.handle = 0

    def drop_answer(self) -> None:
        """R3 is not expected any more."""
        if self.answer is not None:
            self.answer.session.discard()
        self.answer = None
        self.ratchet.pending = None

    # Both

    def confirmed(self) -> None:
        """The peer was heard under the newest keys."""
        self.unconfirmed = None
        self.ratchet.confirmed()

    def reset(self, outcome: "Outcome") -> None:
        """A full handshake with the peer has ended well: generation 0, durably."""
        self._params = outcome.params.encode()
        self._resumptions = 0
        self._healed_s = self._full_s = self._tickets.now_s()
        self.ratchet.reset(outcome.resumption)

    def next_deadline(self) -> "int | None":
        """Return when something is to be sent again, or to be given up."""
        return earliest((self._deadline, self.answer.deadline if self.answer else None))

    def attempt_due(self, now: int) -> bool:
        """Whether our R1 has gone unanswered for long enough."""
        return self._deadline is not None and now >= self._deadline

    def _timeout_ms(self, doublings: int) -> int:
        """Two round trips of R1 and R2 at first, but never under two of the link's floors."""
        link = self._context.link
        both = link.airtime_ms(RESUME_BYTES) + link.airtime_ms(RESUMED_BYTES)
        first = max(2 * (both + 2 * link.turnaround_ms), 2 * link.min_rto_ms)
        return min(first << doublings, link.max_rto_ms)

    def _save(self, secrets: Secrets) -> None:
        self._tickets.save(self._ticket(secrets))

    def _ticket(self, secrets: Secrets) -> Ticket:
        return Ticket(
            self.peer_id,
            secrets.current,
            secrets.candidate,
            self._resumptions,
            self._params,
            self._healed_s,
            self._full_s,
            self._epoch,
        )
