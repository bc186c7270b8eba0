# SPDX-License-Identifier: MIT OR Apache-2.0
"""All handshakes of one engine: which may begin, which gives way, what each leads to.

Public-key work is queued and done by ``step``, one operation's worth per call: hs_s_steps.py. The
handshakes themselves, and their endings, are in handshake_pool.py.

Where exactly one neighbour can be on the link, crossed connects merge. Both sides see both
nonces, and the greater goes first: its owner ignores the other's M1, the other one yields, that
is it answers, and its handle names the session that results. If nothing does, it begins again
with fresh secrets. Two cases are no crossing, because the peer has restarted: an M1 that begins
after the peer had acknowledged all of ours (it would be answering) goes first whatever its
nonce, and one that arrives after our M3 is answered beside it.
"""

from ..compat import TYPE_CHECKING
from ..errors import Busy, Exhausted, Malformed, Unexpected, UnknownKind
from ..wire.fragment import fragment_kind
from ..wire.handshake import HS_S, M1, M2, MESSAGE_BYTES
from ..wire.session import HEADER_BYTES, Close
from . import handshake_states as states
from .admission import refusal_text
from .handshake import Handshake
from .handshake_pool import ADMIT, ANSWER, OFFER, VERIFY, HandshakePool
from .hs_s import read_offer
from .hs_s_steps import SigmaSteps
from .stats import Tally
from .timers import earliest

if TYPE_CHECKING:
    from collections.abc import Callable

    from .content import Content
    from .context import Context
    from .flows import Flow, FlowTable, Head
    from .peering import Peering
    from .session import Session
    from .sessions import SessionTable


class HandshakeTable:
    """At most ``limits.half_open`` handshakes."""

    def __init__(
        self,
        context: "Context",
        flows: "FlowTable",
        sessions: "SessionTable",
        trust: "Callable[[bytes], bool] | None",
    ) -> None:
        self._context = context
        self.pool = HandshakePool(context, flows, sessions, trust)
        self._steps = SigmaSteps(context, self.pool)

    # Inputs

    def connect(self, now: int, expect: "bytes | None", after: "Peering | None" = None) -> int:
        """Begin as initiator; see Engine.connect. ``after``: the resumption that failed."""
        if self.pool.alone and self.pool.initiators():
            raise Busy("a handshake with the one neighbour is under way")
        if not self.pool.make_room(now):
            raise Busy("%d handshakes are under way" % len(self.pool.all))
        handshake = Handshake(self._context, True, now)
        handshake.expect = expect
        if after is not None:
            handshake.goes_on_from(after)
        handshake.advance(states.CONNECT)
        self._context.stats.handshakes_started += 1
        self.pool.all.append(handshake)
        if self.pool.alone and self.pool.answering():
            handshake.advance(states.YIELD)
        else:
            self.pool.queue(OFFER, handshake, b"", now)
        return handshake.handle

    def abandon(self, handle: int, now: int) -> bool:
        """Give up the handshake of this handle; returns False when there is none."""
        handshake = self.pool.find(handle)
        if handshake is None:
            return False
        self.pool.fail(handshake, "given up by its owner", now)
        return True

    def proving(self, peer_id: bytes) -> bool:
        """Whether our M3 is on its way to this peer: too late to give way."""
        return bool([own for own in self.pool.all if own.proved_peer() == peer_id])

    def give_way(self, peer_id: bytes) -> int:
        """HS-R has opened a session with this peer: return the handle of ours to it, or 0."""
        for own in self.pool.initiators():
            anybody = own.expect is None and self.pool.alone
            if (own.expect == peer_id or anybody) and not own.proved_peer():
                self.pool.end(own)
                return own.handle
        return 0

    def expects(self, head: "Head", fragment_octet: int) -> "tuple[int, Tally]":
        """Decide whether the message that ``head`` announces is wanted.

        Returns the handle of its handshake, 0 for an M1, and where to count its bytes.

        :raises ProtocolError: it is not
        """
        if fragment_octet != fragment_kind(HS_S):
            raise UnknownKind("handshake mode %d" % (fragment_octet & 7))
        if head.total != MESSAGE_BYTES[head.number]:
            raise Malformed("message %d of %d octets" % (head.number, head.total))
        if head.number == M1:
            return 0, Tally()
        wanted = states.M2 if head.number == M2 else states.M3
        cid = int.from_bytes(head.data[:2], "big")
        for handshake in self.pool.all:
            if handshake.cid == cid and states.allows(handshake.state, wanted):
                return handshake.handle, handshake.tally
        raise Unexpected("message %d for no handshake of ours" % head.number)

    def on_message(self, flow: "Flow", now: int) -> int:
        """Take a whole message; returns the handle of the handshake it belongs to.

        :raises ProtocolError: it is not taken; the peer will send it again
        """
        if len(self.pool.work) > self._context.limits.half_open:
            raise Exhausted("too much public-key work is waiting")
        if flow.number == M1:
            return self._on_offer(flow, now)
        handshake = self.pool.find(flow.owner)
        if handshake is None:
            raise Unexpected("the handshake of this message is over")
        handshake.touched_at = now
        work = VERIFY if flow.number == M2 else ADMIT
        self.pool.queue(work, handshake, flow.message, now)
        return handshake.handle

    def on_confirm(self, session: "Session", content: "Content", now: int) -> None:
        """The first frame of a pending session has come: M4, or a refusal."""
        handshake = self.pool.find(session.handle)
        if handshake is None:
            raise Unexpected("the handshake of this session is over")
        if isinstance(content.control, Close):
            session.quiet = True
            text = refusal_text(content.control.reason)
            self.pool.fail(handshake, text, now, session.peer_id)
            return
        handshake.advance(states.CONFIRM)
        handshake.tally.received += HEADER_BYTES + self._context.link.tag_bytes  # M4
        self.pool.established(handshake, session, now)

    def sender_of(self, flow: bytes, number: int) -> "Handshake | None":
        """Return the handshake that is sending this message, or None."""
        for handshake in self.pool.all:
            sender = handshake.sender
            if sender and sender.number == number and sender.digest[: len(flow)] == flow:
                return handshake
        return None

    def handle_timeout(self, now: int) -> None:
        """Retransmit, and give up, what has fallen due."""
        for handshake in list(self.pool.all):
            if now >= handshake.expires_at:
                self.pool.fail(handshake, "the handshake took too long", now)
            elif not handshake.retransmit(now):
                self.pool.fail(handshake, "no answer", now)

    def step(self, now: int) -> None:
        """Do the next piece of public-key work, if there is one.

        A node that lacks the memory for it gives the handshake up; the peer's may begin again.
        """
        if not self.pool.work:
            return
        kind, handshake, message = self.pool.work.pop(0)
        self.pool.work_at = now
        try:
            self._steps.do(kind, handshake, message, now)
        except MemoryError:
            if handshake in self.pool.all:
                self.pool.fail(handshake, "not enough memory", now)

    def next_deadline(self) -> "int | None":
        """Return when a handshake next wants attention; work is due at once."""
        if self.pool.work:
            return self.pool.work_at
        return earliest([handshake.next_deadline() for handshake in self.pool.all])

    def _on_offer(self, flow: "Flow", now: int) -> int:
        offer = read_offer(flow.message)
        if not self.pool.make_room(now):
            raise Exhausted("%d handshakes are under way" % len(self.pool.all))
        if self.pool.alone:
            self._yield_to(offer.nonce, flow.opened_at, now)
        handshake = Handshake(self._context, False, now)
        handshake.tally = flow.tally
        self.pool.all.append(handshake)
        self.pool.queue(ANSWER, handshake, flow.message, now)
        return handshake.handle

    def _yield_to(self, nonce: bytes, opened_at: int, now: int) -> None:
        """:raises Unexpected: our own M1 is out and goes first"""
        for rival in self.pool.all:
            if rival.state != states.OFFERED:
                continue
            if rival.nonce() == nonce:
                raise Unexpected("our own M1, come back")
            sender = rival.sender
            if sender is not None and rival.nonce() > nonce and not sender.was_here(opened_at):
                sender.hurry(self._context.tx, now)  # the peer does not have it yet
                raise Unexpected("crossed handshakes, and ours goes first")
            rival.stop_sending()
            rival.advance(states.YIELD)
