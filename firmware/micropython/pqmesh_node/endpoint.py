# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sessions and nothing else: for a program that wants no readings, no commands, no settings.

    endpoint = Endpoint(link, identity, crypto, profile=lora(LoraModulation(7)), tickets=tickets)

    async def mine():
        async with endpoint.session(peer, timeout_ms=60_000) as session:
            await session.send(b"hello")

    asyncio.run(run_together(endpoint.run, mine))

It may have sessions with several peers of a shared link at once, as many as ``limits`` say, and
costs a third of a Node's heap (docs/board-guide.md). pqmesh_host.endpoint is its counterpart.
"""

from pqmesh.compat import TYPE_CHECKING
from pqmesh.conversation.carrier import EngineCarrier
from pqmesh.conversation.sessions import INBOX_MESSAGES, Sessions
from pqmesh.engine.engine import Engine
from pqmesh.engine.events import Received
from pqmesh.limits import BOARD, SERIAL_LINK
from pqmesh.wire.application import APPLICATION

from .carrier import Waits
from .clock import Clock
from .driver import LinkDriver
from .entropy import entropy as board_entropy

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pqmesh.conversation.session import Session
    from pqmesh.engine.stats import Stats
    from pqmesh.identity import Identity
    from pqmesh.limits import Limits, LinkProfile
    from pqmesh.record import Record

    from .driver import Link


class Endpoint:
    """One engine on one link, and the program's sessions on it.

    :param link: frames in and out; its owner closes it
    :param identity: who we are
    :param crypto: a provider of pqmesh.crypto
    :param profile: what the link can do (pqmesh.limits, pqmesh.links)
    :param limits: how much memory the engine may use; how many sessions at once
    :param trust: ``trust(peer_id)`` is asked before a peer is admitted; None admits all
    :param on_event: gets every event of the engine; must be quick
    :param inbox: messages per session that may wait for the program
    :param ports: what an Engine takes besides: tickets, keyring, prekeys, floors, network_key
    """

    def __init__(
        self,
        link: "Link",
        identity: "Identity",
        crypto: "Any",
        *,
        profile: "LinkProfile" = SERIAL_LINK,
        limits: "Limits" = BOARD,
        trust: "Callable[[bytes], bool] | None" = None,
        on_event: "Callable[[Record], None] | None" = None,
        inbox: int = INBOX_MESSAGES,
        entropy: "Callable[[int], bytes]" = board_entropy,
        clock: "Clock | None" = None,
        **ports: "Any",
    ) -> None:
        clock = clock or Clock()
        self.peer_id = identity.peer_id
        self.unreadable = 0  # messages that are no program's: of the mesh, or of provisioning
        self._engine = Engine(identity, crypto, entropy, profile, trust, limits, **ports)
        self._tell = on_event
        self._driver = LinkDriver(
            self._engine, link, clock, self._on_event, _nothing, not profile.point_to_point
        )
        carrier = EngineCarrier(self._engine, Waits(clock), self._driver.wake)
        self._sessions = Sessions(carrier, inbox)

    @property
    def engine_stats(self) -> "Stats":
        """The engine's counters."""
        return self._engine.stats

    async def run(self) -> None:
        """Serve the link until cancelled. Raises OSError when it fails; may be called again."""
        await self._driver.run()

    def session(
        self,
        peer: "bytes | None" = None,
        timeout_ms: "int | None" = None,
        on_event: "Callable[[Record], None] | None" = None,
    ) -> "Session":
        """A session with ``peer``, or whoever answers: ``async with`` it; we begin it if need be.

        Leaving the block closes it. As pqmesh.conversation.sessions.Sessions.session.
        """
        return self._sessions.session(peer, timeout_ms, on_event)

    def accept(
        self,
        timeout_ms: "int | None" = None,
        on_event: "Callable[[Record], None] | None" = None,
    ) -> "Session":
        """The next session that a peer begins: ``async with`` it."""
        return self._sessions.accept(timeout_ms, on_event)

    def _on_event(self, event: "Any") -> None:
        if isinstance(event, Received) and event.payload[:1] != bytes((APPLICATION,)):
            self.unreadable += 1
        else:
            self._sessions.handle_event(event)
        self._driver.wake()
        if self._tell is not None:
            self._tell(event)


def _nothing() -> None:
    pass
