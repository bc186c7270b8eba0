# SPDX-License-Identifier: MIT OR Apache-2.0
"""Several engines on one half-duplex channel in virtual time, and sessions that are open already.

Who sends hears nothing; two frames at once are lost to everybody; a sender waits while it hears
somebody. After a frame has been received a node needs the link's turnaround before it can send,
and a little more the higher its number: the back-off of a medium access layer, without dice.
"""

from pqmesh.engine import Engine
from pqmesh.engine.hs_s import Outcome
from pqmesh.engine.session import Session
from pqmesh.errors import ProtocolError
from pqmesh.identity import Identity
from pqmesh.limits import GATEWAY
from pqmesh.wire.handshake import Params

from .model_crypto import CountingEntropy, ModelCrypto

CRYPTO = ModelCrypto()


class Node:
    """One engine and its driver: pulls a frame whenever the channel lets it send."""

    def __init__(self, number, link):
        identity = Identity(bytes([number + 1]) * 32, CRYPTO)
        entropy = CountingEntropy(b"%d" % number)
        self.engine = Engine(identity, CRYPTO, entropy, link, limits=GATEWAY)
        self.number = number
        self.ready_at = 0
        self.events = []

    def of(self, kind):
        return [event for _, event in self.events if isinstance(event, kind)]

    def when(self, kind):
        return [at for at, event in self.events if isinstance(event, kind)]


class Channel:
    """``paced``: drivers tell the engine the time when they ask for a frame."""

    def __init__(self, count, link, paced=True):
        self.link = link
        self.paced = paced
        self.now = 0
        self.nodes = [Node(number, link) for number in range(count)]
        self.flights = []  # [begin, end, sender, frame, spoilt]
        self.collisions = 0

    def open_session(self, one, other):
        """A session between two nodes, as if a handshake had been; returns both handles."""
        handles = []
        ids = {one: 0x100 * one + other, other: 0x100 * other + one + 1}
        for me, peer in ((one, other), (other, one)):
            node = self.nodes[me]
            chains = [b"%032d" % ids[me], b"%032d" % ids[peer]]
            outcome = Outcome(
                b"%032d" % peer,
                Params(4096, 8, 0, bytes(4)),
                b"%08d" % (ids[one]),
                *chains,
                b"",
                b"",
            )
            handle = node.engine._context.new_handle()
            session = Session(node.engine._context, handle, (ids[me], ids[peer]), outcome)
            session.admit(self.now)
            node.engine._sessions.add(session)
            handles.append(handle)
        return handles

    def run(self, until):
        while self.now < until:
            self._drain()
            moments = [flight[1] for flight in self.flights]
            moments += [node.ready_at for node in self.nodes if node.ready_at > self.now]
            for node in self.nodes:
                deadline = node.engine.next_deadline()
                if deadline is not None:
                    moments.append(max(deadline, self.now + 1))
            self.now = min([until, *moments])
            self._land()
            for node in self.nodes:
                deadline = node.engine.next_deadline()
                if deadline is not None and deadline <= self.now:
                    node.engine.handle_timeout(self.now)

    def _drain(self):
        for node in self.nodes:
            while (event := node.engine.next_event()) is not None:
                node.events.append((self.now, event))
        idle = not [f for f in self.flights if f[0] < self.now]  # nobody hears a frame just begun
        for node in self.nodes:
            busy = [flight for flight in self.flights if flight[2] is node]
            if busy or not idle or node.ready_at > self.now:
                continue
            frame = node.engine.next_transmit(self.now if self.paced else None)
            if frame is not None:
                end = self.now + self.link.airtime_ms(len(frame))
                for flight in self.flights:
                    flight[4] = True
                    self.collisions += 1
                self.flights.append([self.now, end, node, frame, bool(self.flights)])

    def _land(self):
        landed = [flight for flight in self.flights if flight[1] <= self.now]
        self.flights = [flight for flight in self.flights if flight[1] > self.now]
        for begin, _, sender, frame, spoilt in landed:
            for node in self.nodes:
                deaf = [f for f in self.flights + landed if f[2] is node and f[1] > begin]
                if node is sender or spoilt or deaf:
                    continue
                try:
                    node.engine.receive(frame, self.now)
                except ProtocolError:
                    continue
                node.ready_at = self.now + self.link.turnaround_ms + node.number
