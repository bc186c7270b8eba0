# SPDX-License-Identifier: MIT OR Apache-2.0
"""What both ends of the TLS profile share: keys, certificates, the exporter, the bounds.

One profile, no negotiation of strength: MLKEM768 key exchange (0x0201), ML-DSA-65
signatures (0x0905), a raw public key from either side, no tickets, no early data.
``ClientContext`` and ``ServerContext`` replace the handshake steps of aioquic's
``tls.Context``, whose records, key schedule and state table they keep.

Certificate types (RFC 7250) are negotiated on one side only, because ant-quic's are:
extension 19 is required, extension 20 is answered when offered and offered only on
request. docs/decisions/0008-quic-profile.md has the reasoning.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any, ClassVar

from aioquic import tls
from cryptography.hazmat.primitives import hashes

from .buffer import Buffer
from .rawkey import SIGNATURE_BYTES, LocalKey, RawPublicKey

GROUP_MLKEM768 = 0x0201
SIGNATURE_MLDSA65 = 0x0905
EXT_CLIENT_CERTIFICATE_TYPE = 19
EXT_SERVER_CERTIFICATE_TYPE = 20
CERTIFICATE_TYPE_RAW_PUBLIC_KEY = 2

MAX_HANDSHAKE_MESSAGE_BYTES = 16 * 1024
"""Longest handshake message taken; ours are under 3.4 KB. aioquic alone would buffer 16 MiB."""

PeerVerifier = Callable[[RawPublicKey], bool]


class AlertUnknownCA(tls.Alert):
    """The peer's key parses but is not one we accept."""

    description = tls.AlertDescription.unknown_ca


class AlertCertificateRequired(tls.Alert):
    """The client presents no key (RFC 8446 §4.4.2.4)."""

    description = tls.AlertDescription.certificate_required


class AlertUnsupportedExtension(tls.Alert):
    """An answer to an extension we did not offer (RFC 8446 §4.2)."""

    description = tls.AlertDescription.unsupported_extension


class ProfileContext(tls.Context):
    """The role-independent part. Raises only ``tls.Alert`` from ``handle_message``.

    The class attributes are the profile. Nothing in the product changes them; a benchmark
    does, to run the very same steps with classical algorithms beside ours.
    """

    group: ClassVar[int] = GROUP_MLKEM768
    scheme: ClassVar[int] = SIGNATURE_MLDSA65
    signature_bytes: ClassVar[int] = SIGNATURE_BYTES
    public_key_type: ClassVar[type[RawPublicKey]] = RawPublicKey

    def __init__(
        self, *, is_client: bool, key: LocalKey, verify_peer: PeerVerifier, **kwargs: Any
    ) -> None:
        super().__init__(is_client=is_client, verify_mode=ssl.CERT_NONE, **kwargs)
        self.peer_key: RawPublicKey | None = None
        self._key = key
        self._verify_peer = verify_peer
        self._exporter_secret: bytes | None = None
        self._request_client_certificate = True
        self._signature_algorithms = [self.scheme]
        self._supported_groups = [self.group]  # type: ignore[list-item]

    def handle_message(self, input_data: bytes, output_buf: dict[tls.Epoch, Buffer]) -> None:
        """Take CRYPTO bytes in order. Refuses to buffer more than one bounded message."""
        super().handle_message(input_data, output_buf)
        waiting = self._receive_buffer
        announced = int.from_bytes(waiting[1:4], "big") if len(waiting) >= 4 else 0
        if announced > MAX_HANDSHAKE_MESSAGE_BYTES:
            raise tls.AlertDecodeError("handshake message is too long")

    def export_keying_material(self, label: bytes, context: bytes, length: int) -> bytes:
        """RFC 8446 §7.5 exporter. RuntimeError before the server's Finished."""
        if self._exporter_secret is None or self.key_schedule is None:
            raise RuntimeError("the handshake has not got that far")
        algorithm = self.key_schedule.algorithm
        secret = tls.hkdf_expand_label(
            algorithm,
            self._exporter_secret,
            label,
            self.key_schedule.hash_empty_value,
            algorithm.digest_size,
        )
        digest = hashes.Hash(algorithm)
        digest.update(context)
        return tls.hkdf_expand_label(algorithm, secret, b"exporter", digest.finalize(), length)

    # The names below override aioquic's.

    def _setup_traffic_protection(
        self, direction: tls.Direction, epoch: tls.Epoch, label: bytes
    ) -> None:
        super()._setup_traffic_protection(direction, epoch, label)
        # Either role comes here once for 1-RTT, with the transcript at the server's
        # Finished, which is what the exporter secret covers (RFC 8446 §7.1).
        if epoch == tls.Epoch.ONE_RTT:
            self._exporter_secret = self._schedule.derive_secret(b"exp master")

    def _signature_algorithms_for_private_key(self) -> list[Any]:
        return [self.scheme]

    def _set_peer_certificate(self, certificate: tls.Certificate) -> None:
        if len(certificate.certificates) != 1:
            raise tls.AlertBadCertificate("expected exactly one raw public key")
        try:
            key = self.public_key_type(certificate.certificates[0][0])
        except ValueError as error:
            raise tls.AlertUnsupportedCertificate(str(error)) from error
        if not self._verify_peer(key):
            raise AlertUnknownCA("the peer's public key is not accepted here")
        self.peer_key = key

    def _check_certificate_verify_signature(self, verify: tls.CertificateVerify) -> None:
        if verify.algorithm != self.scheme:
            raise tls.AlertIllegalParameter("CertificateVerify does not use ML-DSA-65")
        if self.peer_key is None:
            raise tls.AlertUnexpectedMessage("CertificateVerify without a Certificate")
        if len(verify.signature) != self.signature_bytes:
            raise tls.AlertDecryptError("CertificateVerify has the wrong signature length")
        context = tls.SERVER_CONTEXT_STRING if self._is_client else tls.CLIENT_CONTEXT_STRING
        signed = self._schedule.certificate_verify_data(context)
        if not self._verifies(self.peer_key, signed, verify.signature):
            raise tls.AlertDecryptError("CertificateVerify has a bad signature")

    # Not aioquic's.

    def _verifies(self, key: RawPublicKey, signed: bytes, signature: bytes) -> bool:
        return self._key.primitives.verify(key.raw, signed, signature)

    @property
    def _schedule(self) -> tls.KeySchedule:
        if self.key_schedule is None:
            raise tls.AlertInternalError("no key schedule yet")
        return self.key_schedule

    def _push_certificate_and_verify(self, buf: Buffer, request_context: bytes) -> None:
        """Write our raw key and the signature that proves it (RFC 8446 §4.4.2, §4.4.3)."""
        schedule = self._schedule
        with tls.push_message(schedule, buf):
            tls.push_certificate(
                buf,
                tls.Certificate(
                    request_context=request_context,
                    certificates=[(self._key.public.spki, b"")],
                ),
            )
        context = tls.CLIENT_CONTEXT_STRING if self._is_client else tls.SERVER_CONTEXT_STRING
        signature = self._key.sign(schedule.certificate_verify_data(context))
        with tls.push_message(schedule, buf):
            tls.push_certificate_verify(
                buf, tls.CertificateVerify(algorithm=self.scheme, signature=signature)
            )

    def _push_finished(self, buf: Buffer) -> None:
        schedule = self._schedule
        if self._enc_key is None:
            raise tls.AlertInternalError("no key to finish with")
        verify_data = schedule.finished_verify_data(self._enc_key)
        with tls.push_message(schedule, buf):
            tls.push_finished(buf, tls.Finished(verify_data=verify_data))


def find_extension(extensions: list[tls.Extension] | None, wanted: int) -> bytes | None:
    """Return the body of one extension, or None. A repeated one is illegal_parameter."""
    found = [body for kind, body in extensions or [] if kind == wanted]
    if len(found) > 1:
        raise tls.AlertIllegalParameter("an extension is repeated")
    return found[0] if found else None


def certificate_types(extensions: list[tls.Extension], kind: int) -> list[int] | None:
    """Decode the list a ClientHello offers in extension 19 or 20 (RFC 7250 §3)."""
    body = find_extension(extensions, kind)
    if body is None:
        return None
    if len(body) < 2 or body[0] != len(body) - 1:
        raise tls.AlertDecodeError("malformed certificate type extension")
    return list(body[1:])
