# SPDX-License-Identifier: MIT OR Apache-2.0
"""HS-S, step by step: what a handshake does with each message, and what follows from it.

One public-key operation or two per step; a step is one call of ``do``. The cryptography is in
hs_s.py, which state allows what in handshake_states.py.
"""

from ..compat import TYPE_CHECKING
from ..errors import ProtocolError
from ..wire.handshake import M1, M2, M3
from . import handshake_states as states
from .handshake_pool import ADMIT, ANSWER, FINISH, OFFER, VERIFY
from .hs_s import Initiator, Responder

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
            m1 = handshake.begin().offer(handshake.cid, handshake.front)
            handshake.send(m1, M1, now)
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
            m2 = handshake.begin_answer().answer(m1, handshake.cid, handshake.front)
        except ProtocolError as error:
            self._context.stats.drop(error)
            self._pool.fail(handshake, str(error), now)
            return
        handshake.advance(states.M1)
        handshake.send(m2, M2, now)

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
            self._pool.queue(FINISH, handshake, b"", now)

    def _finish(self, handshake: "Handshake", now: int) -> None:
        initiator = handshake.initiator
        if isinstance(initiator, Initiator):
            m3, outcome = initiator.finish()
            self._pool.add_session(handshake, initiator.peer_cid, outcome)
            handshake.send(m3, M3, now)

    def _admit(self, handshake: "Handshake", m3: bytes, now: int) -> None:
        responder = handshake.responder
        if not isinstance(responder, Responder) or not states.allows(handshake.state, states.M3):
            return
        try:
            outcome = responder.admit(m3)
        except ProtocolError as error:
            self._context.stats.drop(error)
            return
        self._pool.admit(handshake, responder.peer_cid, outcome, now)
