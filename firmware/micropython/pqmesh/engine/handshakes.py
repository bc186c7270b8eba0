# SPDX-License-Identifier: MIT OR Apache-2.0
"""All handshakes of one engine: which may begin, which gives way, what each leads to.

Public-key work is queued and done by ``step``, one or two operations per call: hs_s_steps.py and
hs_k_steps.py. The handshakes themselves, and their endings, are in handshake_pool.py; what goes
before M1, in entrances.py.

Where exactly one neighbour can be on the link, crossed connects merge. Both sides see both
nonces, and the greater goes first: its owner ignores the other's M1, the other one yields, that
is it answers, and its handle names the session that results. If nothing does, it begins again
with fresh secrets. Two cases are no crossing, because the peer has restarted: an M1 that begins
after the peer had acknowledged all of ours (it would be answering) goes first whatever its
nonce, and one that arrives after our M3 is answered beside it.
"""

from ..compat import TYPE_CHECKING
from ..errors import Busy, Exhausted, Malformed, Unexpected, UnknownKind
from ..wire.handshake import HS_K, HS_S, M1, M2, M3, MESSAGE_BYTES
from ..wire.session import HEADER_BYTES, Close
from . import events
from . import handshake_states as states
from .admission import refusal_text
from .front import front_of
from .handshake import Handshake
from .handshake_pool import ADMIT, ANSWER, OFFER, STAMP, VERIFY, HandshakePool
from .hs_s import read_offer
from .hs_s_steps import SigmaSteps
from .sender import MessageSender, hush
from .stats import Tally
from .timers import earliest

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..compat import Buffer
    from ..credentials.ids import PeerKey
    from ..credentials.keyring import Keyring
    from ..wire.fragment import Fragment, Sack
    from .content import Content
    from .context import Context
    from .flows import Flow, FlowTable, Head
    from .hs_k_steps import KnownSteps
    from .peering import Peering
    from .session import Session
    from .sessions import SessionTable
    from .straight import Straight


class HandshakeTable:
    """At most ``limits.half_open`` handshakes.

    :param entrances: what goes before M1
    :param keyring: the keys of HS-K (credentials.keyring); None: there is no HS-K here
    """

    def __init__(
        self,
        context: "Context",
        flows: "FlowTable",
        sessions: "SessionTable",
        trust: "Callable[[bytes], bool] | None",
        entrances: "Straight",
        keyring: "Keyring | None",
    ) -> None:
        self._context = context
        self._entrances = entrances
        self.pool = HandshakePool(context, flows, sessions, trust, entrances)
        self._sigma = SigmaSteps(context, self.pool)
        self._known: "KnownSteps | None" = None
        if keyring is not None and entrances.fits(HS_K, context.link.mtu):
            from .hs_k_steps import KnownSteps

            self._known = KnownSteps(context, self.pool, entrances, keyring)

    def kinds(self) -> "dict[int, Callable[[bytes, int], None]]":
        """Return what takes each kind of frame that is a message whole."""
        kinds = self._entrances.kinds(self.on_retry)
        if self._known is not None:
            kinds.update(self._known.kinds())
        return kinds

    # Inputs

    def connect(self, now: int, expect: "bytes | None", after: "Peering | None" = None) -> int:
        """Begin as initiator; see Engine.connect. ``after``: the resumption that failed."""
        pool = self.pool
        if pool.alone and pool.initiators():
            raise Busy("a handshake with the one neighbour is under way")
        peer, fault = self._choose(expect)
        if fault:
            return self._refuse(fault, after)
        if not pool.make_room(now):
            raise Busy("%d handshakes are under way" % len(pool.all))
        handshake = Handshake(self._context, True, now)
        handshake.expect = expect
        handshake.peer = peer
        if after is not None:
            handshake.goes_on_from(after)
        self._context.stats.handshakes_started += 1
        pool.all.append(handshake)
        if pool.alone and pool.answering():
            handshake.advance(states.CONNECT)
            handshake.advance(states.YIELD)
        else:
            pool.begin(handshake, now)
        return handshake.handle

    def _choose(self, expect: "bytes | None") -> "tuple[PeerKey | None, str]":
        """Return with which key to begin HS-K, None for HS-S; or why neither can begin."""
        if expect == self._context.identity.peer_id:
            return None, "that is ourselves"
        peer = None if self._known is None else self._known.peer(expect)
        mode = self._entrances.full_mode(expect, peer is not None)
        if mode is None:
            return None, self._entrances.refusal(expect, peer is not None)
        if not self._entrances.fits(mode, self._context.link.mtu):
            return None, "frames of this link are too short for the handshake"
        return (peer if mode == HS_K else None), ""

    def _refuse(self, reason: str, after: "Peering | None") -> int:
        handle = self._context.new_handle() if after is None else after.handle
        self._context.stats.handshakes_failed += 1
        self._context.events.append(events.Refused(handle, reason, None))
        return handle

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

    def expects(self, head: "Head", now: int) -> "tuple[int, Tally]":
        """Decide whether the message that ``head`` announces is wanted.

        Returns the handle of its handshake, 0 for an M1, and where to count its bytes.

        :raises ProtocolError: it is not
        """
        mode = head.mode
        if not self._speaks(mode):
            raise UnknownKind("handshake mode %d" % mode)
        if head.total != self._message_bytes(mode, head.number):
            raise Malformed("message %d of %d octets" % (head.number, head.total))
        if head.number == M1:
            entry = self._entrances.admit(mode, head.data, now)
            tally = Tally()
            if entry is not None and not self.pool.alone:
                self.pool.check_place(entry.admitted, now)
                tally.received, tally.sent = len(entry.hello), len(entry.retry)
                tally.stranger = not entry.admitted
            return 0, tally
        cid = int.from_bytes(head.data[:2], "big")
        for handshake in self.pool.all:
            waits = handshake.mode == mode and self._waits(handshake, head.number)
            if waits and handshake.cid == cid:
                return handshake.handle, handshake.tally
        raise Unexpected("message %d for no handshake of ours" % head.number)

    def _speaks(self, mode: int) -> bool:
        return mode == HS_S or (mode == HS_K and self._known is not None)

    def _message_bytes(self, mode: int, number: int) -> int:
        if number == M1:
            return self._entrances.offer_bytes(mode)
        if self._known is not None and mode == HS_K:
            return self._known.message_bytes(number)
        return MESSAGE_BYTES.get(number, 0)

    def _waits(self, handshake: Handshake, number: int) -> bool:
        """Whether a handshake waits for message ``number`` of its mode."""
        if self._known is not None and handshake.mode == HS_K and number != M2:
            return self._known.waits(handshake, number)
        return states.allows(handshake.state, states.M2 if number == M2 else states.M3)

    def begun(self, handle: int, now: int) -> None:
        """A message has begun to arrive, so the one it answers is there."""
        handshake = self.pool.find(handle)
        if handshake is not None and isinstance(handshake.sender, MessageSender):
            handshake.sender.answered(now)

    def overheard(self, fragment: "Fragment", now: int) -> None:
        """A fragment without its head has come: if it may be of our answer, do not talk over it.

        Nothing is proved by it, and nothing but a question is put off, while it goes on.
        """
        for handshake in self.pool.all:
            sender = handshake.sender
            if sender is None or handshake.mode != fragment.mode():
                continue
            if fragment.number() in (M2, M3) and sender.number < fragment.number():
                hush(sender, self._context.link, now)

    def another_follows(self, flow: "Flow") -> bool:
        """Whether the peer goes on after this message, with no answer to it in between."""
        if self._known is None or flow.mode != HS_K:
            return False
        return self._known.another_follows(flow.number)

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
        if flow.number == M2:
            self.pool.queue(VERIFY, handshake, flow.message, now)
        elif self._known is not None and flow.mode == HS_K:
            self._known.on_part(handshake, flow, now)
        else:
            self.pool.queue(ADMIT, handshake, flow.message, now)
        return handshake.handle

    def on_retry(self, frame: bytes, now: int) -> None:
        """Take RETRY.

        :raises ProtocolError: it answers no HELLO of ours, or not as we wish
        """
        for handshake in self.pool.initiators():
            caller = handshake.caller
            if caller is None or not caller.wants(frame):
                continue
            if handshake.state == states.CALLING:
                if self._entrances.on_retry(handshake, frame, now):
                    self._on_settled(handshake, now)
                return
            if handshake.state == states.OFFERED and self._entrances.turns_down(frame):
                self._fall_back(handshake, now)
                return
        raise Unexpected("RETRY to no HELLO of ours")

    def _on_settled(self, handshake: Handshake, now: int) -> None:
        """RETRY is taken: M1 goes, or the work that it asks for first."""
        if self._entrances.ready(handshake):
            handshake.advance(states.CONNECT)
            self.pool.queue(OFFER, handshake, b"", now)
        else:
            self.pool.queue(STAMP, handshake, b"", now)

    def _fall_back(self, handshake: Handshake, now: int) -> None:
        """The one neighbour says that it has not the key we know it by: HS-S proves it anew.

        Nothing proves that it was the neighbour who said so, but HS-S is not less than HS-K.
        """
        handshake.peer = None
        handshake.caller = None
        handshake.mode = HS_S
        handshake.drawn = b""
        handshake.stop_sending()
        self.pool.begin(handshake, now)

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

    def on_sack(self, handshake: Handshake, sack: "Sack", now: int) -> None:
        """Take a SACK of the message that a handshake is sending.

        :raises BadTag: its sender has not seen the head
        """
        sender = handshake.sender
        if isinstance(sender, MessageSender):
            sender.on_sack(sack, self._context.tx, now)
            if sender.complete and self._known is not None and handshake.mode == HS_K:
                self._known.on_acknowledged(handshake, now)
        handshake.touched_at = now

    def repeat(self, handle: int, number: int, now: int) -> None:
        """The peer asks again for what follows a message that we have had whole."""
        handshake = self.pool.find(handle)
        if handshake is not None and self._known is not None and handshake.mode == HS_K:
            self._known.repeat(handshake, number, now)

    def handle_timeout(self, now: int) -> None:
        """Retransmit, and give up, what has fallen due."""
        for handshake in list(self.pool.all):
            if now >= handshake.expires_at:
                self.pool.fail(handshake, "the handshake took too long", now)
            elif not handshake.retransmit(now):
                self.pool.fail(handshake, handshake.hint or "no answer", now)

    def step(self, now: int) -> bool:
        """Do the next piece of public-key work, if there is one; returns whether there was.

        A node that lacks the memory for it gives the handshake up; the peer's may begin again.
        """
        if not self.pool.work:
            return False
        kind, handshake, message = self.pool.work.pop(0)
        self.pool.work_at = now
        try:
            self._do(kind, handshake, message, now)
        except MemoryError:
            if handshake in self.pool.all:
                self.pool.fail(handshake, "not enough memory", now)
        return True

    def next_deadline(self) -> "int | None":
        """Return when a handshake next wants attention; work is due at once."""
        if self.pool.work:
            return self.pool.work_at
        return earliest([handshake.next_deadline() for handshake in self.pool.all])

    # What comes of a message

    def _do(self, kind: int, handshake: Handshake, message: "Buffer", now: int) -> None:
        if kind == STAMP:
            if handshake.state == states.CALLING:
                self._on_settled(handshake, now)
        elif handshake.mode == HS_K and self._known is not None:
            self._known.do(kind, handshake, message, now)
        else:
            self._sigma.do(kind, handshake, message, now)

    def _on_offer(self, flow: "Flow", now: int) -> int:
        entry = self._entrances.admit(flow.mode, flow.message, now)
        nonce = b"" if entry is None else entry.nonce_i
        front = bytes(flow.message[: self._entrances.front_bytes(flow.mode)])
        if flow.mode == HS_S:
            nonce = read_offer(memoryview(flow.message)[len(front) :]).nonce
        if entry is not None and not self.pool.alone:
            self.pool.check_place(entry.admitted, now)
        if not self.pool.make_room(now):
            raise Exhausted("%d handshakes are under way" % len(self.pool.all))
        if self.pool.alone:
            self._yield_to(nonce, flow.opened_at, now)
        handshake = Handshake(self._context, False, now, flow.mode)
        handshake.tally = flow.tally
        handshake.opened_at = flow.opened_at
        if entry is not None:
            handshake.front = front_of(entry, front)
            handshake.credential = entry.credential
            handshake.admitted = entry.admitted
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
            if not isinstance(sender, MessageSender) or sender.was_here(opened_at):
                pass  # nothing is out yet, or the peer has restarted
            elif rival.nonce() > nonce:
                sender.hurry(self._context.tx, now)  # the peer does not have it yet
                raise Unexpected("crossed handshakes, and ours goes first")
            rival.stop_sending()
            rival.advance(states.YIELD)
