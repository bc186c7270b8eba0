# SPDX-License-Identifier: MIT OR Apache-2.0
"""Errors carry what a program needs and say what a person needs."""

import pytest
from aioquic.tls import AlertDescription

from pqmesh_host.quic import errors


def test_a_refused_handshake_has_the_alert_and_the_text():
    failure = errors.HandshakeFailed(0x128, "the client does not offer MLKEM768", by_peer=True)
    assert failure.alert == 40
    assert str(failure) == (
        "handshake refused by the peer: alert 40 handshake_failure: "
        "the client does not offer MLKEM768"
    )


@pytest.mark.parametrize(
    ("code", "alert", "said"),
    [
        (0x0, None, "error 0x0"),
        (0xFF, None, "error 0xff"),
        (0x100, 0, "alert 0 unnamed"),
        (0x174, 116, "alert 116 certificate_required"),
        (0x1FF, 255, "alert 255 unnamed"),
        (0x4E5B00, None, "error 0x4e5b00"),
    ],
)
def test_codes(code, alert, said):
    assert errors.alert_of(code) == alert
    assert errors.describe(code) == said


def test_the_names_are_rfc_8446s():
    for number, name in errors.TLS_ALERTS.items():
        assert AlertDescription(number).name == name


def test_a_wrong_peer_names_both_and_says_what_to_do():
    error = errors.WrongPeer(b"\xaa" * 32, b"\xbb" * 32)
    assert "aaaaaaaaaaaaaaaa" in str(error)
    assert "bbbbbbbbbbbbbbbb" in str(error)
    assert "check the address" in str(error)


def test_a_timeout_says_where_how_long_and_what_the_system_said():
    error = errors.ConnectTimeout(("192.0.2.1", 9), 1.5, "Network is unreachable")
    expected = "no answer from 192.0.2.1 port 9 within 1.5 s (Network is unreachable)"
    assert str(error) == expected


def test_all_are_one_family():
    for value in vars(errors).values():
        if isinstance(value, type) and issubclass(value, Exception):
            assert issubclass(value, errors.QuicError)
