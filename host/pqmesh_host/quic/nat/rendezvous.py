# SPDX-License-Identifier: MIT OR Apache-2.0
"""Coordination over live peers: the pure halves (``coordinator``, ``participant``) on real
connections. Decides nothing but whom a message goes to, and for how long an answer is waited for.

Bounded: 256 messages being sent, each for at most 5 s; what is over is dropped and counted.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence

from ..endpoint import QuicEndpoint
from ..errors import PeerClosed
from ..frames import Address
from ..messages import COORDINATOR
from ..peer import Peer
from .aqcc import Coordination, InvalidCoordination, decode, encode
from .candidates import CandidatePolicy, IPNetwork
from .coordinator import Coordinator
from .participant import Denied, Output, Participant, Punch, Send

MAX_SENDING = 256
SEND_S = 5.0


class Rendezvous:
    """One node's coordination, in all three parts. Installs itself until ``close``.

    :param invited: called when another node asked for us and both are to dial now
    :param own_addresses: where we believe we can be reached
    :param serve: whether to coordinate others too; else their requests go unanswered
    """

    def __init__(
        self,
        endpoint: QuicEndpoint,
        invited: Callable[[Punch], None],
        own_addresses: Callable[[], Sequence[Address]],
        *,
        own_networks: Collection[IPNetwork] = (),
        serve: bool = True,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._endpoint = endpoint
        self._invited = invited
        self._own_addresses = own_addresses
        self._loop = asyncio.get_running_loop()
        self._coordinator = Coordinator(self._seen_at) if serve else None
        policy = CandidatePolicy(own_networks=own_networks)
        self._participant = Participant(endpoint.peer_id, policy)
        self._answers: dict[tuple[bytes, int], asyncio.Future[Punch | Denied]] = {}
        self._sending: set[asyncio.Task[None]] = set()
        endpoint.services.coordination = self._on_message

    def stats(self) -> dict[str, int]:
        """Messages by kind and fate, and what the participant refused."""
        return {
            **self.counts,
            "refused_addresses": self._participant.refused_addresses,
            "unasked": self._participant.unasked,
        }

    async def ask(
        self,
        coordinator: Peer,
        target: bytes,
        addresses: Sequence[Address],
        timeout_s: float,
        *,
        relayed: bool = False,
    ) -> Punch | Denied | None:
        """Ask one peer to bring ``target`` and us together; None when no answer came in time.

        :param relayed: ``addresses`` lead to us through a relay, see ``participant``
        """
        try:
            number, send = self._participant.request(
                coordinator.peer_id, target, addresses, _unix_ms(), relayed=relayed
            )
        except RuntimeError:  # too many of our own are under way
            self.counts["own_requests_full"] += 1
            return None
        answer: asyncio.Future[Punch | Denied] = self._loop.create_future()
        self._answers[target, number] = answer
        self._post(send.to, send.message)
        try:
            async with asyncio.timeout(timeout_s):
                return await answer
        except TimeoutError:
            return None
        finally:
            del self._answers[target, number]

    async def close(self) -> None:
        """Stop serving and drop what is being sent. Idempotent."""
        self._endpoint.services.coordination = None
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

    def _on_message(self, peer: Peer, body: bytes) -> None:
        try:
            message = decode(COORDINATOR + body)
        except InvalidCoordination:
            self.counts["malformed"] += 1
            return
        self.counts[f"received_{message.kind.lower()}"] += 1
        if message.kind not in ("Request", "Ready"):
            self._take_part(peer, message)
        elif self._coordinator is not None:
            for to, answer in self._coordinator.handle(peer.peer_id, message, _unix_ms()):
                self._post(to, answer)

    def _take_part(self, coordinator: Peer, message: Coordination) -> None:
        outputs = self._participant.handle(
            coordinator.peer_id,
            message,
            self._own_addresses(),
            _unix_ms(),
            self._loop.time(),
            {peer.address[0] for peer in self._endpoint.peers if not peer.relayed},
        )
        for output in outputs:
            self._act(output)

    def _act(self, output: Output) -> None:
        if isinstance(output, Send):
            self._post(output.to, output.message)
            return
        answer = self._answers.get((output.peer_id, output.request_id))
        if isinstance(output, Punch) and not output.initiator:
            self._invited(output)
        elif answer is not None and not answer.done():
            answer.set_result(output)

    def _seen_at(self, peer_id: bytes) -> Address | None:
        peer = self._endpoint.peer(peer_id)
        # Through a relay we see the relay, which would send the other side there.
        return None if peer is None or peer.relayed else peer.address

    def _post(self, to: bytes, message: Coordination) -> None:
        peer = self._endpoint.peer(to)
        if peer is None or len(self._sending) >= MAX_SENDING:
            self.counts["unsent"] += 1
            return
        self.counts[f"sent_{message.kind.lower()}"] += 1
        task = self._loop.create_task(self._send(peer, message))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, peer: Peer, message: Coordination) -> None:
        try:
            async with asyncio.timeout(SEND_S):
                await peer.send_coordination(encode(message)[len(COORDINATOR) :])
        except (PeerClosed, TimeoutError):
            self.counts["unsent"] += 1


def _unix_ms() -> int:
    """The wall clock, as the messages carry it: their expiry is compared across machines."""
    return time.time_ns() // 1_000_000
