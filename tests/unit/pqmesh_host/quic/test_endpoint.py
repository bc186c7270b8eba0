# SPDX-License-Identifier: MIT OR Apache-2.0
"""Dialling, accepting and refusing, on loopback."""

import asyncio
import contextlib
import random
import socket
import ssl

import pytest
from aioquic.asyncio import connect as stock_connect
from aioquic.asyncio import serve as stock_serve
from aioquic.quic.configuration import QuicConfiguration

from pqmesh_host.quic import lifecycle
from pqmesh_host.quic.endpoint import QuicEndpoint
from pqmesh_host.quic.errors import (
    AddressUnavailable,
    ConnectTimeout,
    EndpointFull,
    HandshakeFailed,
    PeerClosed,
    WrongPeer,
)
from support.quic_classical import certificate
from support.quic_net import endpoints, eventually, joined, open_endpoint
from support.quic_pair import identity


async def test_both_sides_know_each_other():
    async with joined() as (dialled, accepted):
        assert dialled.peer_id == identity("bob").peer_id
        assert accepted.peer_id == identity("alice").peer_id
        assert (dialled.initiator, accepted.initiator) == (True, False)
        assert dialled.address[0] == accepted.address[0] == "127.0.0.1"
        assert dialled.is_open
        assert accepted.is_open
        assert 0 < accepted.handshake_ms < 5000
        assert 0 < dialled.handshake_ms < 5000
        # Two Initials and a client flight; a 7 KB server flight. A busy machine makes either
        # send some of it again; how much it takes is measured in virtual time (test_handshake).
        assert 6_000 < dialled.bytes_sent < 40_000
        assert 6_000 < dialled.bytes_received < 40_000
        assert dialled.export_keying_material(b"l", b"", 32) == accepted.export_keying_material(
            b"l", b"", 32
        )


async def test_one_socket_dials_and_accepts():
    async with endpoints("alice", "bob", "carol") as (alice, bob, carol):
        await alice.connect(bob.local_address)
        await bob.connect(carol.local_address)
        assert (await bob.accept()).address == alice.local_address
        assert (await carol.accept()).address == bob.local_address


async def test_the_wildcard_socket_speaks_ipv4_and_ipv6():
    async with (
        open_endpoint("alice", host="::") as alice,
        open_endpoint("bob") as bob,
        open_endpoint("carol", host="::1") as carol,
    ):
        four = await alice.connect(bob.local_address)
        assert four.address == bob.local_address
        six = await carol.connect(("::1", alice.local_address[1]))
        assert six.address[0] == "::1"
        accepted = await bob.connect(("127.0.0.1", alice.local_address[1]))
        assert accepted.peer_id == identity("alice").peer_id


async def test_the_pinned_peer_is_admitted_and_any_other_is_not():
    async with endpoints("alice", "bob") as (alice, bob):
        peer = await alice.connect(bob.local_address, expect=identity("bob").peer_id)
        assert peer.is_open
        with pytest.raises(WrongPeer, match="found") as caught:
            await alice.connect(bob.local_address, expect=identity("carol").peer_id)
        assert caught.value.actual == identity("bob").peer_id
        assert caught.value.expected == identity("carol").peer_id


async def test_a_peer_the_acceptor_does_not_trust_is_refused():
    async with (
        open_endpoint("alice") as alice,
        open_endpoint("bob", trust=lambda peer_id: False) as bob,
    ):
        with pytest.raises(HandshakeFailed) as caught:
            await alice.connect(bob.local_address)
        assert caught.value.alert == 48
        assert caught.value.by_peer
        assert "alert 48 unknown_ca" in str(caught.value)
        await eventually(lambda: bob.refusals)
        assert bob.refusals[0].alert == 48
        assert not bob.refusals[0].by_peer
        assert bob.peers == []
        assert bob.stats().counts["handshake_refused"] == 1


async def test_trust_is_asked_when_dialling_without_a_pin():
    asked = []

    def trust(peer_id):
        asked.append(peer_id)
        return False

    async with open_endpoint("bob") as bob, open_endpoint("alice", trust=trust) as alice:
        with pytest.raises(HandshakeFailed) as caught:
            await alice.connect(bob.local_address)
        assert caught.value.alert == 48
        assert not caught.value.by_peer
        assert asked == [identity("bob").peer_id]
        assert (await alice.connect(bob.local_address, expect=identity("bob").peer_id)).is_open


async def test_a_classical_client_is_refused_with_a_clear_reason():
    told = []
    async with QuicEndpoint.open(identity("bob"), host="127.0.0.1", on_refused=told.append) as bob:
        configuration = QuicConfiguration(is_client=True, verify_mode=ssl.CERT_NONE)
        with pytest.raises(ConnectionError):
            async with stock_connect(*bob.local_address, configuration=configuration):
                pass
        assert told[0].alert == 40
        assert told[0].text == "the client does not offer MLKEM768"
        assert told[0].address[0] == "127.0.0.1"


async def test_a_classical_server_is_refused_with_a_clear_reason():
    chain, key = certificate()
    configuration = QuicConfiguration(is_client=False, certificate=chain, private_key=key)
    server = await stock_serve("127.0.0.1", 0, configuration=configuration)
    address = server._transport.get_extra_info("sockname")
    try:
        async with open_endpoint("alice") as alice:
            with pytest.raises(HandshakeFailed, match="alert 40 handshake_failure") as caught:
                await alice.connect(address)
            assert caught.value.by_peer
    finally:
        server.close()


async def test_closing_tells_the_peers():
    async with endpoints("alice", "bob") as (alice, bob):
        await alice.connect(bob.local_address)
        peer = await bob.accept()
        await alice.close()
        closed = await asyncio.wait_for(peer.wait_closed(), 2)
        assert (closed.code, closed.reason, closed.by_peer) == (0, "Shutdown", True)


async def test_a_port_in_use_says_what_to_do():
    async with open_endpoint("alice") as alice:
        with pytest.raises(AddressUnavailable, match="choose another port"):
            async with open_endpoint("bob", port=alice.local_address[1]):
                pass


@pytest.mark.parametrize(("host", "port"), [("not-an-address", 0), ("127.0.0.1", 70_000)])
async def test_an_address_that_is_none_says_what_to_do(host, port):
    with pytest.raises(AddressUnavailable, match="use "):
        async with open_endpoint("alice", host=host, port=port):
            pass


async def test_an_address_that_is_not_ours():
    with pytest.raises(AddressUnavailable, match="cannot listen"):
        async with open_endpoint("alice", host="192.0.2.1"):
            pass


async def test_the_backlog_is_bounded():
    async with (
        endpoints("bob", accept_backlog=1) as (bob,),
        endpoints("alice", "carol") as (alice, carol),
    ):
        await alice.connect(bob.local_address)
        with pytest.raises(HandshakeFailed, match="no reader") as caught:
            await carol.connect(bob.local_address)
        assert caught.value.code == lifecycle.NO_READER
        assert caught.value.alert is None
        assert (await bob.accept()).peer_id == alice.peer_id
        assert bob.stats().counts["backlog_full"] == 1


async def test_the_number_of_connections_is_bounded_both_ways():
    async with endpoints("alice", "bob", max_connections=1) as (alice, bob):
        await alice.connect(bob.local_address)
        async with open_endpoint("carol") as carol:
            with pytest.raises(EndpointFull):
                await alice.connect(carol.local_address)
            with pytest.raises(ConnectTimeout):
                await carol.connect(bob.local_address, timeout_s=0.5)
        assert bob.stats().counts["dropped_connections_full"] >= 1
        assert len(bob.peers) == 1


async def test_under_load_a_client_proves_its_address_first():
    async with (
        endpoints("bob", retry_above_handshakes=0) as (bob,),
        endpoints("alice") as (alice,),
    ):
        peer = await alice.connect(bob.local_address, expect=identity("bob").peer_id)
        assert bob.stats().counts["retry_sent"] == 2  # one per Initial
        await peer.send(b"after a Retry")
        assert await (await bob.accept()).recv() == b"after a Retry"


async def test_half_open_handshakes_are_bounded_and_expire():
    """Real Initials whose sender never goes on."""
    async with endpoints(
        "bob", max_handshakes=3, retry_above_handshakes=3, handshake_timeout_s=2.0
    ) as (bob,):
        dials = []
        async with contextlib.AsyncExitStack() as stack:
            for n in range(5):
                eve = await stack.enter_async_context(open_endpoint(f"eve{n}"))
                eve._udp._on_datagram = None
                asyncio.get_running_loop().remove_reader(eve._udp._sock.fileno())
                dials.append(asyncio.create_task(eve.connect(bob.local_address, timeout_s=60)))
            await eventually(lambda: bob.stats().counts.get("dropped_handshakes_full", 0) >= 1)
            assert bob.stats().handshakes == 3
            await eventually(lambda: bob.stats().counts.get("handshake_timeout", 0) >= 3, 20)
            for dial in dials:
                dial.cancel()
            await asyncio.gather(*dials, return_exceptions=True)
        async with open_endpoint("alice") as alice:
            assert (await alice.connect(bob.local_address)).is_open


async def test_a_flood_of_garbage_leaves_established_peers_working():
    rnd = random.Random(5)
    async with endpoints("alice", "bob") as (alice, bob):
        dialled = await alice.connect(bob.local_address)
        accepted = await bob.accept()
        stray = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with stray:
            for n in range(3000):
                size = rnd.choice([1, 5, 20, 60, 1200, 1400])
                data = bytearray(rnd.randbytes(size))
                if n % 3 == 0:
                    data[0] |= 0xC0
                    data[1:5] = b"\x00\x00\x00\x01"[: max(0, size - 1)]
                stray.sendto(bytes(data), bob.local_address)
                if n % 300 == 0:
                    await dialled.send(b"%d" % n)
                    assert await asyncio.wait_for(accepted.recv(), 5) == b"%d" % n
        await eventually(lambda: bob.stats().counts["dropped_unknown_connection"] > 500)
        await accepted.send(b"alive")
        assert await asyncio.wait_for(dialled.recv(), 5) == b"alive"
        assert len(bob.peers) == 1


async def test_garbage_from_the_peers_own_address_is_ignored():
    async with endpoints("alice", "bob") as (alice, bob):
        dialled = await alice.connect(bob.local_address)
        accepted = await bob.accept()
        for cid in list(bob._registry._by_cid)[:3]:
            alice._udp.send([(b"\x40" + cid + bytes(60), bob.local_address)])
            alice._udp.send([(b"\xc0\x00\x00\x00\x01\x08" + cid + bytes(60), bob.local_address)])
        await dialled.send(b"fine")
        assert await asyncio.wait_for(accepted.recv(), 2) == b"fine"


async def test_an_unknown_version_is_answered_with_ours():
    async with open_endpoint("bob") as bob:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            await loop.sock_connect(sock, bob.local_address)
            hello = b"\xc0\x0a\x1a\x2a\x3a\x08" + b"D" * 8 + b"\x08" + b"S" * 8
            await loop.sock_sendall(sock, hello.ljust(1200, b"\x00"))
            answer = await asyncio.wait_for(loop.sock_recv(sock, 2000), 2)
        assert answer[1:5] == bytes(4)
        assert answer.endswith(b"\x00\x00\x00\x01")


async def test_keep_alive_holds_an_idle_connection():
    async with joined(idle_timeout_s=2.0, keep_alive_s=0.3) as (dialled, accepted):
        await asyncio.sleep(3.0)
        assert dialled.is_open
        await accepted.send(b"still")
        assert await dialled.recv() == b"still"


async def test_without_keep_alive_an_idle_connection_is_lost():
    async with joined(idle_timeout_s=0.4, keep_alive_s=0.0) as (dialled, accepted):
        closed = await asyncio.wait_for(dialled.wait_closed(), 3)
        assert "Idle timeout" in closed.reason
        assert not closed.by_peer
        with pytest.raises(PeerClosed):
            await accepted.recv()


async def test_a_lost_goodbye_is_repeated():
    async with endpoints("alice", "bob") as (alice, bob):
        dialled = await alice.connect(bob.local_address)
        accepted = await bob.accept()
        send, lost = bob._udp.send, []
        bob._udp.send = lambda datagrams: lost.extend(datagrams) or 0
        await accepted.close(7, "gone")
        assert lost
        bob._udp.send = send
        await dialled.send(b"are you there")
        closed = await asyncio.wait_for(dialled.wait_closed(), 2)
        assert (closed.code, closed.reason) == (7, "gone")


async def test_a_full_cycle_leaves_no_state():
    async with endpoints("alice", "bob") as (alice, bob):
        for _ in range(10):
            peer = await alice.connect(bob.local_address)
            await bob.accept()
            await peer.close()
        await eventually(lambda: len(alice._registry) == len(bob._registry) == 0)
        for endpoint in (alice, bob):
            assert not endpoint._driver._timers._armed
            assert not endpoint._driver._farewells
            assert not endpoint._handshakes
            assert not endpoint._admission.draining
            assert not endpoint._registry._by_cid
