# SPDX-License-Identifier: MIT OR Apache-2.0
"""All sessions over one link. Routes frames to what they belong to; decides nothing else.

frame -> class 0  data         -> the session of its CID
         class 1  fragment     -> its flow; a whole message -> handshakes
         class 2  SACK, POLL   -> the message that is being sent, or the flow
                  HELLO, RETRY -> what goes before a handshake on a shared link
                  M3, NEED     -> handshakes of HS-K
                  R1, R2       -> resumptions, where the owner keeps tickets

What a node does not speak it does not import either: a board pays for every module with heap.
"""

from ..compat import TYPE_CHECKING
from ..errors import Malformed, ProtocolError, Unexpected, UnknownKind
from ..limits import BOARD
from ..wire.fragment import (
    CLASS_FRAGMENT,
    POLL,
    SACK,
    Poll,
    Sack,
    decode_fragment,
)
from ..wire.handshake import HS_K, HS_RK, HS_RP, HS_S, M2, M3, MESSAGE_BYTES
from ..wire.layout import decode
from ..wire.resumption import RESUME, RESUMED
from ..wire.session import decode_header
from .context import Context
from .flows import FlowTable, Head
from .handshakes import HandshakeTable
from .resumes import ResumeTable
from .sender import fragments_needed, verify_poll
from .session import PENDING
from .sessions import SessionTable
from .straight import Straight
from .timers import earliest

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..credentials.keyring import Keyring
    from ..credentials.prekeys import Prekeys
    from ..crypto import Crypto
    from ..identity import Identity
    from ..limits import Limits, LinkProfile
    from ..record import Record
    from .floors import Floors
    from .flows import Finished, Flow
    from .headless import Headless
    from .heals import HealTable
    from .stats import Stats
    from .tickets import Tickets


class Engine:
    """All sessions over one link, point to point or shared.

    Three kinds of call. Inputs (``connect``, ``send``, ``close``, ``receive``,
    ``handle_timeout``) change state. Outputs (``next_transmit``, ``next_event``) are drained
    after every input. Then the driver sleeps until ``next_deadline()`` or the next frame.

    ``receive`` does symmetric work only. Public-key work is left to the next
    ``handle_timeout``, with a deadline that is due at once: so the acknowledgement of a
    handshake message leaves the node before seconds of signing begin.

    :param identity: who we are
    :param crypto: a provider of the port in pqmesh.crypto
    :param entropy: ``entropy(n)`` returns n fresh random bytes
    :param link: what the link can do (pqmesh.limits)
    :param trust: ``trust(peer_id)`` is asked before a proved peer is admitted; None admits all
    :param limits: how much memory this engine may use (pqmesh.limits.BOARD or GATEWAY)
    :param tickets: where resumption secrets are kept (engine.tickets); None: HS-R is off
    :param keyring: the KEM keys of HS-K (credentials.keyring); None: HS-K is off
    :param prekeys: one-time KEM keys of HS-RP (credentials.prekeys); None: HS-RP is off
    :param floors: what the operator decides about modes (engine.floors); None: HS-S only where
        there is one neighbour
    :param network_key: 32 octets that the nodes of a network share: HELLO shows them; or None
    :raises UsageError: the link's mtu is too small for HS-S, and for HS-K if there is a keyring
    """

    def __init__(
        self,
        identity: "Identity",
        crypto: "Crypto",
        entropy: "Callable[[int], bytes]",
        link: "LinkProfile",
        trust: "Callable[[bytes], bool] | None" = None,
        limits: "Limits" = BOARD,
        tickets: "Tickets | None" = None,
        keyring: "Keyring | None" = None,
        prekeys: "Prekeys | None" = None,
        floors: "Floors | None" = None,
        network_key: "bytes | None" = None,
    ) -> None:
        self._context = Context(identity, crypto, entropy, link, limits)
        entrances = _entrances(self._context, keyring, floors, network_key)
        if keyring is None or not entrances.fits(HS_K, link.mtu):
            for size in MESSAGE_BYTES.values():
                fragments_needed(size, link.mtu)
        self._flows = FlowTable(limits.flows, link.handshake_ms, _headless(link, limits))
        self._sessions = SessionTable(self._context)
        self._handshakes = HandshakeTable(
            self._context, self._flows, self._sessions, trust, entrances, keyring
        )
        self._kinds = self._handshakes.kinds()
        self._kinds.update({SACK: self._on_sack, POLL: self._on_poll})
        self._resumes: "ResumeTable | None" = None
        if tickets is not None:
            self._resumes = ResumeTable(
                self._context,
                self._handshakes,
                self._sessions,
                trust,
                tickets,
                self._flows,
                keyring,
                prekeys,
                floors,
            )
            self._handshakes.pool.resumes = self._resumes
            self._kinds.update(
                {RESUME: self._resumes.on_resume, RESUMED: self._resumes.on_resumed}
            )

    @property
    def stats(self) -> "Stats":
        """Counters: frames and bytes in and out, handshakes, and what was dropped why."""
        return self._context.stats

    def connect(self, now: int, expect: "bytes | None" = None, heal: bool = False) -> int:
        """Start a handshake as initiator; returns the session's handle.

        HS-R where there is a ticket for ``expect``; when it stays unanswered, or there is none,
        HS-K where there are keys of both, else HS-S where the floors allow it. Ends in
        Established or Refused, which may be the next event. When the peer is connecting too, the
        two attempts become one and this handle names the result.

        :param expect: the PeerId that must answer; None takes whoever does
        :param heal: take in a fresh KEM secret where a ticket is gone on with: HS-RP or HS-RK
        :raises Busy: no room for another handshake
        """
        handle = 0 if self._resumes is None else self._resumes.connect(now, expect, heal)
        return handle or self._handshakes.connect(now, expect)

    def send(
        self,
        session: int,
        payload: bytes,
        now: int,
        priority: int = 0,
        deadline: "int | None" = None,
    ) -> int:
        """Queue a message: reliable, acknowledged, in order with others of its priority.

        Returns its number. Ends in Delivered, in Expired, or with the session.

        :param priority: among messages not begun yet a larger one goes first
        :param deadline: if it has not begun to leave by then it is dropped whole; None: it waits
        :raises UsageError: longer than both sides accept; MAX_MESSAGE_BYTES always is
        :raises NoSuchSession: not established, or ended
        :raises Busy: the queue is full; try again after Delivered
        """
        number = self._sessions.open(session).send(payload, now, priority, deadline)
        self._sessions.sweep()
        return number

    def close(self, session: int, now: int, reason: int = 0) -> None:
        """Tell the peer and end the session; messages not yet Delivered may be lost.

        Ends in Closed, at the latest after a few unanswered tries. Also abandons a handshake.

        :param reason: 0..255, handed to the peer (pqmesh.wire.session.REASON_*)
        :raises NoSuchSession: it has ended already
        :raises UsageError: the reason is out of range
        """
        resuming = self._resumes is not None and self._resumes.abandon(session)
        if not resuming and not self._handshakes.abandon(session, now):
            self._sessions.open(session).close(reason, now)
        self._sessions.sweep()

    def receive(self, frame: bytes, now: int, source: bytes = b"") -> None:
        """Take one whole frame from the link.

        :param source: the link address it came from, where the link has addresses
        :raises ProtocolError: the frame was dropped, and state is as it was before
        """
        stats = self._context.stats
        stats.frames_received += 1
        stats.bytes_received += len(frame)
        self._context.source = source
        self._context.tx.heard()
        try:
            self._route(bytes(frame), now)
        except ProtocolError as error:
            stats.drop(error)
            raise
        finally:
            self._sessions.sweep()

    def handle_timeout(self, now: int) -> None:
        """Do what has fallen due. Harmless when called early or often."""
        self._context.tx.handle_timeout(now)
        self._sessions.handle_timeout(now)
        if self._resumes is not None:
            self._resumes.handle_timeout(now)
        self._handshakes.handle_timeout(now)
        self._flows.handle_timeout(now)
        if not self._handshakes.step(now):
            healing = self._healing()
            if healing is not None:
                healing.step(now)
        self._sessions.sweep()

    def next_transmit(self, now: "int | None" = None) -> "bytes | None":
        """Return the next frame for the link, None when there is none.

        :param now: on a shared link, lets the engine listen for the answer to what it asked
        """
        return self._context.tx.next(now)

    def waits(self) -> bool:
        """Whether ``next_transmit`` has a frame: for a radio that cannot talk yet."""
        return self._context.tx.waits()

    @property
    def destination(self) -> bytes:
        """The link address that the last frame from ``next_transmit`` must go to.

        Empty: none is known, or the link has none.
        """
        return self._context.tx.destination

    @property
    def for_stranger(self) -> bool:
        """Whether that frame is for somebody who has proved nothing, an admission key neither."""
        return self._context.tx.for_stranger

    def next_event(self) -> "Record | None":
        """Return the next event of engine.events, None when there is none."""
        return self._context.events.pop(0) if self._context.events else None

    def next_deadline(self) -> "int | None":
        """Return when ``handle_timeout`` is wanted, in ms on the caller's clock, or None."""
        return earliest(
            (
                self._context.tx.next_deadline(),
                self._handshakes.next_deadline(),
                self._sessions.next_deadline(),
                self._flows.next_deadline(),
                None if self._resumes is None else self._resumes.next_deadline(),
            )
        )

    def _route(self, frame: bytes, now: int) -> None:
        if not frame:
            raise Malformed("empty frame")
        if not frame[0] >> 6:
            self._on_data(frame, now)
        elif frame[0] >> 6 == CLASS_FRAGMENT:
            self._on_fragment(frame, now)
        elif frame[0] in self._kinds:
            self._kinds[frame[0]](frame, now)
        else:
            raise UnknownKind("frame of kind 0x%02x" % frame[0])

    def _on_data(self, frame: bytes, now: int) -> None:
        header = decode_header(frame)
        session = self._sessions.by_cid(header.cid)
        content = session.open(header, frame, now)
        if self._resumes is not None:
            self._resumes.on_frame(session, now)
        if session.state == PENDING:
            self._handshakes.on_confirm(session, content, now)
        session.take(content, now)

    def _on_fragment(self, frame: bytes, now: int) -> None:
        fragment = decode_fragment(frame)
        flow = self._flows.find(fragment.flow, fragment.number())
        if flow is None:
            done = self._flows.find_finished(fragment.flow, fragment.number())
            if done is not None:
                if fragment.wants_sack():
                    self._acknowledge_again(done, now)
                return
            if fragment.index:
                if self._flows.keep(fragment, now):
                    self._table(fragment.mode()).overheard(fragment, now)
                    return
                raise Unexpected("no such flow here")
            head = Head(fragment)
            owner, tally = self._table(head.mode).expects(head, now)
            flow = self._flows.open(head, owner, tally, now)
            if owner:
                self._handshakes.begun(owner, now)
        elif fragment.index:
            flow.store(fragment, now)
        flow.tally.received += len(frame)
        if flow.complete():
            self._on_whole(flow, now)
        elif fragment.wants_sack():
            self._acknowledge(flow, now)

    def _table(self, mode: int) -> "HandshakeTable | HealTable":
        """Return who takes the messages of a mode; what is not spoken here, it refuses."""
        if mode in (HS_RK, HS_RP) and self._resumes is not None:
            return self._resumes.heals
        return self._handshakes

    def _on_whole(self, flow: "Flow", now: int) -> None:
        try:
            owner = self._table(flow.mode).on_message(flow, now)
        except ProtocolError:
            self._flows.drop(flow)
            raise
        self._flows.finish(flow, owner)
        if self._answers_slowly(flow):
            self._acknowledge(flow, now)

    def _answers_slowly(self, flow: "Flow") -> bool:
        """Whether a message is acknowledged although an answer to it will follow.

        Not on a shared link, where the answer is worth waiting for: every frame has its price.
        """
        return self._context.link.point_to_point or self._handshakes.another_follows(flow)

    def _on_sack(self, frame: bytes, now: int) -> None:
        sack = decode(Sack, frame)
        number = sack.message >> 6
        handshake = self._handshakes.sender_of(sack.flow, number)
        if handshake is not None:
            self._handshakes.on_sack(handshake, sack, now)
            handshake.tally.received += len(frame)
            return
        healing = self._healing()
        heal = None if healing is None else healing.sender_of(sack.flow, number)
        if heal is None or heal.sender is None:
            raise Unexpected("SACK of a message that is not being sent")
        heal.sender.on_sack(sack, self._context.tx, now)
        heal.touched_at = now
        heal.tally.received += len(frame)

    def _healing(self) -> "HealTable | None":
        """Return the messages of HS-RK and HS-RP, if there ever were any."""
        return None if self._resumes is None else self._resumes.healing

    def _on_poll(self, frame: bytes, now: int) -> None:
        poll = decode(Poll, frame)
        number = poll.message >> 6
        flow = self._flows.find(poll.flow, number)
        if flow is not None:
            verify_poll(poll, flow.digest)
            flow.tally.received += len(frame)
            self._acknowledge(flow, now)
            return
        done = self._flows.find_finished(poll.flow, number)
        if done is None:
            raise Unexpected("POLL of a flow that is not here")
        verify_poll(poll, done.digest)
        done.tally.received += len(frame)
        self._acknowledge_again(done, now)

    def _acknowledge(self, flow: "Flow | Finished", now: int) -> None:
        sack = flow.sack()
        flow.tally.sent += len(sack)
        self._context.tx.put(sack, now, self._context.source, stranger=flow.tally.stranger)

    def _acknowledge_again(self, done: "Finished", now: int) -> None:
        session = None
        if (done.mode, done.number) in ((HS_S, M3), (HS_RK, M2)):
            session = self._sessions.by_handle(done.owner)
        if session is None or done.mode == HS_S:
            self._acknowledge(done, now)
        if session is not None:
            session.repeat(now)
        else:
            self._table(done.mode).repeat(done.owner, done.number, now)


def _entrances(
    context: Context,
    keyring: "Keyring | None",
    floors: "Floors | None",
    network_key: "bytes | None",
) -> Straight:
    if context.link.point_to_point and keyring is None:
        return Straight(context, floors)
    from .entrances import Entrances

    return Entrances(context, keyring, floors, network_key)


def _headless(link: "LinkProfile", limits: "Limits") -> "Headless | None":
    """A cable loses a head rarely, and a board saves the memory; a radio as often as the rest."""
    if link.point_to_point and limits.flows <= BOARD.flows:
        return None
    from .headless import Headless

    return Headless(16 * (link.sack_ms() + link.airtime_ms(link.mtu)))
