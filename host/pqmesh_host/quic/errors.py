# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every error the QUIC endpoint raises to its callers.

QuicError
    HandshakeFailed      TLS or the transport refused; carries the alert number and text
    WrongPeer            the other side is authentic, but not the peer we pinned
    ConnectTimeout       no confirmed connection within the time given
    EndpointClosed       this endpoint was closed, before or during the call
    EndpointFull         the limit on connections is reached
    AddressUnavailable   the local UDP address cannot be bound; says what to do
    UnknownHost          the name of the peer does not resolve
    PeerClosed           the connection has ended; carries code, reason and by whom
    NotAcknowledged      the peer answered our ACK-v2 request with a refusal
    NoStream             the peer lets us open no further stream now
    RelayRefused         a relay does not serve us; carries its status and reason
    Unreachable          no way to a peer was found; says what was tried
"""

from __future__ import annotations

TLS_ALERTS = {
    10: "unexpected_message",
    40: "handshake_failure",
    42: "bad_certificate",
    43: "unsupported_certificate",
    47: "illegal_parameter",
    48: "unknown_ca",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    80: "internal_error",
    109: "missing_extension",
    110: "unsupported_extension",
    116: "certificate_required",
    120: "no_application_protocol",
}
"""Names of the RFC 8446 §6 alerts this profile meets."""

CRYPTO_ERROR = 0x100
"""First of the 256 QUIC error codes that carry a TLS alert (RFC 9000 §20.1)."""


class QuicError(Exception):
    """Base of everything this package raises on purpose."""


class HandshakeFailed(QuicError):
    """The handshake was refused, by us or by the other side.

    ``alert`` is the TLS alert number (RFC 8446 §6), or None when the transport refused;
    ``code`` is the QUIC error code, ``text`` its reason phrase, ``by_peer`` who said so.
    """

    def __init__(self, code: int, text: str, *, by_peer: bool) -> None:
        self.code = code
        self.alert = alert_of(code)
        self.text = text
        self.by_peer = by_peer
        who = "the peer" if by_peer else "this side"
        super().__init__(f"handshake refused by {who}: {describe(code)}: {text or 'no reason'}")


class WrongPeer(QuicError):
    """The other side proved an identity, but not the one pinned."""

    def __init__(self, expected: bytes, actual: bytes) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(
            f"expected peer {expected[:8].hex()}, found {actual[:8].hex()}; "
            "check the address, or update the pinned id if the peer has a new identity"
        )


class ConnectTimeout(QuicError):
    """No confirmed connection within ``timeout_s``."""

    def __init__(self, address: tuple[str, int], timeout_s: float, detail: str = "") -> None:
        self.address = address
        self.timeout_s = timeout_s
        host, port = address
        text = f"no answer from {host} port {port} within {timeout_s:g} s"
        super().__init__(f"{text} ({detail})" if detail else text)


class EndpointClosed(QuicError):
    """The endpoint is closed."""


class EndpointFull(QuicError):
    """The endpoint already holds as many connections as its limits allow."""


class AddressUnavailable(QuicError):
    """The local address cannot be bound."""


class UnknownHost(QuicError):
    """The peer's host name does not resolve to an address this socket can reach."""


class PeerClosed(QuicError):
    """The connection has ended. ``code`` is the application's, or the transport's error code."""

    def __init__(self, code: int, reason: str, *, by_peer: bool) -> None:
        self.code = code
        self.reason = reason
        self.by_peer = by_peer
        who = "by the peer" if by_peer else "on this side"
        super().__init__(f"connection closed {who}: {reason or 'no reason'} (code {code:#x})")


class NotAcknowledged(QuicError):
    """An ACK-v2 request was answered with anything but "accepted"."""

    def __init__(self, kind: int, value: int, text: str) -> None:
        self.kind = kind
        self.value = value
        super().__init__(f"the peer did not accept the message: {text}")


class NoStream(QuicError):
    """The peer's credit for streams is used up."""


class StreamAborted(QuicError):
    """Half of an application stream was reset or stopped, with an application's ``code``."""

    def __init__(self, code: int, *, by_peer: bool) -> None:
        self.code = code
        self.by_peer = by_peer
        who = "the peer" if by_peer else "this side"
        super().__init__(f"{who} ended the stream (code {code:#x})")


class RelayRefused(QuicError):
    """A relay answered with another status than 200 (``relay.wire``)."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(f"the relay refuses: status {status}: {reason or 'no reason'}")


class Unreachable(QuicError):
    """No way to ``peer_id`` was found. ``tried`` holds one line for every attempt."""

    def __init__(self, peer_id: bytes, tried: tuple[str, ...]) -> None:
        self.peer_id = peer_id
        self.tried = tried
        what = "; ".join(tried) or "nothing to try: no address is known, and no peer is connected"
        super().__init__(f"peer {peer_id[:8].hex()} cannot be reached: {what}")


def alert_of(code: int) -> int | None:
    """Return the TLS alert inside a QUIC error code, or None if it holds none."""
    return code - CRYPTO_ERROR if CRYPTO_ERROR <= code < CRYPTO_ERROR + 256 else None


def describe(code: int) -> str:
    """Name a QUIC error code for people: ``alert 40 handshake_failure`` or ``error 0x2``."""
    alert = alert_of(code)
    if alert is None:
        return f"error {code:#x}"
    return f"alert {alert} {TLS_ALERTS.get(alert, 'unnamed')}"
