# SPDX-License-Identifier: MIT OR Apache-2.0
"""The client's handshake steps.

ClientHello{0x0201 share, ext 19=[2]}  ->
                                       <-  ServerHello{1088-byte ciphertext}
             <-  EncryptedExtensions{19=2} CertificateRequest{0x0905} Certificate CertificateVerify Finished
Certificate CertificateVerify Finished ->
"""  # noqa: E501

from __future__ import annotations

import hmac
import ipaddress
from typing import Any, ClassVar

from aioquic import tls

from ..primitives.port import KemKey
from .buffer import Buffer
from .tls13 import (
    CERTIFICATE_TYPE_RAW_PUBLIC_KEY,
    EXT_CLIENT_CERTIFICATE_TYPE,
    EXT_SERVER_CERTIFICATE_TYPE,
    AlertUnsupportedExtension,
    ProfileContext,
    find_extension,
)

CIPHERTEXT_BYTES = 1088
RAW_KEY = bytes((CERTIFICATE_TYPE_RAW_PUBLIC_KEY,))
HELLO_RETRY_RANDOM = bytes.fromhex(
    "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"
)
"""The ServerHello.random that means HelloRetryRequest (RFC 8446 §4.1.3)."""


class ClientContext(ProfileContext):
    """``offer_server_type`` offers extension 20 for servers that negotiate strictly by
    RFC 7250; ant-quic's server refuses a client that does, so it is off by default."""

    answer_bytes: ClassVar[int] = CIPHERTEXT_BYTES

    def __init__(self, *, offer_server_type: bool = False, **kwargs: Any) -> None:
        super().__init__(is_client=True, **kwargs)
        self._offer_server_type = offer_server_type
        self._kem_key: KemKey | None = None

    def _generate_share(self) -> bytes:
        """Our half of the key exchange, fresh: an encapsulation key, 1184 bytes."""
        self._kem_key = self._key.primitives.kem_key()
        return self._kem_key.public

    def _open_answer(self, answer: bytes) -> bytes:
        """The shared secret, of ``answer_bytes`` from the server; once.

        Implicit rejection (FIPS 203 §6.3): a bad ciphertext gives another secret, and
        shows itself as Handshake packets that do not decrypt.
        """
        if self._kem_key is None:
            raise tls.AlertInternalError("ServerHello before our ClientHello")
        shared = self._kem_key.decapsulate(answer)
        self._kem_key = None
        return shared

    def _client_send_hello(self, output_buf: Buffer) -> None:
        share = self._generate_share()
        offer = bytes((1, CERTIFICATE_TYPE_RAW_PUBLIC_KEY))
        extensions = [*self.handshake_extensions, (EXT_CLIENT_CERTIFICATE_TYPE, offer)]
        if self._offer_server_type:
            extensions.append((EXT_SERVER_CERTIFICATE_TYPE, offer))
        hello = tls.ClientHello(
            random=self.client_random,
            legacy_session_id=self.legacy_session_id,
            cipher_suites=[int(suite) for suite in self._cipher_suites],
            legacy_compression_methods=self._legacy_compression_methods,
            alpn_protocols=self._alpn_protocols,
            key_share=[(self.group, share)],
            server_name=_server_name_indication(self._server_name),
            signature_algorithms=self._signature_algorithms,
            supported_groups=[int(group) for group in self._supported_groups],
            supported_versions=self._supported_versions,
            other_extensions=extensions,
        )
        self._key_schedule_proxy = tls.KeyScheduleProxy(self._cipher_suites)
        self._key_schedule_proxy.extract(None)
        with tls.push_message(self._key_schedule_proxy, output_buf):
            tls.push_client_hello(output_buf, hello)
        self._set_state(tls.State.CLIENT_EXPECT_SERVER_HELLO)

    def _client_handle_hello(self, input_buf: Buffer, output_buf: Buffer) -> None:
        if input_buf.data_slice(0, input_buf.capacity)[6:38] == HELLO_RETRY_RANDOM:
            raise tls.AlertHandshakeFailure("the server wants another group than MLKEM768")
        hello = tls.pull_server_hello(input_buf)
        cipher_suite = tls.negotiate(
            self._cipher_suites,
            [hello.cipher_suite],
            tls.AlertIllegalParameter("ServerHello has a cipher suite we did not offer"),
        )
        if hello.legacy_session_id != self.legacy_session_id:
            raise tls.AlertIllegalParameter("ServerHello does not echo our session id")
        if hello.compression_method not in self._legacy_compression_methods:
            raise tls.AlertIllegalParameter(
                "ServerHello has a compression method we did not offer"
            )
        if hello.supported_version not in self._supported_versions:
            raise tls.AlertIllegalParameter("ServerHello has a version we did not offer")
        if hello.pre_shared_key is not None:
            raise tls.AlertIllegalParameter("ServerHello resumes a session we did not offer")
        if hello.key_share is None:
            raise tls.AlertMissingExtension("ServerHello has no key share")
        group, ciphertext = hello.key_share
        if group != self.group:
            raise tls.AlertIllegalParameter("ServerHello has a key share we did not offer")
        if len(ciphertext) != self.answer_bytes:
            raise tls.AlertIllegalParameter("ServerHello has a malformed MLKEM768 ciphertext")
        self._take_shared_secret(cipher_suite, ciphertext, input_buf.data)
        self._setup_traffic_protection(tls.Direction.DECRYPT, tls.Epoch.HANDSHAKE, b"s hs traffic")
        self._setup_traffic_protection(tls.Direction.ENCRYPT, tls.Epoch.HANDSHAKE, b"c hs traffic")
        self._set_state(tls.State.CLIENT_EXPECT_ENCRYPTED_EXTENSIONS)

    def _take_shared_secret(
        self, cipher_suite: tls.CipherSuite, ciphertext: bytes, hello: bytes
    ) -> None:
        if self._key_schedule_proxy is None:
            raise tls.AlertInternalError("ServerHello before our ClientHello")
        shared = self._open_answer(ciphertext)
        self.key_schedule = self._key_schedule_proxy.select(cipher_suite)
        self._key_schedule_proxy = None
        self.key_schedule.update_hash(hello)
        self.key_schedule.extract(shared)

    def _client_handle_encrypted_extensions(self, input_buf: Buffer) -> None:
        super()._client_handle_encrypted_extensions(input_buf)
        if self._alpn_protocols is None and self.alpn_negotiated is not None:
            raise AlertUnsupportedExtension("EncryptedExtensions answers ALPN, not offered")
        if self.early_data_accepted:
            raise AlertUnsupportedExtension("EncryptedExtensions accepts early data, not offered")
        if find_extension(self.received_extensions, EXT_CLIENT_CERTIFICATE_TYPE) != RAW_KEY:
            raise tls.AlertUnsupportedCertificate("the server does not take raw public keys")
        server_type = find_extension(self.received_extensions, EXT_SERVER_CERTIFICATE_TYPE)
        if self._offer_server_type:
            if server_type != RAW_KEY:
                raise tls.AlertUnsupportedCertificate("the server presents no raw public key")
        elif server_type is not None:
            raise AlertUnsupportedExtension(
                "EncryptedExtensions answers extension 20, not offered"
            )

    def _client_handle_certificate_request(self, input_buf: Buffer) -> None:
        super()._client_handle_certificate_request(input_buf)
        request = self._certificate_request
        if request is None or self.scheme not in (request.signature_algorithms or []):
            raise tls.AlertHandshakeFailure("the server does not take ML-DSA-65 signatures")

    def _client_handle_certificate(self, input_buf: Buffer) -> None:
        # Still in this state, the server has skipped its CertificateRequest.
        if self.state == tls.State.CLIENT_EXPECT_CERTIFICATE_REQUEST_OR_CERTIFICATE:
            raise tls.AlertHandshakeFailure("the server does not authenticate clients")
        super()._client_handle_certificate(input_buf)

    def _client_handle_finished(self, input_buf: Buffer, output_buf: Buffer) -> None:
        schedule = self._schedule
        request = self._certificate_request
        if request is None or self._dec_key is None:
            raise tls.AlertUnexpectedMessage("Finished before the server's flight")
        finished = tls.pull_finished(input_buf)
        expected = schedule.finished_verify_data(self._dec_key)
        if not hmac.compare_digest(finished.verify_data, expected):
            raise tls.AlertDecryptError("Finished does not match the transcript")
        schedule.update_hash(input_buf.data)

        schedule.extract(None)
        self._setup_traffic_protection(tls.Direction.DECRYPT, tls.Epoch.ONE_RTT, b"s ap traffic")
        next_enc_key = schedule.derive_secret(b"c ap traffic")
        self._push_certificate_and_verify(output_buf, request.request_context)
        self._push_finished(output_buf)
        # The flight above is signed with the handshake key, so the switch comes last.
        self._enc_key = next_enc_key
        self.update_traffic_key_cb(
            tls.Direction.ENCRYPT, tls.Epoch.ONE_RTT, schedule.cipher_suite, next_enc_key
        )
        self._set_state(tls.State.CLIENT_POST_HANDSHAKE)


def _server_name_indication(name: str | None) -> str | None:
    """An IP literal is not allowed in the extension (RFC 6066 §3)."""
    if name is None:
        return None
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name
    return None
