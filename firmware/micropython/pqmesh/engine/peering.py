# SPDX-License-Identifier: MIT OR Apache-2.0
"""Resuming with one peer: its ratchet, the R1 and the R2 we have out, what is unconfirmed.

    connect --> R1 is out --R2--> the session is open, unconfirmed --first frame--> done
                 |  ^
     the peer's R1  its R3 did not come
                 v  |
                R2 is out --R3--> the session is open; the ratchet has moved

Which peer may do what when is decided in resumes.py; which generation is alive in resumption.py.
"""

from ..compat import TYPE_CHECKING, const
from ..wire.handshake import M1, Params
from ..wire.layout import decode
from ..wire.resumption import HS_R, RESUME_BYTES
from .answer import Answer, patience_ms
from .hs_r import Initiator, Names, draw_nonce, ticket_of
from .resumption import Pending, Resumption, Secrets
from .sender import MessageSender
from .stats import Tally
from .tickets import Ticket
from .timers import earliest

if TYPE_CHECKING:
    from . import hs_rk
    from .context import Context
    from .hs_s import Outcome
    from .session import Session
    from .tickets import Tickets

TRIES = const(5)  # of R1 per generation held, before the next mode
_HEAL_TRIES = const(6)  # of an R1 in fragments: all of it, a POLL, four heads


class Peering:
    """Everything about one peer of a ticket. Only the ratchet's secrets are ever stored."""

    def __init__(self, context: "Context", tickets: "Tickets", ticket: Ticket) -> None:
        self.peer_id = ticket.peer_id
        self.handle = 0  # of our owner's connect, while it has not come to anything
        self.tally = Tally()  # of that connect
        self.started_at = 0
        self.modes: "tuple[int, ...]" = ()  # still to be tried, the present one first
        self.prekey: "tuple[int, bytes] | None" = None  # the peer's, for this connect
        self.initiator: "Initiator | hs_rk.Initiator | None" = None  # our R1 is out
        self.sender: "MessageSender | None" = None  # of that R1, if it goes in fragments
        self.touched_at = -1  # when the peer last acknowledged some of it
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
        self._healing = False  # the unconfirmed session took in a KEM secret
        self._tries = 0
        self._expires_at = 0
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

    def connect(self, now: int, modes: "tuple[int, ...]" = (HS_R,)) -> None:
        """Our owner wants a session; ``handle`` names it from now on.

        :param modes: to be tried in this order; at least one
        """
        self.handle = self._context.new_handle()
        self.tally = Tally()
        self.started_at = now
        self.prekey = None
        self._take_up(modes, now)

    def next_mode(self, now: int) -> bool:
        """Leave the present mode; returns False when it was the last one."""
        self.drop_attempt()
        self._take_up(self.modes[1:], now)
        return bool(self.modes)

    def send_r1(self, now: int) -> bool:
        """Send R1, the same as before or of the other generation; False: tried often enough.

        In HS-RK and HS-RP there may be no R1 yet: then wants_offer() is True afterwards.
        """
        twofold = self.ratchet.secrets.candidate is not None
        if self.modes[0] != HS_R:
            return self._send_in_fragments(twofold, now)
        tries = 2 * TRIES if twofold else TRIES
        if self._tries >= tries:
            return False
        initiator = self.initiator
        if initiator is None or twofold:
            initiator = self._begin()
        if self._tries:
            self._context.stats.frames_retransmitted += 1
        wait = patience_ms(self._context.link, self._tries * TRIES // tries)
        self._tries += 1
        self.tally.sent += RESUME_BYTES
        self._deadline = self._context.tx.put(initiator.r1, now) + wait
        return True

    def wants_offer(self) -> bool:
        """Whether the present attempt waits for public-key work to make its R1."""
        return self.initiator is not None and not self.initiator.r1

    def offer(self, r1: bytes, now: int) -> None:
        """Send the R1 that was made. Of two generations the head alone goes first."""
        link, tx = self._context.link, self._context.tx
        self.sender = MessageSender(r1, M1, self.modes[0], link, self.tally)
        if self.ratchet.secrets.candidate is None:
            self.sender.start(tx, now)
        else:
            self.sender.hurry(tx, now)

    def _take_up(self, modes: "tuple[int, ...]", now: int) -> None:
        self.modes = modes
        self._tries = 0
        self._expires_at = now + self._context.link.handshake_ms

    def _send_in_fragments(self, twofold: bool, now: int) -> bool:
        context = self._context
        if now >= self._expires_at:
            return False
        sender = self.sender
        if sender is not None and self.touched_at >= 0:  # the peer knows this generation
            return sender.on_timeout(context.tx, now, context.stats)
        self._tries += 1
        if self._tries > _HEAL_TRIES:
            return False
        if sender is None or twofold:
            self._begin()
            return True
        return sender.on_timeout(context.tx, now, context.stats)

    def _begin(self) -> "Initiator | hs_rk.Initiator":
        context, mode = self._context, self.modes[0]
        self.drop_answer()
        cid = context.take_cid() if self.initiator is None else self.initiator.cid
        self._stop_sending()
        nonce = draw_nonce(cid, context.entropy)
        base = self.ratchet.begin(nonce, mode != HS_R).base
        if mode == HS_R:
            self.initiator = Initiator(base, self.names(True), nonce)
        else:
            from . import hs_rk

            self.initiator = hs_rk.Initiator(context.crypto, base, self.names(True), nonce)
        return self.initiator

    def answered(self, outcome: "Outcome") -> None:
        """Our R2 has verified: both generations are kept, durably, when this returns."""
        self._resumptions += 1
        self._healing = self.modes[0] != HS_R
        self.ratchet.answered(outcome.resumption)
        self._stop_sending()
        self.initiator = None
        self._deadline = None
        self.handle = 0

    def drop_attempt(self) -> None:
        """Nothing more is expected of our R1."""
        if self.initiator is not None:
            self._context.free_cid(self.initiator.cid)
        self._stop_sending()
        self.initiator = None
        self.ratchet.attempt = None
        self._deadline = None

    # Our answer

    def answering(self, answer: Answer, pending: Pending, now: int) -> None:
        """R2 goes out; what we had begun or answered before is given up."""
        self.drop_answer()
        self.ratchet.answering(pending)
        self.drop_attempt()
        self.answer = answer
        answer.start(self._context, now)

    def commit(self) -> None:
        """R3 has verified: only the new generation is kept, durably, when this returns."""
        answer = self.answer
        if answer is not None:
            answer.stop()
            self._count(answer.mode != HS_R)
        self.ratchet.commit()
        self.answer = None
        self.unconfirmed = None
        self.handle = 0

    def drop_answer(self) -> None:
        """R3 is not expected any more."""
        if self.answer is not None:
            self.answer.drop()
        self.answer = None
        self.ratchet.pending = None

    # Both

    def confirmed(self) -> None:
        """The peer was heard under the newest keys."""
        self.unconfirmed = None
        if self._healing:
            self._count(True)
        self.ratchet.confirmed()

    def reset(self, outcome: "Outcome", epoch: int) -> None:
        """A full handshake with the peer has ended well: generation 0, durably."""
        self._params = outcome.params.encode()
        self._epoch = epoch
        self._count(True)
        self._full_s = self._healed_s
        self.ratchet.reset(outcome.resumption)

    def next_deadline(self) -> "int | None":
        """Return when something is to be sent again, or to be given up."""
        return earliest((self._attempt_deadline(), self.answer.deadline if self.answer else None))

    def attempt_due(self, now: int) -> bool:
        """Whether our R1 has gone unanswered for long enough."""
        deadline = self._attempt_deadline()
        if deadline is None or now < deadline:
            return False
        return not (self.sender and self.sender.settle(now))

    def _attempt_deadline(self) -> "int | None":
        return self._deadline if self.sender is None else self.sender.deadline

    def _stop_sending(self) -> None:
        if self.sender is not None:
            self.sender.finished = True
        self.sender = None
        self.touched_at = -1

    def _count(self, healed: bool) -> None:
        """One more generation that both sides have."""
        self._healing = False
        self._resumptions = 0 if healed else self._resumptions + 1
        if healed:
            self._healed_s = self._tickets.now_s()

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
