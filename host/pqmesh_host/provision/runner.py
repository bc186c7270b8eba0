# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs an Operator over a cable: opens it, meets the node, exchanges, says goodbye.

Cancelling (Ctrl-C) closes the session in order. What was exchanged until then is stored on both
sides; the next run goes on from there.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pqmesh.engine import Engine
from pqmesh.engine.events import Closed, Delivered, Established, Lost, Received, Refused
from pqmesh.errors import Busy, MeshError, NoSuchSession, ProtocolError
from pqmesh.identity import short
from pqmesh.limits import GATEWAY, SERIAL_LINK
from pqmesh.record import Record, replace
from pqmesh.wire.provisioning import is_provisioning

from ..driver import LinkDriver, now_ms
from ..errors import OperatorError
from ..store.custody import Custody
from ..transports.base import Link, LinkBroken, LinkClosed, Provider
from .operator import PREKEYS_UP, Operator, Progress, ProvisionError
from .plan import Plan

IN_FLIGHT = 4
"""Messages the node has not acknowledged yet; each is at most 1.2 kB of its memory."""

SILENCE_S = 30.0
"""How long the node may say nothing. It makes eight keys and a signature in one go."""

CONNECT_AGAIN_S = 1.0
ATTEMPTS = 3
"""Sessions that may end before we give up."""

Report = Callable[[Progress], None]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a run came to. ``octets_*`` count everything on the cable, framing included."""

    peer_id: bytes
    epoch: int
    """Of the node's credential."""

    prekeys: int
    """The node's keys that we hold."""

    stocked: int
    """Our keys that the node holds."""

    handshake_ms: int
    total_ms: int
    octets_in: int
    octets_out: int
    line_ms: int
    """How long the busier direction of the cable was busy; the rest is arithmetic and waiting."""


async def provision(
    provider: Provider,
    custody: Custody,
    plan: Plan,
    *,
    expect: bytes | None = None,
    baud: int = SERIAL_LINK.bits_per_second,
    report: Report = lambda _: None,
) -> Result:
    """Provision the node at the other end of ``provider``'s cable.

    :param expect: the PeerId it must have; None takes whoever is there
    :raises LinkUnavailable: the cable cannot be opened
    :raises ProvisionError: the node refuses, is another one, or has nothing to say
    :raises StoreError: what it brings cannot be stored
    """
    custody.renew()
    report(Progress(stage="connecting"))
    async with provider.open() as link:
        run = _Run(link, custody, plan, expect, baud, report)
        return await run.result()


class _Run:
    def __init__(
        self,
        link: Link,
        custody: Custody,
        plan: Plan,
        expect: bytes | None,
        baud: int,
        report: Report,
    ) -> None:
        self._link = link
        self._custody = custody
        self._plan = plan
        self._expect = expect
        self._baud = baud
        self._report = report
        self._engine = Engine(
            custody.identity,
            custody.crypto,
            os.urandom,
            replace(SERIAL_LINK, bits_per_second=baud),
            None if expect is None else lambda peer_id: peer_id == expect,
            GATEWAY,
            tickets=custody.tickets,
            keyring=custody.keyring,
            prekeys=custody.prekeys,
        )
        self._driver = LinkDriver(self._engine, link, self._on_event, self._on_drop)
        self._outcome: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._operator: Operator | None = None
        self._session = 0
        self._peer_id = b""
        self._in_flight: set[int] = set()
        self._attempts = 0
        self._begun_ms = now_ms()
        self._handshake_ms = 0
        self._heard = asyncio.Event()
        self._connecting: asyncio.TimerHandle | None = None

    async def result(self) -> Result:
        """Run until it is done or has failed."""
        serving = asyncio.ensure_future(self._driver.run())
        watching = asyncio.ensure_future(self._watch())
        self._connect()
        try:
            waited: list[asyncio.Future[Any]] = [serving, watching, self._outcome]
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if self._outcome.done():
                return self._outcome.result()
            (watching if watching.done() else serving).result()
            raise ProvisionError("The cable was closed.", "Run the command again.")
        except (LinkBroken, LinkClosed) as error:
            text = f"The cable was lost: {error}." if str(error) else "The cable was lost."
            raise ProvisionError(text, "Put it back and run the command again.") from error
        finally:
            if self._connecting is not None:
                self._connecting.cancel()
            await self._goodbye()
            self._outcome.cancel()
            for task in (serving, watching):
                task.cancel()
            await asyncio.gather(serving, watching, return_exceptions=True)

    async def _goodbye(self) -> None:
        with contextlib.suppress(MeshError):  # no session, or it has just ended
            self._engine.close(self._session, now_ms())
            self._driver.settle()
            await self._driver.flush()

    async def _watch(self) -> None:
        """Give up on a node that says nothing."""
        while True:
            self._heard.clear()
            try:
                async with asyncio.timeout(SILENCE_S):
                    await self._heard.wait()
            except TimeoutError:
                raise self._silent() from None

    def _silent(self) -> ProvisionError:
        if self._operator is None and self._link.counters.frames_in:
            return ProvisionError(
                "A node is there, but refuses a session with us.",
                "It belongs to another gateway: at its prompt, `pqmesh_node.setup(expect=None)` "
                "sets it free.",
            )
        return ProvisionError(
            f"The node has said nothing for {SILENCE_S:g} s.",
            "Is it running as a node, and is this its data link? Its prompt is another line; "
            "`pqmesh_node.run()` there starts it.",
        )

    def _connect(self) -> None:
        with contextlib.suppress(Busy):  # the node's own handshake is under way
            self._engine.connect(now_ms(), self._expect)
        self._driver.settle()

    def _on_event(self, event: Record) -> None:
        if self._outcome.done():
            return
        if not (isinstance(event, Received) and not is_provisioning(event.payload)):
            self._heard.set()  # readings go on whatever has become of the provisioning
        try:
            self._handle(event)
        except OperatorError as error:
            self._outcome.set_exception(error)

    def _handle(self, event: Record) -> None:
        if isinstance(event, Established):
            self._begin(event)
        elif isinstance(event, Received) and event.session == self._session:
            if self._operator is not None and is_provisioning(event.payload):
                self._operator.take(event.payload)  # its readings can wait
                self._pump()
        elif isinstance(event, Delivered) and event.session == self._session:
            self._in_flight.discard(event.message)
            self._pump()
        elif isinstance(event, Refused):
            self._refused(event)
        elif isinstance(event, Closed | Lost) and event.session == self._session:
            self._again()

    def _begin(self, event: Established) -> None:
        self._session, self._peer_id = event.session, event.peer_id
        self._handshake_ms = event.elapsed_ms
        self._in_flight.clear()
        self._operator = Operator(self._custody, event.peer_id, self._plan)
        self._send(self._operator.begin())
        self._report(self._operator.progress)

    def _refused(self, event: Refused) -> None:
        if self._expect is not None and event.peer_id not in (None, self._expect):
            raise ProvisionError(
                f"Another node answers: {short(event.peer_id or b'')}.",
                "Check the cable, or pass the PeerId that is meant with --expect.",
            )
        self._again()

    def _again(self) -> None:
        self._operator = None
        self._attempts += 1
        if self._attempts >= ATTEMPTS:
            raise ProvisionError(
                f"The session with the node has ended {ATTEMPTS} times.",
                "What has been exchanged is kept. Look at the node's own messages.",
            )
        loop = asyncio.get_running_loop()
        self._connecting = loop.call_later(CONNECT_AGAIN_S, self._connect)

    def _pump(self) -> None:
        """Send as much as the node takes now."""
        operator = self._operator
        if operator is None:
            return
        while len(self._in_flight) < IN_FLIGHT:
            payload = operator.next_message()
            if payload is None or not self._send(payload):
                break
        self._report(operator.progress)
        if operator.done is not None:
            self._outcome.set_result(self._result(operator.done.epoch, operator.done.stocked))

    def _send(self, payload: bytes) -> bool:
        try:
            self._in_flight.add(self._engine.send(self._session, payload, now_ms()))
        except NoSuchSession:  # its end is the next event
            return False
        return True

    def _result(self, epoch: int, stocked: int) -> Result:
        counters = self._link.counters
        busier = max(counters.octets_in, counters.octets_out)
        return Result(
            peer_id=self._peer_id,
            epoch=epoch,
            prekeys=min(self._custody.prekeys.stocked(self._peer_id), PREKEYS_UP),
            stocked=stocked,
            handshake_ms=self._handshake_ms,
            total_ms=now_ms() - self._begun_ms,
            octets_in=counters.octets_in,
            octets_out=counters.octets_out,
            line_ms=busier * 10_000 // self._baud,
        )

    def _on_drop(self, error: ProtocolError) -> None:
        """Noise, or the last words of an older session: what matters is sent again."""
