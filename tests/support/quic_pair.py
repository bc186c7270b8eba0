# SPDX-License-Identifier: MIT OR Apache-2.0
"""Two QUIC connections, a lossy path between them, and a clock that moves when asked.

The server is made from the first Initial, as an endpoint would. Neither end needs to be
ours: the negative tests put stock aioquic on one side.
"""

import functools
import heapq
import itertools
from collections.abc import Callable

from aioquic.buffer import Buffer
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet import pull_quic_header

from pqmesh.identity import Identity
from pqmesh_host.crypto import HostCrypto
from pqmesh_host.quic.configuration import PqConfiguration
from pqmesh_host.quic.connection import PqConnection
from pqmesh_host.quic.limits import QuicLimits
from pqmesh_host.quic.rawkey import LocalKey

CLIENT, SERVER = ("192.0.2.1", 1111), ("192.0.2.2", 2222)
RTT_S = 0.04


@functools.cache
def identity(name: str) -> Identity:
    """The same identity for the same name, in every test."""
    return Identity(HostCrypto().sha256(name.encode()), HostCrypto())


@functools.cache
def local_key(name: str) -> LocalKey:
    return LocalKey(identity(name))


def configuration(is_client: bool, name: str, **options) -> PqConfiguration:
    return PqConfiguration(is_client=is_client, key=local_key(name), **options)


def client(name="client", *, trust=lambda key: True, cls=PqConnection, **options):
    return cls(configuration=configuration(True, name, **options), verify_peer=trust)


def server(name="server", *, trust=lambda key: True, cls=PqConnection, **options):
    """A function of the client's first connection id, as Pair wants it."""

    def make(original_cid):
        return cls(
            configuration=configuration(False, name, **options),
            verify_peer=trust,
            original_destination_connection_id=original_cid,
        )

    return make


class Pair:
    """``drop(side, n)`` says whether datagram n (from 1) of side "client"/"server" is lost;
    ``jitter()`` adds seconds to one flight, so that datagrams overtake each other."""

    def __init__(
        self,
        client: QuicConnection,
        make_server: Callable[[bytes], QuicConnection],
        *,
        rtt_s: float = RTT_S,
        drop: Callable[[str, int], bool] = lambda side, n: False,
        jitter: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.client, self.server = client, None
        self.now = 0.0
        self.sent = {"client": [], "server": []}
        self.sent_at = []
        self.events = {"client": [], "server": []}
        self._make_server = make_server
        self._one_way = rtt_s / 2
        self._drop = drop
        self._jitter = jitter
        self._flights = []
        self._order = itertools.count()
        client.connect(SERVER, self.now)

    @property
    def ends(self):
        return [end for end in (self.client, self.server) if end is not None]

    def run(self, until=lambda: False, limit_s=120.0) -> bool:
        """Advance until ``until()``, or nothing is left to happen before ``limit_s``."""
        while not until():
            self._drain()
            if until():
                break
            moment = self._next_moment()
            if moment is None or moment > limit_s:
                return until()
            # A microsecond on top: aioquic's loss timer rounds and would re-arm for ever.
            self.now = max(self.now, moment) + 1e-6
            self._step()
        return True

    def settle(self, for_s=1.0) -> None:
        """Advance by a stretch of virtual time."""
        self.run(limit_s=self.now + for_s)

    def confirmed(self) -> bool:
        return self.server is not None and all(end._handshake_confirmed for end in self.ends)

    def failed(self) -> bool:
        return any(end._close_event is not None for end in self.ends)

    def _drain(self) -> None:
        for side, end in (("client", self.client), ("server", self.server)):
            if end is None:
                continue
            for data, _ in end.datagrams_to_send(self.now):
                self.sent[side].append(len(data))
                self.sent_at.append((self.now, side, len(data)))
                if not self._drop(side, len(self.sent[side])):
                    arrival = self.now + self._one_way + self._jitter()
                    flight = (arrival, next(self._order), side, data)
                    heapq.heappush(self._flights, flight)
            while (event := end.next_event()) is not None:
                self.events[side].append(event)

    def _next_moment(self):
        timers = [end.get_timer() for end in self.ends]
        moments = [t for t in timers if t is not None] + [f[0] for f in self._flights[:1]]
        return min(moments, default=None)

    def _step(self) -> None:
        while self._flights and self._flights[0][0] <= self.now:
            _, _, side, data = heapq.heappop(self._flights)
            if side == "server":
                self.client.receive_datagram(data, SERVER, self.now)
                continue
            if self.server is None:
                header = pull_quic_header(Buffer(data=data), host_cid_length=8)
                self.server = self._make_server(header.destination_cid)
            self.server.receive_datagram(data, CLIENT, self.now)
        for end in self.ends:
            timer = end.get_timer()
            if timer is not None and timer <= self.now:
                end.handle_timer(self.now)


def established(limits: QuicLimits | None = None, **options) -> Pair:
    """A pair whose handshake is confirmed on both sides."""
    chosen = {"limits": limits} if limits is not None else {}
    pair = Pair(client(**chosen), server(**chosen), **options)
    assert pair.run(pair.confirmed)
    return pair
