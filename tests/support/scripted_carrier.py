# SPDX-License-Identifier: MIT OR Apache-2.0
"""A carrier of pqmesh.conversation that does what the test says, on asyncio's loop."""

import asyncio

from pqmesh.conversation.sessions import Sessions
from pqmesh.engine.events import Closed, Established
from pqmesh.errors import Busy

PEER, OTHER = b"p" * 32, b"o" * 32


class Carrier:
    """Numbers attempts from 100 and messages from 1; notes what it is asked to do."""

    def __init__(self):
        self.dialled = []
        self.sent = []
        self.hung_up = []
        self.busy_dials = 0
        self.refuse_sends = []  # errors of the next sends
        self.closes = True
        self.event = asyncio.Event
        self.sessions = Sessions(self)

    def now(self):
        return int(asyncio.get_running_loop().time() * 1000)

    async def within(self, awaitable, ms):
        task = asyncio.ensure_future(awaitable)
        done, _ = await asyncio.wait([task], timeout=ms / 1000)
        task.cancel()
        return bool(done)

    def dial(self, peer):
        if self.busy_dials:
            self.busy_dials -= 1
            raise Busy("full")
        self.dialled.append(peer)
        return 99 + len(self.dialled)

    def send(self, session, payload, priority, deadline):
        if self.refuse_sends:
            raise self.refuse_sends.pop(0)
        self.sent.append((session, payload, priority, deadline))
        return len(self.sent)

    def hang_up(self, session):
        self.hung_up.append(session)
        if self.closes:
            self.sessions.handle_event(Closed(session, 0, False))
        return self.closes

    def tell(self, event, ours=False):
        self.sessions.handle_event(event, ours)

    def open(self, session, peer_id=PEER):
        self.tell(Established(session, peer_id, True, 1, 1, 1))


async def begun(coroutine):
    """A task that has come to its first wait."""
    task = asyncio.create_task(coroutine)
    for _ in range(5):
        await asyncio.sleep(0)
    return task
