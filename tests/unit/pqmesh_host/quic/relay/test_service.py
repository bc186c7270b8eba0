# SPDX-License-Identifier: MIT OR Apache-2.0
"""The relay's side over a real connection: what it serves, what it refuses, how it ends."""

import pytest

from pqmesh_host.quic.relay.budget import Allowance
from pqmesh_host.quic.relay.wire import (
    BIND_ANY,
    FrameReader,
    RelayedDatagram,
    RelayRequest,
    RelayResponse,
)
from support.quic_net import eventually
from support.relay_nodes import World, relayed


class Asking:
    """A client that speaks the wire by hand."""

    def __init__(self, relay, request=BIND_ANY):
        self.stream = relay.open_stream(request if type(request) is bytes else request.encode())
        self.bodies = []
        reader = FrameReader(65_536)
        self.stream.on_data = lambda data: self.bodies.extend(reader.feed(data))

    async def response(self):
        await eventually(lambda: self.bodies)
        return RelayResponse.decode(self.bodies.pop(0))


async def test_datagrams_pass_both_ways_and_come_from_the_bound_port():
    async with relayed() as made, World() as world:
        asking = Asking(made.relay)
        response = await asking.response()
        assert response.status == 200
        asking.stream.send(RelayedDatagram(world.address, b"out").encode())
        assert await world.heard() == (b"out", response.address)
        world.send(b"in", response.address)
        await eventually(lambda: asking.bodies)
        assert RelayedDatagram.decode(asking.bodies[0]) == RelayedDatagram(world.address, b"in")
        [session] = made.service.sessions.values()
        assert session.used_bytes == 5


async def test_a_request_in_pieces_is_understood():
    async with relayed() as made:
        whole = RelayRequest(bind=True, host="::", port=0).encode()
        asking = Asking(made.relay, whole[:8])
        asking.stream.send(whole[8:])
        assert (await asking.response()).status == 200


async def test_who_is_not_allowed_gets_403():
    async with relayed(allowance=None) as made:
        asking = Asking(made.relay)
        response = await asking.response()
        assert (response.status, response.address) == (403, None)
        assert response.reason == "this relay does not serve you"
        await eventually(lambda: asking.stream.ended)
        assert made.service.counts["refused_403"] == 1


async def test_other_forms_get_501():
    async with relayed() as made:
        for request in (
            RelayRequest(bind=False, host="198.18.0.1", port=9000),
            RelayRequest(bind=True, host="198.18.0.1", port=9000),
        ):
            assert (await Asking(made.relay, request).response()).status == 501


async def test_a_second_session_gets_409_until_the_first_ends():
    async with relayed() as made:
        first = Asking(made.relay)
        assert (await first.response()).status == 200
        assert (await Asking(made.relay).response()).status == 409
        first.stream.finish()
        await eventually(lambda: not made.service.sessions)
        assert (await Asking(made.relay).response()).status == 200


async def test_a_full_relay_answers_503():
    async with relayed(max_sessions=0) as made:
        assert (await Asking(made.relay).response()).status == 503


async def test_without_a_socket_the_answer_is_500(caplog):
    def none():
        raise OSError("no more files")

    async with relayed(open_socket=none) as made:
        assert (await Asking(made.relay).response()).status == 500
        assert made.service.sessions == {}


async def test_a_told_host_replaces_the_bound_one():
    async with relayed(public_host="198.18.0.9") as made:
        assert (await Asking(made.relay).response()).address[0] == "198.18.0.9"


@pytest.mark.parametrize("junk", [b"\xff" * 16, b"\x00\x00\x00\x04\x01\x40\x01\x02"])
async def test_a_malformed_request_ends_the_stream_and_nothing_else(junk):
    async with relayed() as made:
        asking = Asking(made.relay, junk)
        await eventually(lambda: asking.stream.ended)
        assert made.service.sessions == {}
        assert (await Asking(made.relay).response()).status == 200


async def test_a_malformed_datagram_ends_the_session():
    async with relayed() as made:
        asking = Asking(made.relay)
        await asking.response()
        asking.stream.send(b"\x00\x00\x00\x01\x07")
        await eventually(lambda: not made.service.sessions)
        assert made.service.counts["ended_malformed"] == 1


async def test_private_targets_are_refused_by_a_public_relay():
    async with relayed(public_host="198.18.0.9") as made, World() as world:
        asking = Asking(made.relay)
        await asking.response()
        for host in ("127.0.0.1", "10.0.0.1", "224.0.0.1"):
            asking.stream.send(RelayedDatagram((host, world.address[1]), b"no").encode())
        await eventually(lambda: made.service.counts["refused_target"] == 3)
        with pytest.raises(TimeoutError):
            await world.heard(0.2)


async def test_over_the_rate_it_drops_and_over_the_total_it_ends():
    small = Allowance(bytes_per_second=1, burst_bytes=4000, total_bytes=4000)
    async with relayed(allowance=small) as made, World() as world:
        asking = Asking(made.relay)
        await asking.response()
        for _ in range(4):
            asking.stream.send(RelayedDatagram(world.address, bytes(1000)).encode())
        await eventually(lambda: made.service.counts["datagrams_out"] >= 3)
        for _ in range(2):
            asking.stream.send(RelayedDatagram(world.address, bytes(1000)).encode())
        await eventually(lambda: made.service.counts["ended_total"] == 1)
        assert made.service.counts["dropped_over_rate"] >= 1
        assert made.service.counts["datagrams_out"] <= 4
        await eventually(lambda: asking.stream.ended)


@pytest.mark.parametrize(
    ("allowance", "why"),
    [(Allowance(idle_s=0.2), "idle"), (Allowance(lifetime_s=0.3, idle_s=0.31), "lifetime")],
)
async def test_silence_and_age_end_it(allowance, why):
    async with relayed(allowance=allowance) as made:
        asking = Asking(made.relay)
        await asking.response()
        await eventually(lambda: asking.stream.ended)
        assert made.service.counts[f"ended_{why}"] == 1


async def test_the_end_of_the_client_releases_the_port():
    async with relayed() as made, World() as world:
        address = (await Asking(made.relay).response()).address
        await made.relay.close(code=1)
        await eventually(lambda: not made.service.sessions)
        world.send(b"late", address)
        assert made.service.counts["ended_client"] == 1


async def test_close_ends_the_sessions_and_refuses_more():
    async with relayed() as made:
        asking = Asking(made.relay)
        await asking.response()
        made.service.close()
        await eventually(lambda: asking.stream.ended)
        assert (await Asking(made.relay).response()).status == 501
