# SPDX-License-Identifier: MIT OR Apache-2.0
"""HS-K, step by step: what a handshake does with each message, and what follows from it.

Two public-key operations per step; a step is one call of ``do``. Symmetric work is done as the
frame arrives. The cryptography is in hs_k.py, which state allows what in handshake_states.py.

    initiator   M1 out --M2--> Confirm out --first frame--> open
                   --NeedCredential--> first half out --SACK--> second half out --M2--> ..
    responder   M1 --> M2 out --Confirm--> open
                   --> NeedCredential out --both halves--> M2 out ..
"""

from ..compat import TYPE_CHECKING
from ..errors import ProtocolError, Unexpected
from ..wire.handshake import M1, M2
from ..wire.hs_k import (
    ANSWER_BYTES,
    CONFIRM,
    NEED_CREDENTIAL,
    PART_1,
    PART_2,
    Confirm,
    NeedCredential,
    part_bytes,
)
from ..wire.layout import decode
from ..wire.session import HEADER_BYTES
from . import handshake_states as states
from .handshake import own_params
from .handshake_pool import ADMIT, ANSWER, OFFER, PART, SHOW, VERIFY
from .hs_k import Initiator, Responder
from .repeater import Repeater
from .session import ENDED

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..compat import Buffer
    from ..credentials.ids import OwnKey, PeerKey
    from ..credentials.keyring import Keyring
    from .context import Context
    from .flows import Flow
    from .handshake import Handshake
    from .handshake_pool import HandshakePool
    from .session import Session
    from .straight import Straight


class KnownSteps:
    """What is done for handshakes of HS-K.

    :param keyring: of credentials.keyring
    """

    def __init__(
        self,
        context: "Context",
        pool: "HandshakePool",
        entrances: "Straight",
        keyring: "Keyring",
    ) -> None:
        self._context = context
        self._pool = pool
        self._entrances = entrances
        self._keyring = keyring
        self._confirmed: "list[tuple[Session, bytes]]" = []  # what opened it, in case M4 is lost

    def peer(self, expect: "bytes | None") -> "PeerKey | None":
        """Return the key of ``expect``, if HS-K can begin with it; else None."""
        if expect is None or self._keyring.current() is None:
            return None
        return self._keyring.peer(expect)

    def kinds(self) -> "dict[int, Callable[[bytes, int], None]]":
        """Return what takes each kind of frame that is a message of HS-K whole."""
        return {CONFIRM: self.on_confirm, NEED_CREDENTIAL: self.on_need}

    def message_bytes(self, number: int) -> int:
        """Return the length of a message other than M1."""
        return ANSWER_BYTES if number == M2 else part_bytes(number)

    def waits(self, handshake: "Handshake", number: int) -> bool:
        """Whether a handshake waits for half ``number`` of a credential."""
        return handshake.state == states.ASKED and handshake.parts == (number == PART_2)

    def another_follows(self, number: int) -> bool:
        """Whether what follows a message from the same side is not an answer to it."""
        return number == PART_1

    def do(self, kind: int, handshake: "Handshake", message: "Buffer", now: int) -> None:
        """Do one piece of work; a message that is forged, late or double does nothing."""
        if kind == OFFER and handshake.state == states.OFFERED:  # else it has yielded
            self._offer(handshake, now)
        elif kind == ANSWER:
            self._try(self._answer, handshake, message, now)
        elif kind == SHOW:
            self._show(handshake, message[0], now)
        elif kind == PART:
            self._try(self._part, handshake, message, now)
        elif kind == VERIFY:
            self._verify(handshake, bytes(message), now)
        elif kind == ADMIT:
            self._admit(handshake, bytes(message), now)

    # Initiator

    def _offer(self, handshake: "Handshake", now: int) -> None:
        own, peer = self._keyring.current(), handshake.peer
        if own is None or peer is None:
            self._pool.fail(handshake, "we have no valid key", now)
            return
        context = self._context
        try:
            handshake.initiator = Initiator(
                context.identity.peer_id,
                own,
                peer,
                context.crypto,
                context.entropy,
                own_params(context),
            )
            m1 = handshake.initiator.offer(handshake.front)
        except ProtocolError as error:  # a key that is none, or our own
            self._pool.fail(handshake, str(error), now)
            return
        handshake.send(m1, M1, now)

    def on_need(self, frame: bytes, now: int) -> None:
        """Take NeedCredential.

        :raises ProtocolError: it answers no M1 of ours
        """
        need = decode(NeedCredential, frame)
        for handshake in self._pool.all:
            initiator = handshake.initiator
            if handshake.cid != need.to or handshake.state != states.OFFERED:
                continue
            if isinstance(initiator, Initiator):
                initiator.check_need(need)
                handshake.tally.received += len(frame)
                handshake.touched_at = now
                if not handshake.parts:
                    initiator.peer_cid = need.cid
                    self._next_part(handshake, now)
                return
        raise Unexpected("NeedCredential for no handshake of ours")

    def on_acknowledged(self, handshake: "Handshake", now: int) -> None:
        """The peer has all of the message that is being sent: the second half may be next."""
        sender = handshake.sender
        if sender is not None and sender.number == PART_1 and handshake.parts == 1:
            self._next_part(handshake, now)

    def _next_part(self, handshake: "Handshake", now: int) -> None:
        number = PART_2 if handshake.parts else PART_1
        handshake.parts += 1
        self._pool.queue(SHOW, handshake, bytes((number,)), now)

    def _show(self, handshake: "Handshake", number: int, now: int) -> None:
        initiator = handshake.initiator
        if isinstance(initiator, Initiator) and handshake.state == states.OFFERED:
            try:
                credential = self._keyring.credential()
            except ProtocolError as error:
                self._pool.fail(handshake, str(error), now)
                return
            message = initiator.part(number, credential, initiator.peer_cid)
            handshake.send(message, number, now)

    def _verify(self, handshake: "Handshake", m2: bytes, now: int) -> None:
        initiator = handshake.initiator
        if not isinstance(initiator, Initiator) or not states.allows(handshake.state, states.M2):
            return  # a second M2, completed while the first was being verified
        try:
            initiator.verify(m2)
        except ProtocolError as error:  # forged: the genuine one may still come
            self._context.stats.drop(error)
            return
        if self._pool.proved(handshake, initiator.peer_id, now):
            confirm, outcome = initiator.finish()
            self._pool.add_session(handshake, initiator.peer_cid, outcome)
            handshake.say(confirm, HEADER_BYTES + self._context.link.tag_bytes, now)

    # Responder

    def _answer(self, handshake: "Handshake", m1: "Buffer", now: int) -> None:
        own = self._keyring.own(handshake.credential)
        if own is None:
            raise Unexpected("the key that M1 is for is over")
        responder = self._responder(own)
        responder.open(handshake.front, m1)
        self._pool.cross(handshake, responder.peer_id)
        handshake.responder = responder
        peer = self._keyring.find_peer(responder.credential_id)
        if peer is not None:
            self._reply(handshake, responder, peer, now)
            return
        known = self._keyring.floor(responder.peer_id) >= 0  # an earlier epoch of it
        if not known and not self._entrances.strangers():
            raise Unexpected("a credential that is not known here")
        handshake.intake = self._keyring.intake(self._context.crypto, responder.peer_id)
        handshake.advance(states.ASK)
        self._ask(handshake, responder, now)

    def _responder(self, own: "OwnKey") -> Responder:
        context = self._context
        me = context.identity.peer_id
        return Responder(me, own, context.crypto, context.entropy, own_params(context))

    def _ask(self, handshake: "Handshake", responder: Responder, now: int) -> None:
        need = responder.ask(handshake.cid)
        handshake.tally.sent += len(need)
        stranger = handshake.tally.stranger
        self._context.tx.put(need, now, handshake.address, True, stranger)

    def _reply(
        self, handshake: "Handshake", responder: Responder, peer: "PeerKey", now: int
    ) -> None:
        m2 = responder.answer(peer, handshake.cid)
        handshake.advance(states.M1)
        handshake.send(m2, M2, now)

    def on_part(self, handshake: "Handshake", flow: "Flow", now: int) -> None:
        """Take half a credential, which expects() has allowed.

        :raises ProtocolError: it is not by who sent M1; the genuine one may still come
        """
        responder = handshake.responder
        if not isinstance(responder, Responder):
            raise Unexpected("half a credential for no handshake of ours")
        half = responder.part(flow.number, flow.message)
        handshake.parts += 1
        self._pool.queue(PART, handshake, half, now)

    def _part(self, handshake: "Handshake", half: "Buffer", now: int) -> None:
        responder, intake = handshake.responder, handshake.intake
        if isinstance(responder, Responder) and intake is not None and intake.feed(half):
            self._reply(handshake, responder, self._keyring.take(intake), now)

    def on_confirm(self, frame: bytes, now: int) -> None:
        """Take M3.

        :raises ProtocolError: it confirms no answer of ours; the genuine one may still come
        """
        confirm = decode(Confirm, frame)
        for handshake in self._pool.all:
            responder = handshake.responder
            if handshake.cid != confirm.to or not isinstance(responder, Responder):
                continue
            if states.allows(handshake.state, states.M3):
                responder.admit(frame)
                handshake.tally.received += len(frame)
                self._pool.queue(ADMIT, handshake, frame, now)
                return
        for session, known in self._confirmed:
            if known == frame and session.state != ENDED:
                session.repeat(now)  # M4 was lost, or the refusal
                return
        raise Unexpected("M3 for no handshake of ours")

    def _admit(self, handshake: "Handshake", confirm: bytes, now: int) -> None:
        responder = handshake.responder
        if not isinstance(responder, Responder) or not states.allows(handshake.state, states.M3):
            return  # a second M3, come before the first was taken
        outcome = responder.admit(confirm)
        session = self._pool.admit(handshake, responder.peer_cid, outcome, now)
        self._confirmed = [one for one in self._confirmed if one[0].state != ENDED]
        self._confirmed.append((session, confirm))

    # Both

    def repeat(self, handshake: "Handshake", number: int, now: int) -> None:
        """The peer asks again for what follows a message of its that we have whole."""
        responder, sender = handshake.responder, handshake.sender
        if number == M1 and handshake.state == states.ASKED and isinstance(responder, Responder):
            self._ask(handshake, responder, now)
        elif number == M2 and isinstance(sender, Repeater):
            sender.start(self._context.tx, now)

    def _try(
        self,
        work: "Callable[[Handshake, Buffer, int], None]",
        handshake: "Handshake",
        message: "Buffer",
        now: int,
    ) -> None:
        """Do the responder's ``work``; a handshake that cannot go on is given up in silence."""
        try:
            work(handshake, message, now)
        except ProtocolError as error:
            self._context.stats.drop(error)
            self._pool.fail(handshake, str(error), now)
