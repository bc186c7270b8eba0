# SPDX-License-Identifier: MIT OR Apache-2.0
"""The server's handshake steps: one flight out, then the client's key is compulsory.

The state while we wait is aioquic's: EXPECT_CERTIFICATE, EXPECT_CERTIFICATE_VERIFY,
EXPECT_FINISHED, POST_HANDSHAKE. Pre-shared keys and early data on offer are ignored:
ant-quic files tickets under one shared name and may offer us another peer's
(ant-quic-wire §1.7).
"""

from __future__ import annotations

import os
from typing import Any

from aioquic import tls

from ..primitives.port import Primitives
from .buffer import Buffer
from .tls13 import (
    CERTIFICATE_TYPE_RAW_PUBLIC_KEY,
    EXT_CLIENT_CERTIFICATE_TYPE,
    EXT_SERVER_CERTIFICATE_TYPE,
    AlertCertificateRequired,
    ProfileContext,
    certificate_types,
)

ENCAPSULATION_KEY_BYTES = 1184
RAW_KEY = bytes((CERTIFICATE_TYPE_RAW_PUBLIC_KEY,))


class ServerContext(ProfileContext):
    """``implicit_server_type`` serves clients that offer no extension 20, as ant-quic's
    do; switched off, the server negotiates strictly by RFC 7250."""

    def __init__(self, *, implicit_server_type: bool = True, **kwargs: Any) -> None:
        super().__init__(is_client=False, **kwargs)
        self._implicit_server_type = implicit_server_type

    def _server_handle_hello(
        self, input_buf: Buffer, initial_buf: Buffer, handshake_buf: Buffer
    ) -> None:
        hello = tls.pull_client_hello(input_buf)
        cipher_suite = self._check_offer(hello)
        extensions = self._answer_certificate_types(hello)
        share = self._client_share(hello)

        self.client_random = hello.random
        self.server_random = os.urandom(32)
        self.legacy_session_id = hello.legacy_session_id
        self.received_extensions = hello.other_extensions
        if self.alpn_cb is not None:
            self.alpn_cb(self.alpn_negotiated)  # type: ignore[arg-type]

        shared, ciphertext = self._answer_share(share)
        schedule = self.key_schedule = tls.KeySchedule(cipher_suite)
        schedule.extract(None)
        schedule.update_hash(input_buf.data)
        with tls.push_message(schedule, initial_buf):
            tls.push_server_hello(
                initial_buf,
                tls.ServerHello(
                    random=self.server_random,
                    legacy_session_id=hello.legacy_session_id,
                    cipher_suite=cipher_suite,
                    compression_method=tls.CompressionMethod.NULL,
                    key_share=(self.group, ciphertext),
                    supported_version=tls.TLS_VERSION_1_3,
                ),
            )
        schedule.extract(shared)
        self._setup_traffic_protection(tls.Direction.ENCRYPT, tls.Epoch.HANDSHAKE, b"s hs traffic")
        self._setup_traffic_protection(tls.Direction.DECRYPT, tls.Epoch.HANDSHAKE, b"c hs traffic")
        self._push_flight(handshake_buf, extensions)

    def _check_offer(self, hello: tls.ClientHello) -> tls.CipherSuite:
        """Refuse whatever is not exactly this profile; return the cipher suite."""
        cipher_suite = tls.negotiate(
            self._cipher_suites,
            hello.cipher_suites,
            tls.AlertHandshakeFailure("no supported cipher suite"),
        )
        # RFC 8446 §4.1.2: exactly the null method.
        if hello.legacy_compression_methods != [tls.CompressionMethod.NULL]:
            raise tls.AlertIllegalParameter("ClientHello offers compression")
        if tls.TLS_VERSION_1_3 not in (hello.supported_versions or []):
            raise tls.AlertProtocolVersion("no supported protocol version")
        if self.group not in (hello.supported_groups or []):
            raise tls.AlertHandshakeFailure("the client does not offer MLKEM768")
        if self.scheme not in (hello.signature_algorithms or []):
            raise tls.AlertHandshakeFailure("the client does not offer ML-DSA-65")
        if self._alpn_protocols is None and hello.alpn_protocols is not None:
            # rustls without protocols answers the same (ant-quic-wire §1.2).
            raise tls.AlertNoApplicationProtocol("this network uses no ALPN")
        return cipher_suite

    def _answer_certificate_types(self, hello: tls.ClientHello) -> list[tls.Extension]:
        """Negotiate RFC 7250 types; return the extensions of the answer."""
        client = certificate_types(hello.other_extensions, EXT_CLIENT_CERTIFICATE_TYPE)
        if client is None or CERTIFICATE_TYPE_RAW_PUBLIC_KEY not in client:
            raise tls.AlertUnsupportedCertificate("the client offers no raw public key")
        answer = [(EXT_CLIENT_CERTIFICATE_TYPE, RAW_KEY)]
        server = certificate_types(hello.other_extensions, EXT_SERVER_CERTIFICATE_TYPE)
        if server is None:
            if not self._implicit_server_type:
                raise tls.AlertUnsupportedCertificate("the client takes no raw public keys")
        elif CERTIFICATE_TYPE_RAW_PUBLIC_KEY in server:
            answer.append((EXT_SERVER_CERTIFICATE_TYPE, RAW_KEY))
        else:
            raise tls.AlertUnsupportedCertificate("the client takes no raw public keys")
        return answer

    def _client_share(self, hello: tls.ClientHello) -> bytes:
        if hello.key_share is None:
            raise tls.AlertMissingExtension("ClientHello has no key share")
        shares = [share for group, share in hello.key_share if group == self.group]
        if not shares:
            # We have no HelloRetryRequest; every peer of this profile sends the share.
            raise tls.AlertHandshakeFailure("the client sends no MLKEM768 key share")
        if len(shares) > 1:
            raise tls.AlertIllegalParameter("ClientHello repeats a key share")
        return shares[0]

    def _answer_share(self, share: bytes) -> tuple[bytes, bytes]:
        """Return (shared secret, what to send) for the client's half."""
        return encapsulate(share, self._key.primitives)

    def _push_flight(self, buf: Buffer, extensions: list[tls.Extension]) -> None:
        """EncryptedExtensions, CertificateRequest, Certificate, CertificateVerify, Finished."""
        schedule = self._schedule
        with tls.push_message(schedule, buf):
            tls.push_encrypted_extensions(
                buf,
                tls.EncryptedExtensions(
                    alpn_protocol=self.alpn_negotiated,
                    other_extensions=self.handshake_extensions + extensions,
                ),
            )
        with tls.push_message(schedule, buf):
            tls.push_certificate_request(
                buf,
                tls.CertificateRequest(
                    request_context=b"", signature_algorithms=self._signature_algorithms
                ),
            )
        self._push_certificate_and_verify(buf, b"")
        self._push_finished(buf)
        schedule.extract(None)
        self._setup_traffic_protection(tls.Direction.ENCRYPT, tls.Epoch.ONE_RTT, b"s ap traffic")
        # The client's 1-RTT key is installed by aioquic once its Finished checks out.
        self._next_dec_key = schedule.derive_secret(b"c ap traffic")
        self._set_state(tls.State.SERVER_EXPECT_CERTIFICATE)

    def _server_handle_certificate(self, input_buf: Buffer) -> None:
        certificate = tls.pull_certificate(input_buf)
        if certificate.request_context:
            raise tls.AlertIllegalParameter("Certificate has a request context we did not send")
        if not certificate.certificates:
            raise AlertCertificateRequired("the client presents no raw public key")
        self._schedule.update_hash(input_buf.data)
        self._set_peer_certificate(certificate)
        self._set_state(tls.State.SERVER_EXPECT_CERTIFICATE_VERIFY)


def encapsulate(share: bytes, primitives: Primitives) -> tuple[bytes, bytes]:
    """Check an encapsulation key (FIPS 203 §7.2) and return (shared secret, ciphertext)."""
    if len(share) != ENCAPSULATION_KEY_BYTES:
        raise tls.AlertIllegalParameter("ClientHello has an MLKEM768 key of the wrong length")
    try:
        return primitives.encapsulate(share)
    except ValueError as error:
        raise tls.AlertIllegalParameter("ClientHello has an invalid MLKEM768 key") from error
