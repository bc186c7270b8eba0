# SPDX-License-Identifier: MIT OR Apache-2.0
"""The TLS engine alone, message by message: whatever comes in, only an alert comes out."""

import contextlib

import pytest
from aioquic import tls
from aioquic.buffer import Buffer
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pqmesh_host.primitives.pyca import PYCA
from pqmesh_host.quic.tls13 import (
    MAX_HANDSHAKE_MESSAGE_BYTES,
    certificate_types,
    find_extension,
)
from pqmesh_host.quic.tls_client import ClientContext
from pqmesh_host.quic.tls_server import ServerContext, encapsulate
from support.quic_pair import local_key

EPOCHS = (tls.Epoch.INITIAL, tls.Epoch.HANDSHAKE, tls.Epoch.ONE_RTT)


class Engine:
    """One engine, its output collected as bytes."""

    def __init__(self, cls, name):
        self.tls = cls(key=local_key(name), verify_peer=lambda key: True)
        self.tls.handshake_extensions = [(0x39, b"\x00\x00")]
        self._buffers = {epoch: Buffer(capacity=20_000) for epoch in EPOCHS}

    def take(self, data: bytes) -> bytes:
        self.tls.handle_message(data, self._buffers)
        out = b"".join(buffer.data for buffer in self._buffers.values())
        for buffer in self._buffers.values():
            buffer.seek(0)
        return out


def hello():
    engine = Engine(ClientContext, "client")
    return engine, engine.take(b"")


def bend(data: bytes, at: int, how: str, value: int) -> bytes:
    at %= len(data)
    if how == "set":
        return data[:at] + bytes((value,)) + data[at + 1 :]
    if how == "cut":
        return data[:at] + data[at + 1 + value :]
    return data[:at] + bytes((value,)) * 3 + data[at:]


BENDS = {
    "at": st.integers(min_value=0, max_value=20_000),
    "how": st.sampled_from(["set", "cut", "insert"]),
    "value": st.integers(min_value=0, max_value=255),
    "chunk": st.sampled_from([1, 7, 500, 20_000]),
}


def feed(engine: Engine, data: bytes, chunk: int) -> bytes:
    """The invariant of this file: a flight is taken, waited for, or refused with an alert."""
    out = b""
    with contextlib.suppress(tls.Alert):
        for start in range(0, len(data), chunk):
            out += engine.take(data[start : start + chunk])
    return out


def test_a_handshake_without_quic_around_it():
    client, client_hello = hello()
    server = Engine(ServerContext, "server")
    flight = server.take(client_hello)
    assert server.take(client.take(flight)) == b""
    assert client.tls.state == tls.State.CLIENT_POST_HANDSHAKE
    assert server.tls.state == tls.State.SERVER_POST_HANDSHAKE


def test_byte_by_byte_is_the_same():
    client, client_hello = hello()
    server = Engine(ServerContext, "server")
    flight = feed(server, client_hello, 1)
    feed(server, feed(client, flight, 1), 1)
    assert server.tls.state == tls.State.SERVER_POST_HANDSHAKE


@given(**BENDS)
@settings(max_examples=300, deadline=None)
@example(at=4, how="set", value=0, chunk=20_000)
def test_a_bent_client_hello_raises_only_alerts(at, how, value, chunk):
    _, client_hello = hello()
    feed(Engine(ServerContext, "server"), bend(client_hello, at, how, value), chunk)


@given(**BENDS)
@settings(max_examples=120, deadline=None)
def test_a_bent_server_flight_raises_only_alerts(at, how, value, chunk):
    client, client_hello = hello()
    flight = Engine(ServerContext, "server").take(client_hello)
    bent = bend(flight, at, how, value)
    feed(client, bent, chunk)
    # Every byte of the flight is in the transcript: a changed one never passes.
    if bent != flight:
        assert client.tls.state != tls.State.CLIENT_POST_HANDSHAKE


@given(**BENDS)
@settings(max_examples=100, deadline=None)
def test_a_bent_client_flight_raises_only_alerts(at, how, value, chunk):
    client, client_hello = hello()
    server = Engine(ServerContext, "server")
    flight = client.take(server.take(client_hello))
    bent = bend(flight, at, how, value)
    feed(server, bent, chunk)
    if bent != flight:
        assert server.tls.state != tls.State.SERVER_POST_HANDSHAKE


@given(st.binary(max_size=400), st.sampled_from([1, 2, 4, 8, 11, 13, 15, 20, 24, 254]))
@settings(max_examples=300, deadline=None)
def test_random_messages_raise_only_alerts_in_every_state(body, kind):
    message = bytes((kind,)) + len(body).to_bytes(3, "big") + body
    client, client_hello = hello()
    feed(client, message, 1000)
    server = Engine(ServerContext, "server")
    feed(server, message, 1000)
    server = Engine(ServerContext, "server")
    server.take(client_hello)
    feed(server, message, 1000)


def test_a_message_longer_than_the_bound_is_refused_at_its_header():
    server = Engine(ServerContext, "server")
    too_long = (MAX_HANDSHAKE_MESSAGE_BYTES + 1).to_bytes(3, "big")
    with pytest.raises(tls.AlertDecodeError, match="too long"):
        server.take(b"\x01" + too_long)


def test_tickets_are_taken_and_forgotten():
    client, client_hello = hello()
    server = Engine(ServerContext, "server")
    server.take(client.take(server.take(client_hello)))
    buf = Buffer(capacity=200)
    tls.push_new_session_ticket(
        buf, tls.NewSessionTicket(ticket_lifetime=1, ticket_age_add=0, ticket=b"t" * 32)
    )
    assert client.take(buf.data) == b""
    assert client.tls.session_ticket is None


def test_a_server_hears_nothing_after_the_handshake():
    client, client_hello = hello()
    server = Engine(ServerContext, "server")
    server.take(client.take(server.take(client_hello)))
    with pytest.raises(tls.AlertUnexpectedMessage):
        server.take(client_hello)


def test_an_offered_ticket_of_somebody_else_is_ignored():
    """ant-quic files tickets under one shared name (ant-quic-wire §1.7)."""
    client, _ = hello()
    client = Engine(ClientContext, "client")
    stock = tls.push_client_hello

    def push(buf, offer):
        offer.psk_key_exchange_modes = [1]
        offer.pre_shared_key = tls.OfferedPsks(identities=[(b"ticket", 1)], binders=[bytes(48)])
        stock(buf, offer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tls, "push_client_hello", push)
        client_hello = client.take(b"")
    server = Engine(ServerContext, "server")
    server.take(client.take(server.take(client_hello)))
    assert server.tls.state == tls.State.SERVER_POST_HANDSHAKE
    assert not server.tls.session_resumed


@pytest.mark.parametrize("body", [b"", b"\x00", b"\x02\x02", b"\x01\x02\x00"])
def test_malformed_certificate_types(body):
    with pytest.raises(tls.AlertDecodeError):
        certificate_types([(19, body)], 19)


def test_extensions_are_found_once():
    assert find_extension(None, 19) is None
    assert find_extension([(1, b"a"), (19, b"b")], 19) == b"b"
    with pytest.raises(tls.AlertIllegalParameter):
        find_extension([(19, b"b"), (19, b"b")], 19)


def test_encapsulation_gives_what_the_key_owner_gets():
    key = PYCA.kem_key()
    shared, ciphertext = encapsulate(key.public, PYCA)
    assert key.decapsulate(ciphertext) == shared
