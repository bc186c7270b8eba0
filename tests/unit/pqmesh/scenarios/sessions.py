# SPDX-License-Identifier: MIT OR Apache-2.0
"""Two programs and their sessions, in virtual time, with a loop of forty lines for an asyncio."""

from pqmesh.conversation.sessions import Sessions
from pqmesh.engine import Engine
from pqmesh.errors import MeshError, NoSuchSession, ProtocolError, SessionRefused
from pqmesh.identity import Identity
from pqmesh.limits import SERIAL_LINK, replace
from support.model_crypto import CountingEntropy
from support.scenario import CRYPTO

LINK = replace(SERIAL_LINK, bits_per_second=9_600, keepalive_ms=4_000, silence_ms=10_000)
NAMES = [Identity(bytes([side + 1]) * 32, CRYPTO) for side in (0, 1)]


class Pause:
    """Gives the others a turn."""

    def __iter__(self):
        yield

    __await__ = __iter__


class Event:
    def __init__(self):
        self.is_set = False

    def set(self):
        self.is_set = True

    def clear(self):
        self.is_set = False

    async def wait(self):
        while not self.is_set:
            await Pause()


class End:
    """One node: an engine, its sessions, and the Carrier between them."""

    def __init__(self, world, side, trust=None):
        self.world = world
        entropy = CountingEntropy(b"%d" % side)
        self.engine = Engine(NAMES[side], CRYPTO, entropy, LINK, trust)
        self.sessions = Sessions(self)
        self.event = Event

    def now(self):
        return self.world.now

    async def within(self, awaitable, ms):
        limit = self.world.now + ms
        self.world.alarms.append(limit)
        while True:
            try:
                awaitable.send(None)
            except StopIteration:
                return True
            if self.world.now >= limit:
                awaitable.close()
                return False
            await Pause()

    def dial(self, peer):
        return self.engine.connect(self.now(), peer)

    def send(self, session, payload, priority, deadline):
        return self.engine.send(session, payload, self.now(), priority, deadline)

    def hang_up(self, session):
        try:
            self.engine.close(session, self.now())
        except NoSuchSession:
            return False
        return True


class World:
    """Two ends of a line; a frame takes its airtime, and is lost when ``lose`` has its number."""

    def __init__(self, lose=(), trust=None):
        self.now = 0
        self.alarms = []
        self.flying = []
        self.lose = lose
        self.frames = 0
        self.free_at = [0, 0]
        self.cut = False
        self.ends = [End(self, 0), End(self, 1, trust)]

    def run(self, *programs):
        """Run the programs to their ends."""
        tasks = list(programs)
        while True:
            for _ in range(8):  # a turn may make another one possible
                tasks = [task for task in tasks if self._goes_on(task)]
                for side in (0, 1):
                    self._drain(side)
            if not tasks:
                return
            self._sleep()

    def _goes_on(self, task):
        try:
            task.send(None)
        except StopIteration:
            return False
        return True

    def _drain(self, side):
        engine = self.ends[side].engine
        event = engine.next_event()
        while event is not None:
            self.ends[side].sessions.handle_event(event)
            event = engine.next_event()
        frame = engine.next_transmit()
        while frame is not None:
            self.frames += 1
            at = max(self.now, self.free_at[side]) + LINK.airtime_ms(len(frame))
            self.free_at[side] = at
            if not self.cut and self.frames not in self.lose:
                self.flying.append((at, self.frames, 1 - side, frame))
            frame = engine.next_transmit()

    def _sleep(self):
        self.alarms = [alarm for alarm in self.alarms if alarm > self.now]
        dues = [end.engine.next_deadline() for end in self.ends]
        moments = [flight[0] for flight in self.flying] + self.alarms
        moments += [max(due, self.now) for due in dues if due is not None]
        self.now = min(moments)
        due = [flight for flight in self.flying if flight[0] <= self.now]
        self.flying = [flight for flight in self.flying if flight[0] > self.now]
        for _, _, to, frame in sorted(due):
            try:
                self.ends[to].engine.receive(frame, self.now)
            except ProtocolError as error:
                print(self.now, "refused frame:", type(error).__name__)
        for end in self.ends:
            deadline = end.engine.next_deadline()
            if deadline is not None and deadline <= self.now:
                end.engine.handle_timeout(self.now)


async def said(what, awaitable):
    """Print what comes of it."""
    try:
        print(what, "->", await awaitable)
    except MeshError as error:
        print(what, "->", type(error).__name__ + ":", error)


def echo_and_order(lose=()):
    """Priorities, acknowledgements, time-outs, and an orderly end."""
    world = World(lose)
    one, two = world.ends

    async def asks():
        async with one.sessions.session(NAMES[1].peer_id, 60_000) as session:
            print(world.now, "open", session.peer_id == NAMES[1].peer_id)
            first = await session.send(b"f" * 900)
            await session.send(b"low", 0)
            await session.send(b"high", 7)
            print("rtt", await first.delivered())
            print(world.now, await session.receive(60_000))
            await said("nothing more", session.receive(500))
            print(world.now, "leaving")
            await session.send(b"last words")
        print(world.now, "left", session.ended)
        await said("too late", session.send(b"x"))

    async def answers():
        async with two.sessions.accept() as session:
            for _ in range(3):
                data = await session.receive()
                print(world.now, "got", len(data), data[:4])
            await session.send(b"thanks")
            print(world.now, await session.receive())
            await said("the end", session.receive())
            await said("a word more", session.send(b"x"))

    world.run(asks(), answers())
    print("frames", world.frames)


def deadlines_and_full_queues():
    """What is not begun in time is dropped whole; a full queue is waited for, until then."""
    world = World()
    one, two = world.ends

    async def asks():
        seen = []
        async with one.sessions.session(None, None, seen.append) as session:
            slow = []
            for _ in range(3):
                slow.append(await session.send(b"s" * 2_000))
            late = await session.send(b"late", 0, 400)
            urgent = await session.send(b"urgent", 9, 9_000)
            await said("late", late.delivered())
            await said("urgent", urgent.delivered())
            for number in range(8):
                await said("more", sent(session, number))
            await said("no room", session.send(b"n" * 4_000, 0, 10))
            await said("not yet", slow[2].delivered(1))
            await session.flush()
            print(world.now, [message.rtt_ms is not None for message in slow])
        print([type(event).__name__ for event in seen])

    async def sent(session, number):
        return (await session.send(b"n" * 1_000, 0)).number

    async def answers():
        async with two.sessions.accept() as session:
            got = []
            try:
                while True:
                    got.append(len(await session.receive()))
            except MeshError as error:
                print(got, error, session.dropped)

    world.run(asks(), answers())


def refusals_and_losses():
    """Who is not admitted, who does not answer, who is held, and a cable that is pulled."""
    world = World(trust=lambda peer_id: False)

    async def unwelcome():
        try:
            async with world.ends[0].sessions.session(NAMES[1].peer_id):
                print("never")
        except SessionRefused as error:
            print(error, error.peer_id == NAMES[1].peer_id)

    world.run(unwelcome())
    world = World()
    one, two = world.ends

    async def twice():
        async with one.sessions.session(NAMES[1].peer_id) as session:
            second = one.sessions.session(NAMES[1].peer_id)
            await said("held", second.__aenter__())
            await said("nobody calls", one.sessions.accept(700).__aenter__())
            message = await session.send(b"into the void")
            world.cut = True
            await said("void", message.delivered())
            await said("flush", session.flush())
            print(world.now, session.ended)
            await session.close()

    async def other():
        try:
            async with two.sessions.accept() as session:
                await session.receive()
                await session.receive()
        except MeshError as error:
            print(type(error).__name__, error, error.code)

    world.run(twice(), other())

    async def nobody():
        await said("silence", one.sessions.session(None, 3_000).__aenter__())

    world.run(nobody())


echo_and_order()
echo_and_order((5, 20, 33, 40, 41))
deadlines_and_full_queues()
refusals_and_losses()
