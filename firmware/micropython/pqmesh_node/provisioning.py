# SPDX-License-Identifier: MIT OR Apache-2.0
"""The node's side of provisioning (pqmesh.wire.provisioning): takes what an operator brings.

    Begin --> mix entropy, take the time --> [epoch, chain: seconds of arithmetic] --> Ready
    Start --> credential and prekeys go out as the session takes them; the operator's come in
    Finish -> plan stored, node pinned to the operator --> Done

What comes in is on flash before it is acknowledged, so a run that is cut anywhere goes on where it
was with the next Begin. What takes seconds is done by ``run``, a task of its own.
"""

import asyncio
import gc

from pqmesh.compat import TYPE_CHECKING, const
from pqmesh.credentials.prekeys import PeerPrekeys, PrekeyChain
from pqmesh.errors import (
    Busy,
    Malformed,
    NoSuchSession,
    ProtocolError,
    Unexpected,
    UsageError,
)
from pqmesh.wire import provisioning as wire

from .keys import TAG_BYTES
from .plan import keep, parse
from .settings import SettingsError
from .store import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from pqmesh.credentials.intake import Intake

    from .custody import Custody
    from .walltime import WallTime

MAX_PREKEYS = const(128)  # that one Start may ask for
_IN_FLIGHT = const(3)  # messages not acknowledged yet: 3.6 KB of the session's queue
_NO_MEMORY = "not enough memory: provisioning needs a heap of 160 KB"
_AGAIN_S = 0.1  # before a refusal that found no room is said again
_NO_TAG = bytes(TAG_BYTES)
# UsageError: what our own parts say to a number that the peer has made up
_REFUSALS = (ProtocolError, StoreError, SettingsError, UsageError, MemoryError)


class Run:
    """One Begin and what has come of it."""

    def __init__(self, session: int, peer_id: bytes, begin: "Any") -> None:
        self.session = session
        self.peer_id = peer_id
        self.begin = begin
        self.ready = False
        self.intake: "Intake | None" = None
        self.offset = 0  # of the next Part


class ProvisioningDesk:
    """
    :param send: ``send(session, payload)`` queues a message and returns its number; raises Busy
        or NoSuchSession
    :param finished: ``finished(peer_id, plan)`` is told that the node belongs to that peer now;
        raises what settings raise
    """

    def __init__(
        self,
        custody: "Custody",
        crypto: "Any",
        store: "Any",
        time: "WallTime",
        send: "Callable[[int, bytes], int]",
        finished: "Callable[[bytes, dict[str, Any]], None]",
    ) -> None:
        self.counts = {"begun": 0, "finished": 0, "refused": 0}
        self.progress = ""  # of the run that is going on, for people
        self._random = custody.random
        self._keys = custody.open_keys()
        self._vault = custody.vault
        self._crypto = crypto
        self._store = store
        self._time = time
        self._send = send
        self._finished = finished
        self._run: "Run | None" = None
        self._jobs: "list[Callable[[Run], Iterator[bytes]]]" = []
        self._in_flight: "list[int]" = []
        self._unsaid: "tuple[int, str] | None" = None  # a refusal that has found no room yet
        self._news = asyncio.Event()

    # ---- from the node; nothing here takes long ----

    def take(self, payload: bytes, session: int, peer_id: bytes, objection: "str | None") -> None:
        """Take one message; what it brings is durable on return.

        :param objection: why this peer may not provision this node, or None
        """
        try:
            message = wire.parse(payload)
            if isinstance(message, wire.Refused):
                self._stop(bytes(message.reason).decode())
                return
            if objection is not None:
                raise Unexpected(objection)
            self._on_message(message, session, peer_id)
        except _REFUSALS as error:
            self._refuse(session, error)
        self._news.set()

    def delivered(self, session: int, number: int) -> bool:
        """Whether that message was one of ours."""
        if self._run is None or self._run.session != session or number not in self._in_flight:
            return False
        self._in_flight.remove(number)
        self._news.set()
        return True

    def session_ended(self, session: int) -> None:
        """What is under way stops where it is; the next Begin goes on from there."""
        if self._run is not None and self._run.session == session:
            self._stop("the session ended")

    def _on_message(self, message: "Any", session: int, peer_id: bytes) -> None:
        if isinstance(message, wire.Begin):
            self._on_begin(message, session, peer_id)
            return
        run = self._run
        if run is None or run.session != session or not run.ready:
            raise Unexpected("provisioning has not begun")
        if isinstance(message, wire.Start):
            self._on_start(message)
        elif isinstance(message, wire.Part):
            self._on_part(run, message)
        elif isinstance(message, wire.Prekey):
            self._on_prekey(run, message)
        elif isinstance(message, wire.Finish):
            self._on_finish(run, message)
        else:
            raise Unexpected("not for a node")

    def _on_begin(self, message: "Any", session: int, peer_id: bytes) -> None:
        self._random.stir(message.entropy)
        if message.now_s:
            self._time.set(message.now_s)
        if self._time.now_s() is None:
            raise Unexpected("this node needs to be told the time")
        self._stop("")
        self._run = Run(session, peer_id, message)
        self._jobs.append(self._make_ready)
        self.counts["begun"] += 1
        self.progress = "making keys"

    def _on_start(self, message: "Any") -> None:
        if message.count > MAX_PREKEYS:
            raise Malformed("%d prekeys at once" % message.count)
        if message.flags & wire.WANT_CREDENTIAL:
            self._jobs.append(self._parts)
        self._jobs.append(lambda run: self._publics(run, message.first, message.count))
        self.progress = "exchanging keys"

    def _on_part(self, run: Run, message: "Any") -> None:
        keyring = self._keys.keyring
        if message.offset == 0:
            run.intake, run.offset = keyring.intake(self._crypto, run.peer_id), 0
        if run.intake is None or message.offset != run.offset:
            raise Unexpected("a piece of a credential at %d" % message.offset)
        run.offset += len(message.octets)
        if run.intake.feed(message.octets):
            keyring.take(run.intake)
            run.intake = None

    def _on_prekey(self, run: Run, message: "Any") -> None:
        stock = self._stock(run)
        stock.add(message.index, [message.public])
        self._keys.prekeys.set_stock(run.peer_id, stock)

    def _on_finish(self, run: Run, message: "Any") -> None:
        key = self._keys.keyring.peer(run.peer_id)
        if key is None or key.credential_id != run.begin.credential_id:
            raise Unexpected("the operator's credential has not come")
        plan = parse(message.plan)
        keep(plan, self._store, self._vault)
        self._finished(run.peer_id, plan)
        current = self._keys.keyring.current()
        epoch = 0 if current is None else current.epoch
        stocked = self._keys.prekeys.stocked(run.peer_id)
        self._jobs.append(lambda _: iter((wire.done(epoch, stocked),)))
        self.counts["finished"] += 1
        self.progress = ""

    # ---- the task ----

    async def run(self) -> None:
        """Do what takes long, and send, until cancelled."""
        while True:
            while self._jobs:
                await self._do(self._jobs.pop(0))
            self._news.clear()
            if self._unsaid is not None:
                await asyncio.sleep(_AGAIN_S)
                self._say()
            await self._news.wait()

    async def _do(self, job: "Callable[[Run], Iterator[bytes]]") -> None:
        run = self._run
        if run is None:
            return
        try:
            for payload in job(run):
                if not await self._sent(run, payload):
                    return
        except _REFUSALS as error:
            self._refuse(run.session, error)

    async def _sent(self, run: Run, payload: bytes) -> bool:
        """Queue a message as soon as there is room; False once the run is over."""
        while self._run is run:
            if len(self._in_flight) < _IN_FLIGHT:
                try:
                    self._in_flight.append(self._send(run.session, payload))
                    return True
                except NoSuchSession:
                    return False
                except Busy:
                    pass  # readings fill the queue; the next Delivered makes room
            self._news.clear()
            await self._news.wait()
        return False

    def _make_ready(self, run: Run) -> "Iterator[bytes]":
        keys, begin = self._keys, run.begin
        keys.ensure_epoch(self._time.seconds(), begin.epoch_floor)
        ours, theirs = keys.tags(run.peer_id)
        chain = keys.prekeys.chain(run.peer_id)
        if chain is None or len(ours) != TAG_BYTES:
            ours = self._random(TAG_BYTES)
            # The tag first: a cut in between leaves no chain, and so another tag next time.
            keys.set_tags(run.peer_id, ours, theirs or _NO_TAG)
            chain = PrekeyChain(self._random(32))
            keys.prekeys.set_chain(run.peer_id, chain)
        if theirs != begin.chain:
            self._clear_stock(run)
            keys.set_tags(run.peer_id, ours, begin.chain)
        run.ready = True
        stock = self._stock(run)
        known = keys.keyring.peer(run.peer_id)
        lacking = known is None or known.credential_id != begin.credential_id
        current = keys.keyring.current()
        yield wire.ready(
            wire.WANT_CREDENTIAL if lacking else 0,
            ours,
            chain.index,
            (stock.end, len(stock)),
            max(0, keys.keyring.floor(run.peer_id)),
            _NO_TAG if current is None else current.credential_id,
        )

    def _parts(self, run: Run) -> "Iterator[bytes]":
        credential = self._keys.keyring.credential()
        for offset in range(0, len(credential), wire.PART_BYTES):
            yield wire.part(offset, credential[offset : offset + wire.PART_BYTES])

    def _publics(self, run: Run, first: int, count: int) -> "Iterator[bytes]":
        chain = self._keys.prekeys.chain(run.peer_id)
        if chain is None:
            raise Unexpected("no chain of prekeys")
        index = first
        for public in chain.publics(self._crypto, first, count):
            yield wire.prekey(index, public)
            index += 1

    # ---- both ----

    def _stock(self, run: Run) -> PeerPrekeys:
        stock = self._keys.prekeys.stock(run.peer_id)
        return stock or PeerPrekeys(self._keys.shelf(run.peer_id))

    def _clear_stock(self, run: Run) -> None:
        """Let go of keys of a chain that the operator no longer has."""
        shelf = self._keys.shelf(run.peer_id)
        shelf.clear()
        self._keys.prekeys.set_stock(run.peer_id, PeerPrekeys(shelf))

    def _refuse(self, session: int, error: Exception) -> None:
        self.counts["refused"] += 1
        reason = _NO_MEMORY if isinstance(error, MemoryError) else str(error)
        self._stop(reason)
        gc.collect()
        self._unsaid = (session, reason)
        self._say()

    def _say(self) -> None:
        """Tell the operator why; again later when there is no room for it."""
        unsaid, self._unsaid = self._unsaid, None
        if unsaid is None:
            return
        try:
            self._send(unsaid[0], wire.refused(unsaid[1]))
        except (Busy, MemoryError):
            self._unsaid = unsaid
            self._news.set()
        except NoSuchSession:
            pass  # nobody is left to be told

    def _stop(self, why: str) -> None:
        self._run = None
        self._jobs = []
        self._in_flight = []
        self.progress = why
        self._news.set()
