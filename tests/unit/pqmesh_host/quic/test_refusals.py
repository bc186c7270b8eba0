# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every way a handshake must fail, and the alert both ends then know (quic-pqc §4)."""

import datetime
import functools
import ssl

import pytest
from aioquic import tls
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, mldsa
from cryptography.x509.oid import NameOID

from pqmesh_host.quic import tls13, tls_client, tls_server
from pqmesh_host.quic.connection import PqConnection
from pqmesh_host.quic.connection_events import Ending
from pqmesh_host.quic.rawkey import SPKI_PREFIX, LocalKey
from support.quic_pair import Pair, client, identity, local_key, server

HANDSHAKE_FAILURE, UNSUPPORTED_CERTIFICATE, ILLEGAL_PARAMETER = 40, 43, 47
UNKNOWN_CA, DECRYPT_ERROR, MISSING_EXTENSION = 48, 51, 109
UNSUPPORTED_EXTENSION, CERTIFICATE_REQUIRED, NO_ALPN = 110, 116, 120
BAD_CERTIFICATE, DECODE_ERROR = 42, 50


def alerts(pair):
    """Run to the end; return the alert and reason as each end has it."""
    pair.run(pair.failed)
    pair.settle(0.2)
    found = []
    for end in pair.ends:
        event = end._close_event
        found.append((event.error_code - 0x100, event.reason_phrase) if event else None)
    return found


def refused(pair, alert, text):
    found = alerts(pair)
    assert len(found) == 2
    assert found[0] == found[1], "the two ends disagree"
    assert found[0][0] == alert
    assert text in found[0][1]


def with_tls(alter):
    """A PqConnection whose TLS engine is altered after set-up."""

    class Altered(PqConnection):
        def _initialize(self, peer_cid):
            super()._initialize(peer_cid)
            alter(self.tls)

    return Altered


@functools.cache
def classical_certificate():
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    return builder.sign(key, None), key


def stock_client():
    return QuicConnection(
        configuration=QuicConfiguration(
            is_client=True, verify_mode=ssl.CERT_NONE, server_name="localhost"
        )
    )


def stock_server(original_cid):
    certificate, key = classical_certificate()
    return QuicConnection(
        configuration=QuicConfiguration(is_client=False, certificate=certificate, private_key=key),
        original_destination_connection_id=original_cid,
    )


class Liar(LocalKey):
    """Presents one identity and signs with another."""

    def __init__(self, shown, used):
        super().__init__(identity(used))
        self.public = local_key(shown).public


class Flipper(LocalKey):
    """Signs, then flips one bit."""

    def sign(self, message):
        signature = bytearray(super().sign(message))
        signature[100] ^= 1
        return bytes(signature)


def key_option(key):
    """An alteration that swaps the signing key under the TLS engine."""

    def alter(engine):
        engine._key = key

    return alter


def present(*chain):
    """An alteration that presents these DER blobs as the certificate chain."""

    def alter(engine):
        def push(buf, request_context):
            with tls.push_message(engine.key_schedule, buf):
                certificates = [(der, b"") for der in chain]
                tls.push_certificate(
                    buf,
                    tls.Certificate(request_context=request_context, certificates=certificates),
                )

        engine._push_certificate_and_verify = push

    return alter


def hello_with(**changes):
    """An alteration of the ClientHello's fields just before it is written."""

    def alter(engine):
        original = engine._client_send_hello

        def send(output_buf):
            stock = tls.push_client_hello

            def push(buf, hello):
                for name, change in changes.items():
                    setattr(hello, name, change(getattr(hello, name)))
                stock(buf, hello)

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(tls_client.tls, "push_client_hello", push)
                original(output_buf)

        engine._client_send_hello = send

    return alter


def without(kind):
    return lambda extensions: [e for e in extensions if e[0] != kind]


def test_a_classical_only_client_is_refused():
    pair = Pair(stock_client(), server())
    refused(pair, HANDSHAKE_FAILURE, "the client does not offer MLKEM768")


def test_a_classical_only_server_is_refused():
    pair = Pair(client(), stock_server)
    refused(pair, HANDSHAKE_FAILURE, "No supported signature algorithm")


def test_a_server_that_is_not_the_pinned_one_is_refused():
    pinned = identity("another").peer_id
    pair = Pair(client(trust=lambda key: key.peer_id == pinned), server())
    refused(pair, UNKNOWN_CA, "not accepted here")
    assert pair.client.rejected_key.peer_id == identity("server").peer_id


def test_a_client_that_is_not_trusted_is_refused():
    pair = Pair(client(), server(trust=lambda key: False))
    refused(pair, UNKNOWN_CA, "not accepted here")
    assert not pair.client._handshake_confirmed


@pytest.mark.parametrize("key", [Liar("server", "another"), Flipper(identity("server"))])
def test_a_server_signature_that_does_not_fit_its_key_is_refused(key):
    pair = Pair(client(), server(cls=with_tls(key_option(key))))
    refused(pair, DECRYPT_ERROR, "bad signature")


@pytest.mark.parametrize("key", [Liar("client", "another"), Flipper(identity("client"))])
def test_a_client_signature_that_does_not_fit_its_key_is_refused(key):
    pair = Pair(client(cls=with_tls(key_option(key))), server())
    refused(pair, DECRYPT_ERROR, "bad signature")


def test_a_client_without_a_key_is_refused():
    pair = Pair(client(cls=with_tls(present())), server())
    refused(pair, CERTIFICATE_REQUIRED, "no raw public key")


def test_a_server_without_a_key_is_refused():
    pair = Pair(client(), server(cls=with_tls(present())))
    refused(pair, DECODE_ERROR, "")


@pytest.mark.parametrize("who", ["client", "server"])
@pytest.mark.parametrize(
    ("chain", "alert", "text"),
    [
        ([b"\x30\x03\x02\x01\x00"], UNSUPPORTED_CERTIFICATE, "not an ML-DSA-65"),
        ([SPKI_PREFIX + bytes(1951)], UNSUPPORTED_CERTIFICATE, "not an ML-DSA-65"),
        ([SPKI_PREFIX + bytes(1952)] * 2, BAD_CERTIFICATE, "exactly one"),
    ],
)
def test_a_certificate_of_another_kind_is_refused(who, chain, alert, text):
    altered = with_tls(present(*chain))
    if who == "client":
        pair = Pair(client(cls=altered), server())
    else:
        pair = Pair(client(), server(cls=altered))
    refused(pair, alert, text)


def test_an_encapsulation_key_that_fails_the_modulus_check_is_refused():
    bad = [(0x0201, b"\xff" * 1184)]
    pair = Pair(client(cls=with_tls(hello_with(key_share=lambda _: bad))), server())
    refused(pair, ILLEGAL_PARAMETER, "invalid MLKEM768 key")


@pytest.mark.parametrize("size", [0, 1183, 1185])
def test_an_encapsulation_key_of_the_wrong_length_is_refused(size):
    bad = [(0x0201, bytes(size))]
    pair = Pair(client(cls=with_tls(hello_with(key_share=lambda _: bad))), server())
    refused(pair, ILLEGAL_PARAMETER, "wrong length")


def two_shares(shares):
    return shares * 2


CLIENT_OFFERS = [
    ("MLKEM1024 only", {"supported_groups": lambda _: [0x0202]}, 40, "MLKEM768"),
    ("hybrid only", {"supported_groups": lambda _: [0x11EC]}, 40, "MLKEM768"),
    ("share of another group", {"key_share": lambda _: [(0x001D, bytes(32))]}, 40, "share"),
    ("two shares", {"key_share": two_shares}, 47, "repeats"),
    ("Ed25519 only", {"signature_algorithms": lambda _: [0x0807]}, 40, "ML-DSA-65"),
    ("no ext 19", {"other_extensions": without(19)}, 43, "no raw public key"),
    (
        "ext 19 is X.509",
        {"other_extensions": lambda e: [*without(19)(e), (19, b"\x01\x00")]},
        43,
        "no raw public key",
    ),
    (
        "ext 20 is X.509",
        {"other_extensions": lambda e: [*e, (20, b"\x01\x00")]},
        43,
        "takes no raw public keys",
    ),
    (
        "ext 19 twice",
        {"other_extensions": lambda e: [*e, (19, b"\x01\x02")]},
        47,
        "repeated",
    ),
    (
        "ext 19 malformed",
        {"other_extensions": lambda e: [*without(19)(e), (19, b"\x05\x02")]},
        50,
        "malformed",
    ),
    ("ALPN", {"alpn_protocols": lambda _: ["h3"]}, 120, "no ALPN"),
    ("TLS 1.2", {"supported_versions": lambda _: [0x0303]}, 70, "version"),
    ("other suites", {"cipher_suites": lambda _: [0x1304]}, 40, "cipher suite"),
    ("compression", {"legacy_compression_methods": lambda _: [1, 0]}, 47, "compression"),
]


@pytest.mark.parametrize(
    ("changes", "alert", "text"),
    [case[1:] for case in CLIENT_OFFERS],
    ids=[case[0] for case in CLIENT_OFFERS],
)
def test_an_offer_outside_the_profile_is_refused(changes, alert, text):
    pair = Pair(client(cls=with_tls(hello_with(**changes))), server())
    refused(pair, alert, text)


def test_a_client_that_also_lists_other_groups_and_signatures_is_served():
    changes = hello_with(
        supported_groups=lambda groups: [*groups, 0x0202],
        signature_algorithms=lambda schemes: [*schemes, 0x0807],
    )
    pair = Pair(client(cls=with_tls(changes)), server())
    assert pair.run(pair.confirmed)


def server_hello_with(**changes):
    def alter(engine):
        original = engine._server_handle_hello

        def handle(*buffers):
            stock = tls.push_server_hello

            def push(buf, hello):
                for name, value in changes.items():
                    setattr(hello, name, value)
                stock(buf, hello)

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(tls_server.tls, "push_server_hello", push)
                original(*buffers)

        engine._server_handle_hello = handle

    return alter


@pytest.mark.parametrize(
    ("changes", "alert"),
    [
        ({"key_share": (0x001D, bytes(32))}, ILLEGAL_PARAMETER),
        ({"key_share": (0x0201, bytes(1087))}, ILLEGAL_PARAMETER),
        ({"key_share": None}, MISSING_EXTENSION),
        ({"cipher_suite": 0x1304}, ILLEGAL_PARAMETER),
        ({"supported_version": 0x0303}, ILLEGAL_PARAMETER),
        ({"compression_method": 1}, ILLEGAL_PARAMETER),
        ({"pre_shared_key": 0}, ILLEGAL_PARAMETER),
        ({"random": tls_client.HELLO_RETRY_RANDOM}, HANDSHAKE_FAILURE),
    ],
)
def test_a_server_hello_outside_the_profile_is_refused(changes, alert):
    pair = Pair(client(), server(cls=with_tls(server_hello_with(**changes))))
    pair.run(pair.failed)
    assert pair.client._close_event.error_code - 0x100 == alert


def answer(change):
    """An alteration of what the server answers about certificate types."""

    def alter(engine):
        original = engine._answer_certificate_types
        engine._answer_certificate_types = lambda hello: change(original(hello))

    return alter


@pytest.mark.parametrize(
    ("change", "alert"),
    [
        (lambda answers: [], UNSUPPORTED_CERTIFICATE),
        (lambda answers: [(19, b"\x00")], UNSUPPORTED_CERTIFICATE),
        (lambda answers: [*answers, (20, b"\x02")], UNSUPPORTED_EXTENSION),
    ],
)
def test_an_answer_about_certificate_types_we_did_not_ask_for_is_refused(change, alert):
    refused(Pair(client(), server(cls=with_tls(answer(change)))), alert, "")


def test_a_server_that_does_not_ask_for_our_key_is_refused():
    def alter(engine):
        def push(buf, hello):
            pass

        original = engine._push_flight

        def flight(buf, extensions):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(tls_server.tls, "push_certificate_request", push)
                original(buf, extensions)

        engine._push_flight = flight

    pair = Pair(client(), server(cls=with_tls(alter)))
    refused(pair, HANDSHAKE_FAILURE, "does not authenticate clients")


def test_a_server_that_takes_other_signatures_only_is_refused():
    def alter(engine):
        engine._signature_algorithms = [0x0807]

    pair = Pair(client(), server(cls=with_tls(alter)))
    refused(pair, HANDSHAKE_FAILURE, "does not take ML-DSA-65")


def test_a_changed_ciphertext_opens_nothing():
    """Implicit rejection: no alert says so, the client's packets just do not decrypt."""

    def alter(engine):
        original = engine._take_shared_secret

        def take(suite, ciphertext, hello):
            original(suite, bytes([ciphertext[0] ^ 1]) + ciphertext[1:], hello)

        engine._take_shared_secret = take

    pair = Pair(client(cls=with_tls(alter)), server())
    pair.run(pair.confirmed, limit_s=20)
    assert not pair.confirmed()
    assert pair.server.peer_key is None


def test_an_endless_handshake_message_is_refused_before_it_is_buffered():
    engine = PqConnectionStub().tls
    with pytest.raises(tls.Alert, match="too long"):
        engine.handle_message(b"\x01\xff\xff\xff" + bytes(100), {})


class PqConnectionStub:
    """A server's TLS engine without a connection around it."""

    def __init__(self):
        self.tls = tls_server.ServerContext(key=local_key("server"), verify_peer=lambda key: True)


def test_ending_carries_code_reason_and_by_whom():
    pair = Pair(client(), server(trust=lambda key: False))
    refused(pair, UNKNOWN_CA, "")
    (at_client,) = [e for e in pair.events["client"] if isinstance(e, Ending)]
    (at_server,) = [e for e in pair.events["server"] if isinstance(e, Ending)]
    assert (at_client.by_peer, at_server.by_peer) == (True, False)
    assert at_client.code == at_server.code == 0x100 + UNKNOWN_CA


def test_a_signature_with_a_context_is_not_a_tls_signature():
    """FIPS 204 contexts keep our own signatures out of CertificateVerify."""

    class WithContext(LocalKey):
        def sign(self, message):
            seed = identity("client").seed
            return mldsa.MLDSA65PrivateKey.from_seed_bytes(seed).sign(message, b"pqmesh")

    key = WithContext(identity("client"))
    refused(Pair(client(cls=with_tls(key_option(key))), server()), DECRYPT_ERROR, "bad signature")


def test_the_profile_offers_one_group_and_one_scheme():
    engine = PqConnectionStub().tls
    assert engine._signature_algorithms == [tls13.SIGNATURE_MLDSA65] == [0x0905]
    assert engine._supported_groups == [tls13.GROUP_MLKEM768] == [0x0201]
