# SPDX-License-Identifier: MIT OR Apache-2.0
"""HS-S, step by step: what a handshake does with each message, and what follows from it.

One public-key operation or two per step; a step is one call of ``do``. The cryptography is in
hs_s.py, which state allows what in handshake_states.py.
"""

from ..compat import TYPE_CHECKING
from ..errors import ProtocolError
from ..wire.handshake import M1, M2, M3
from ..wire.session import HEADER_BYTES, REASON_FULL, REASON_REFUSED
from . import handshake_states as states
from .admission import objection
from .handshake_pool import ADMIT, ANSWER, FINISH, OFFER, VERIFY

if TYPE_CHECKING:
    from ..compat import Buffer
    from .context import Context
    from .handshake import Handshake
    from .handshake_pool import HandshakePool


class SigmaSteps:
    """What is done for handshakes of HS-S."""

    def __init__(self, context: "Context", pool: "HandshakePool") -> None:
        self._context = context
        self._pool = pool

    def do(self, kind: int, handshake: "Handshake", message: "Buffer", now: int) -> None:
        """Do one piece of work; a message that is forged, late or double does nothing."""
        if kind == OFFER and handshake.state == states.OFFERED:  # else it has yielded
            handshake.send(handshake.begin().offer(handshake.cid), M1, now)
        elif kind == ANSWER:
            self._answer(handshake, message, now)
        elif kind == VERIFY:
            self._verify(handshake, message, now)
        elif kind == FINISH:
            self._finish(handshake, now)
        elif kind == ADMIT:
            self._admit(handshake, message, now)

    def _answer(self, handshake: "Handshake", m1: bytes, now: int) -> None:
        try:
            m2 = handshake.begin_answer().answer(m1, handshake.cid)
        except ProtocolError as error:
            self._context.stats.drop(error)
            self._pool.fail(handshake, str(error), now)
            return
        handshake.advance(states.M1)
        handshake.send(m2, M2, now)

    def _verify(self, handshake: "Handshake", m2: bytes, now: int) -> None:
        initiator = handshake.initiator
        if initiator is None or not states.allows(handshake.state, states.M2):
            return  # a second M2, completed while the first was being verified
        try:
            initiator.verify(m2)
        except ProtocolError as error:  # forged: the genuine one may still come
            self._context.stats.drop(error)
            return
        fault = objection(initiator.peer_id, handshake.expect, self._pool.trust)
        if fault:
            self._pool.fail(handshake, fault, now, initiator.peer_id)
            return
        handshake.advance(states.M2)
        handshake.stop_sending()
        self._pool.queue(FINISH, handshake, b"", now)

    def _finish(self, handshake: "Handshake", now: int) -> None:
        initiator = handshake.initiator
        if initiator is not None:
            m3, outcome = initiator.finish()
            self._pool.add_session(handshake, initiator.peer_cid, outcome)
            handshake.send(m3, M3, now)

    def _admit(self, handshake: "Handshake", m3: bytes, now: int) -> None:
        responder = handshake.responder
        if responder is None or not states.allows(handshake.state, states.M3):
            return
        try:
            outcome = responder.admit(m3)
        except ProtocolError as error:
            self._context.stats.drop(error)
            return
        handshake.stop_sending()
        fault = objection(outcome.peer_id, self._pool.expected(), self._pool.trust)
        full = self._pool.sessions.full_for(outcome.peer_id)
        if not (fault or full):
            self._pool.take_over(handshake, outcome.peer_id)
        session = self._pool.add_session(handshake, responder.peer_cid, outcome)
        if fault or full:
            session.quiet = True
            session.close(REASON_REFUSED if fault else REASON_FULL, now)
            self._pool.fail(
                handshake, fault or "no room for another session", now, outcome.peer_id
            )
            return
        handshake.advance(states.M3)
        handshake.tally.sent += HEADER_BYTES + self._context.link.tag_bytes  # M4
        self._pool.established(handshake, session, now)
        session.confirm(now)
