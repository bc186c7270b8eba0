# SPDX-License-Identifier: MIT OR Apache-2.0
"""Addresses as people write them, and as one kind of socket wants them."""

import socket

import pytest

from pqmesh_host.quic.addresses import numeric, readable

V4, V6 = ("198.18.0.1", 9000), ("2001:2::1", 9000)


@pytest.mark.parametrize(
    ("address", "family", "wanted"),
    [
        (V4, socket.AF_INET, V4),
        (V6, socket.AF_INET, None),
        (V4, socket.AF_INET6, ("::ffff:198.18.0.1", 9000, 0, 0)),
        (V6, socket.AF_INET6, ("2001:2::1", 9000, 0, 0)),
    ],
)
def test_numeric_fits_the_socket_and_reads_back(address, family, wanted):
    assert numeric(address, family) == wanted
    if wanted is not None:
        assert readable(wanted) == address
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1" if family == socket.AF_INET else "::", 0))
            assert sock.family == family
