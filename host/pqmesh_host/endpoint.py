# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sessions on one constrained link and nothing else: no mesh, no store, no configuration.

    async with provider.open() as link, Endpoint.open(link, identity) as endpoint:
        async with endpoint.session(peer, timeout_ms=60_000) as session:
            await session.send(b"hello")

The counterpart of pqmesh_node.endpoint: the same verbs and errors (pqmesh.conversation), times in
milliseconds. A node with links and QUIC peers offers them too: ``Node.session``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

from pqmesh.conversation.carrier import EngineCarrier
from pqmesh.conversation.session import Session
from pqmesh.conversation.sessions import Sessions
from pqmesh.engine import Engine
from pqmesh.engine.events import Closed, Established, Lost, Received
from pqmesh.engine.stats import Stats
from pqmesh.errors import NoSuchSession, ProtocolError, SessionRefused
from pqmesh.identity import Identity
from pqmesh.limits import GATEWAY, SERIAL_LINK, Limits, LinkProfile
from pqmesh.record import Record
from pqmesh.wire.application import APPLICATION

from .crypto import HostCrypto
from .driver import LinkDriver, now_ms
from .transports.base import Link, LinkBroken, LinkClosed
from .waits import Waits

INBOX_MESSAGES = 64
"""Messages per session that may wait for the program; then the oldest goes."""


class _LinkCarrier(EngineCarrier):
    """Refuses to dial over a link that has broken."""

    broken = ""

    def dial(self, peer: bytes | None) -> int | None:
        if self.broken:
            raise SessionRefused(self.broken, peer)
        return super().dial(peer)


class Endpoint:
    """Use ``Endpoint.open``."""

    def __init__(
        self,
        link: Link,
        engine: Engine,
        shared: bool,
        on_event: Callable[[Record], None] | None,
        inbox: int,
    ) -> None:
        self.counts: Counter[str] = Counter()
        """Frames the engine refused, by the name of the error; ``unreadable`` messages."""

        self._engine = engine
        self._tell = on_event
        self._driver = LinkDriver(engine, link, self._on_event, self._on_drop, shared=shared)
        self._handles: set[int] = set()
        self._settling: asyncio.Handle | None = None
        self._carrier = _LinkCarrier(engine, Waits(), self._wake)
        self._sessions = Sessions(self._carrier, inbox)

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls,
        link: Link,
        identity: Identity,
        *,
        profile: LinkProfile = SERIAL_LINK,
        limits: Limits = GATEWAY,
        trust: Callable[[bytes], bool] | None = None,
        on_event: Callable[[Record], None] | None = None,
        inbox: int = INBOX_MESSAGES,
        **ports: Any,
    ) -> AsyncIterator[Endpoint]:
        """Serve ``link`` until the block is left, which ends the sessions with a goodbye.

        When the link breaks every session ends, and no further one comes about.

        :param on_event: gets every event of the engine; must not wait
        :param ports: what an Engine takes besides: tickets, keyring, prekeys, floors, network_key
        """
        engine = Engine(identity, HostCrypto(), os.urandom, profile, trust, limits, **ports)
        endpoint = cls(link, engine, not profile.point_to_point, on_event, inbox)
        serving = asyncio.create_task(endpoint._serve())
        try:
            yield endpoint
            if serving.done():
                serving.result()  # a bug of ours, or of on_event
            await endpoint._say_goodbye()
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    @property
    def engine_stats(self) -> Stats:
        """The engine's counters."""
        return self._engine.stats

    def session(
        self,
        peer: bytes | None = None,
        timeout_ms: int | None = None,
        on_event: Callable[[Record], None] | None = None,
    ) -> Session:
        """A session with ``peer``, or whoever answers: ``async with`` it; we begin it if need be.

        Leaving the block closes it. As pqmesh.conversation.sessions.Sessions.session.
        """
        return self._sessions.session(peer, timeout_ms, on_event)

    def accept(
        self,
        timeout_ms: int | None = None,
        on_event: Callable[[Record], None] | None = None,
    ) -> Session:
        """The next session that a peer begins: ``async with`` it."""
        return self._sessions.accept(timeout_ms, on_event)

    async def _serve(self) -> None:
        try:
            await self._driver.run()
        except (LinkBroken, LinkClosed) as error:
            self._carrier.broken = str(error) or "the link is gone"
            self._sessions.lost(self._carrier.broken)

    async def _say_goodbye(self) -> None:
        for session in list(self._handles):
            with contextlib.suppress(NoSuchSession):
                self._engine.close(session, now_ms())
        self._driver.settle()
        await self._driver.flush()

    def _wake(self) -> None:
        """Settle from the top of the loop: a program's call must not report events itself."""
        if self._settling is None:
            self._settling = asyncio.get_running_loop().call_soon(self._settle)

    def _settle(self) -> None:
        self._settling = None
        self._driver.settle()

    def _on_event(self, event: Any) -> None:
        if isinstance(event, Established):
            self._handles.add(event.session)
        elif isinstance(event, (Closed, Lost)):
            self._handles.discard(event.session)
        if isinstance(event, Received) and event.payload[:1] != bytes((APPLICATION,)):
            self.counts["unreadable"] += 1
        else:
            self._sessions.handle_event(event)
        if self._tell is not None:
            self._tell(event)

    def _on_drop(self, error: ProtocolError) -> None:
        self.counts[type(error).__name__] += 1
