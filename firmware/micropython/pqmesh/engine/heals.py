# SPDX-License-Identifier: MIT OR Apache-2.0
"""The messages of HS-RK and HS-RP: taken from the flows, made and checked one step at a time.

    R1 comes     head: ticket, check, whether it is wanted -> a flow -> whole: mac_1 -> queued
    R2 comes     head: an R1 of ours is open -> a flow -> whole -> queued
    step         one of: make our R1; check the peer's R2; answer the peer's R1

``receive`` does symmetric work only. When one of these may begin, and what comes of it, is in
resumes.py, as it is for HS-R.

Prekeys are the owner's, a port of four methods (credentials/prekeys.py):

    stocked(peer_id) -> int               how many of the peer's are left
    take(peer_id) -> (index, ek) | None   the next of them; gone from the stock, durably
    seed(peer_id, index) -> seed | None   a copy, of one that the peer was given; changes nothing
    used(peer_id, index)                  it is erased, durably
"""

from ..compat import TYPE_CHECKING
from ..crypto import KEM_COINS_BYTES, KEM_SEED_BYTES
from ..errors import Exhausted, Malformed, ProtocolError, Unexpected
from ..wipe import wipe
from ..wire.handshake import HS_RK, HS_RP, M1, M2, NONCE_BYTES
from ..wire.healing import HEALED_BYTES
from ..wire.resumption import CID_BYTES, HEAL_BYTES, R1_BYTES, TICKET_BYTES
from .answer import Answer
from .hs_rk import Initiator, Responder, peek
from .resumption import Pending
from .sender import hush
from .stats import Tally

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from ..compat import Buffer
    from ..wire.fragment import Fragment
    from .context import Context
    from .flows import Flow, FlowTable, Head
    from .peering import Peering
    from .peerings import Peerings
    from .resumes import ResumeTable

    class Prekeys(Protocol):
        """The port."""

        def stocked(self, peer_id: bytes) -> int: ...

        def take(self, peer_id: bytes) -> "tuple[int, bytes] | None": ...

        def seed(self, peer_id: bytes, index: int) -> "Buffer | None": ...

        def used(self, peer_id: bytes, index: int) -> None: ...


class HealTable:
    """At most ``limits.half_open`` + 1 pieces of work wait; a message beyond is not taken."""

    def __init__(
        self,
        context: "Context",
        flows: "FlowTable",
        peerings: "Peerings",
        resumes: "ResumeTable",
        prekeys: "Prekeys | None",
    ) -> None:
        self._context = context
        self._flows = flows
        self._peerings = peerings
        self._resumes = resumes
        self._prekeys = prekeys
        self._work: "list[tuple[Callable[..., None], tuple[Any, ...]]]" = []
        self._work_at = 0

    # Messages

    def expects(self, head: "Head", now: int) -> "tuple[int, Tally]":
        """Decide whether the message that ``head`` announces is wanted.

        Returns the handle it belongs to, 0 for an R1, and where to count its bytes.

        :raises ProtocolError: it is not
        """
        if head.number == M1:
            if head.total != R1_BYTES[head.mode] or len(head.data) < HEAL_BYTES:
                raise Malformed("R1 of %d octets" % head.total)
            self._look_at(bytes(head.data), head.mode)
            return 0, Tally()
        if head.number != M2 or head.mode != HS_RK or head.total != HEALED_BYTES:
            raise Malformed("message %d of %d octets" % (head.number, head.total))
        cid = int.from_bytes(head.data[:CID_BYTES], "big")
        for peering in self._peerings.all:
            initiator = peering.initiator
            if isinstance(initiator, Initiator) and initiator.r1 and initiator.cid == cid:
                if peering.sender is not None:
                    peering.sender.answered(now)
                return peering.handle, peering.tally
        raise Unexpected("R2 for no resumption of ours")

    def overheard(self, fragment: "Fragment", now: int) -> None:
        """A fragment of R2 has come without its head: do not talk over the rest."""
        for peering in self._peerings.all if fragment.number() == M2 else ():
            if peering.sender is not None:
                hush(peering.sender, self._context.link, now)

    def repeat(self, owner: int, number: int, now: int) -> None:
        """The peer asks about an R1 that we have had whole: it has not heard R2."""
        for peering in self._peerings.all if number == M1 else ():
            answer = peering.answer
            if answer is not None and answer.session.handle == owner and answer.settled():
                answer.begin(self._context, now)

    def on_message(self, flow: "Flow", now: int) -> int:
        """Take a whole message; returns the handle it belongs to.

        :raises ProtocolError: it is not taken; the peer will send it again
        """
        if len(self._work) > self._context.limits.half_open:
            raise Exhausted("too much public-key work is waiting")
        message = bytes(flow.message)
        if flow.number == M1:
            self._responder(message, flow.mode)
            handle = self._context.new_handle()
            work = (handle, flow.mode, message, flow.tally, flow.opened_at)
            self._queue(self._do_answer, work, now)
            return handle
        for peering in self._peerings.all:
            if peering.handle == flow.owner and peering.initiator is not None:
                self._queue(self._do_verify, (peering, peering.initiator, message), now)
                return flow.owner
        raise Unexpected("the resumption of this message is over")

    def sender_of(self, flow: bytes, number: int) -> "Peering | Answer | None":
        """Return who is sending this message, or None."""
        for peering in self._peerings.all:
            for one in (peering, peering.answer):
                sender = None if one is None else one.sender
                if sender and sender.number == number and sender.digest[: len(flow)] == flow:
                    return one
        return None

    def spend(self, peer_id: bytes, index: int) -> None:
        """R3 has come: the prekey's seed is erased, durably, when this returns."""
        if self._prekeys is not None and self._prekeys.seed(peer_id, index) is not None:
            self._prekeys.used(peer_id, index)

    # Public-key work

    def offer(self, peering: "Peering", now: int) -> None:
        """Let the R1 of this attempt be made."""
        self._queue(self._do_offer, (peering, peering.initiator), now)

    def step(self, now: int) -> bool:
        """Do the next piece of public-key work; returns False when there is none.

        A node that lacks the memory for it goes on as if nobody had answered.
        """
        if not self._work:
            return False
        do, work = self._work.pop(0)
        self._work_at = now
        do(*work, now)
        return True

    def next_deadline(self) -> "int | None":
        """Work is due at once."""
        return self._work_at if self._work else None

    def _queue(self, do: "Callable[..., None]", work: "tuple[Any, ...]", now: int) -> None:
        if not self._work:
            self._work_at = now
        self._work.append((do, work))

    def _do_offer(self, peering: "Peering", initiator: Initiator, now: int) -> None:
        if peering.initiator is not initiator:
            return  # given up meanwhile
        try:
            r1 = self._make_r1(peering, initiator)
        except (ProtocolError, MemoryError):  # a prekey that is none, or no room for the work
            r1 = b""
        if r1:
            peering.offer(r1, now)
        else:
            self._resumes.go_on(peering, now)

    def _make_r1(self, peering: "Peering", initiator: Initiator) -> bytes:
        """Return R1; empty when the stock of prekeys has run out."""
        entropy = self._context.entropy
        if peering.modes[0] == HS_RK:
            return initiator.offer_key(entropy(KEM_SEED_BYTES))
        if peering.prekey is None and self._prekeys is not None:
            peering.prekey = self._prekeys.take(peering.peer_id)
        if peering.prekey is None:
            return b""
        index, prekey = peering.prekey
        return initiator.offer_ciphertext(index, prekey, entropy(KEM_COINS_BYTES))

    def _do_verify(self, peering: "Peering", initiator: Initiator, r2: bytes, now: int) -> None:
        if peering.initiator is not initiator:
            return
        try:
            outcome = initiator.verify(r2)
        except ProtocolError as error:  # forged: the genuine one may still come
            self._context.stats.drop(error)
        except MemoryError:
            self._resumes.go_on(peering, now)
        else:
            cids = (initiator.cid, initiator.peer_cid)
            self._resumes.accept(peering, cids, outcome, b"", now)

    def _do_answer(
        self, handle: int, mode: int, r1: bytes, tally: Tally, opened_at: int, now: int
    ) -> None:
        cid = self._context.take_cid()
        try:
            peering, base, responder = self._responder(r1, mode)
            nonce = self._context.entropy(NONCE_BYTES)
            if mode == HS_RK:
                coins = self._context.entropy(KEM_COINS_BYTES)
                r2, outcome = responder.answer_key(cid, nonce, coins)
            else:
                seed = self._seed(peering.peer_id, responder.index)
                r2, outcome = responder.answer_ciphertext(cid, nonce, seed)
                wipe(seed)
        except (ProtocolError, MemoryError) as error:
            if isinstance(error, ProtocolError):
                self._context.stats.drop(error)
            self._context.free_cid(cid)
            self._flows.forget(handle)
            return
        session = self._resumes.draft(peering, handle, (cid, responder.peer_cid), outcome)
        self._flows.reassign(handle, session.handle)
        answer = Answer(session, r2, opened_at, mode, responder.index, tally, self._flows)
        pending = Pending(responder.nonce, nonce, base, outcome.resumption, True)
        self._resumes.answer(peering, answer, pending, now)

    # Checks

    def _look_at(self, head: bytes, mode: int) -> "tuple[Peering, bytes]":
        """Return whose R1 begins like this, and of which generation.

        :raises ProtocolError: it is not wanted now
        """
        peering, base = self._peerings.holder(head[:TICKET_BYTES])
        heal = peek(base, peering.names(False), head, mode)
        self._resumes.check(peering, base, heal.nonce, mode)
        if mode == HS_RP:
            wipe(self._seed(peering.peer_id, heal.index))
        return peering, base

    def _responder(self, r1: bytes, mode: int) -> "tuple[Peering, bytes, Responder]":
        """:raises ProtocolError: R1 does not verify, or is not wanted any more"""
        peering, base = self._look_at(r1, mode)
        names = peering.names(False)
        return peering, base, Responder(self._context.crypto, base, names, r1, mode)

    def _seed(self, peer_id: bytes, index: int) -> "Buffer":
        seed = None
        if self._prekeys is not None:
            seed = self._prekeys.seed(peer_id, index)
        if seed is None:
            raise Unexpected("prekey %d is not there" % index)
        return seed
