# SPDX-License-Identifier: MIT OR Apache-2.0
"""What of aioquic we replace or reach into, and that it is still what we read.

A failure here after an upgrade means: read the upstream change to that method, carry
over what it fixes, then update the hash. The failing assertion prints
the new value.
"""

import hashlib
import importlib.metadata
import inspect
import re

import pytest
from aioquic import tls
from aioquic._crypto import HeaderProtection
from aioquic.quic.congestion.reno import RenoCongestionControl
from aioquic.quic.connection import Limit, QuicConnection
from aioquic.quic.crypto import CryptoContext, CryptoPair
from aioquic.quic.packet_builder import QuicPacketBuilder
from aioquic.quic.recovery import QuicPacketPacer
from aioquic.quic.stream import QuicStreamReceiver, QuicStreamSender

from pqmesh_host.quic import pacing
from pqmesh_host.quic.connection import PqConnection
from pqmesh_host.quic.credit import Credit
from pqmesh_host.quic.fast_receive import FastReceive
from pqmesh_host.quic.fast_send import FastSend
from pqmesh_host.quic.framed import FramedConnection
from pqmesh_host.quic.rebinding import RebindingConnection
from pqmesh_host.quic.sized import SizedConnection
from pqmesh_host.quic.tls13 import ProfileContext
from pqmesh_host.quic.tls_client import ClientContext
from pqmesh_host.quic.tls_server import ServerContext

PINNED = "1.7.2"

OURS = [
    (ProfileContext, tls.Context),
    (ClientContext, tls.Context),
    (ServerContext, tls.Context),
    (RebindingConnection, QuicConnection),
    (SizedConnection, QuicConnection),
    (FramedConnection, QuicConnection),
    (PqConnection, QuicConnection),
    (FastReceive, QuicConnection),
    (FastSend, QuicConnection),
    (Credit, Limit),
    (pacing.CoarsePacer, QuicPacketPacer),
    (pacing.CappedReno, RenoCongestionControl),
]

HASHES = {
    "Context.__init__": "8bb268d5292e88f4",
    "Context._check_certificate_verify_signature": "f07c68727823a8c1",
    "Context._client_handle_certificate": "5e3f6528e35a0ca0",
    "Context._client_handle_certificate_request": "a08f4e99b186bb6e",
    "Context._client_handle_encrypted_extensions": "669f789c374661e8",
    "Context._client_handle_finished": "4acbe79d60c8cfa9",
    "Context._client_handle_hello": "319b51fe1f24063e",
    "Context._client_send_hello": "d0cb6921908b4e14",
    "Context._server_handle_certificate": "1bd0074c73549310",
    "Context._server_handle_hello": "32702edbae970883",
    "Context._set_peer_certificate": "18708057662f3b38",
    "Context._setup_traffic_protection": "8f26196dbd320d33",
    "Context._signature_algorithms_for_private_key": "c22f7ec642c401bc",
    "Context.handle_message": "3548575655323015",
    "Limit.__init__": "0812b9c00d1923a5",
    "QuicConnection.__init__": "a26a00d05b9ddf55",
    "QuicConnection._close_begin": "c99ca3c2a4804f0d",
    "QuicConnection._confirm_handshake": "198bc49872666d0a",
    "QuicConnection._initialize": "8ebda0eee3e0b2de",
    "QuicConnection._parse_transport_parameters": "be9dadf472e1a339",
    "QuicConnection._serialize_transport_parameters": "9ebfc08fb45c5c80",
    "QuicConnection._write_application": "44b0500c0db69129",
    "QuicConnection._write_connection_limits": "e4a74a19b75e0cf5",
    "QuicConnection._write_stream_limits": "c85ac063469402cf",
    "QuicConnection.datagrams_to_send": "cd79f7b088e54cd6",
    "QuicConnection.receive_datagram": "1c538c6488cda61d",
    "QuicPacketPacer.next_send_time": "b1aec4e597849544",
    "QuicPacketPacer.update_rate": "b33ef11521a6d5dd",
    "RenoCongestionControl.on_packet_acked": "58f7bf08a45e7556",
}


def digest(function) -> str:
    source = inspect.getsource(function)
    return hashlib.sha256(re.sub(r"\s+", " ", source).encode()).hexdigest()[:16]


def overridden():
    """Every upstream function one of our classes redefines."""
    for ours, theirs in OURS:
        for name in vars(ours):
            original = inspect.getattr_static(theirs, name, None)
            if inspect.isfunction(original):
                yield f"{theirs.__name__}.{name}", original


def test_the_pinned_release_is_installed():
    assert importlib.metadata.version("aioquic") == PINNED


def test_every_overridden_method_is_what_we_read():
    found = {name: digest(original) for name, original in overridden()}
    assert found == HASHES


# Beyond overriding: attributes and calls of aioquic's this package relies on.
RELIED_ON = [
    (QuicConnection, "_write_application"),
    (QuicConnection, "_handle_crypto_frame"),
    (QuicConnection, "_handle_stream_frame"),
    (QuicConnection, "_payload_received"),
    (QuicConnection, "datagrams_to_send"),
    (QuicConnection, "receive_datagram"),
    (QuicPacketBuilder, "_end_packet"),
    (QuicPacketBuilder, "start_packet"),
    (QuicPacketBuilder, "flush"),
    (CryptoPair, "encrypt_packet"),
    (CryptoContext, "decrypt_packet"),
    (HeaderProtection, "apply"),
    (HeaderProtection, "remove"),
    (QuicStreamReceiver, "handle_frame"),
    (QuicStreamSender, "get_frame"),
    (QuicConnection, "_write_stream_frame"),
    (tls.Context, "_handle_reassembled_message"),
    (tls.Context, "_server_handle_certificate_verify"),
    (tls.Context, "_server_handle_finished"),
    (tls.Context, "_client_handle_certificate_verify"),
]

RELIED_HASHES = {
    "Context._client_handle_certificate_verify": "079f53541e3aa33c",
    "Context._handle_reassembled_message": "2469c4c007041e54",
    "Context._server_handle_certificate_verify": "dbd74baa3b0f6e22",
    "Context._server_handle_finished": "9882f93bd2449068",
    "CryptoContext.decrypt_packet": "175e3e16ccd04174",
    "CryptoPair.encrypt_packet": "cfaba85356ae309c",
    "HeaderProtection.apply": "0a69f64e74e1bfb0",
    "HeaderProtection.remove": "43220c44b820032a",
    "QuicConnection._handle_crypto_frame": "31d571b9da9a6648",
    "QuicConnection._handle_stream_frame": "b45872d2860e3060",
    "QuicConnection._payload_received": "e236fb91fb59eda0",
    "QuicConnection._write_application": "44b0500c0db69129",
    "QuicConnection._write_stream_frame": "05b8830aab77243d",
    "QuicConnection.datagrams_to_send": "cd79f7b088e54cd6",
    "QuicConnection.receive_datagram": "1c538c6488cda61d",
    "QuicPacketBuilder._end_packet": "78159e9b6438c3f3",
    "QuicPacketBuilder.flush": "b6ea523c14bc4f35",
    "QuicPacketBuilder.start_packet": "34b8af367ad88e2f",
    "QuicStreamReceiver.handle_frame": "0c5997e927f96839",
    "QuicStreamSender.get_frame": "a0c273f3ba5816b6",
}


def test_what_calls_the_overridden_methods_is_what_we_read():
    found = {f"{cls.__name__}.{name}": digest(getattr(cls, name)) for cls, name in RELIED_ON}
    assert found == RELIED_HASHES


def test_nothing_in_aioquic_is_patched_at_module_level():
    """Importing the package leaves aioquic's own classes as they were."""
    for cls in (tls.Context, QuicConnection, QuicPacketPacer, RenoCongestionControl):
        for name, value in vars(cls).items():
            if inspect.isfunction(value):
                assert value.__module__.startswith("aioquic"), f"{cls.__name__}.{name}"


@pytest.mark.parametrize("cls", [ClientContext, ServerContext])
def test_no_override_is_a_typo(cls):
    """Each underscored method is either aioquic's or called by us."""
    source = inspect.getsource(inspect.getmodule(cls)) + inspect.getsource(
        inspect.getmodule(ProfileContext)
    )
    for name, value in vars(cls).items():
        if inspect.isfunction(value) and not name.startswith("__"):
            assert hasattr(tls.Context, name) or f"self.{name}(" in source, name
