# SPDX-License-Identifier: MIT OR Apache-2.0
"""Names to addresses of the socket's family, and back."""

import socket

import pytest

from pqmesh_host.quic.addresses import readable, resolve
from pqmesh_host.quic.errors import UnknownHost


async def test_an_ipv4_address_on_each_kind_of_socket():
    assert await resolve(("192.0.2.7", 9), socket.AF_INET) == [("192.0.2.7", 9)]
    (mapped,) = await resolve(("192.0.2.7", 9), socket.AF_INET6)
    assert mapped[:2] == ("::ffff:192.0.2.7", 9)
    assert readable(mapped) == ("192.0.2.7", 9)


async def test_an_ipv6_address_needs_an_ipv6_socket():
    (found,) = await resolve(("2001:db8::1", 9), socket.AF_INET6)
    assert readable(found) == ("2001:db8::1", 9)
    with pytest.raises(UnknownHost):
        await resolve(("2001:db8::1", 9), socket.AF_INET)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64 + ".example", "", "x\ud800"])
async def test_a_name_that_does_not_resolve(host):
    with pytest.raises(UnknownHost):
        await resolve((host, 9), socket.AF_INET)


@pytest.mark.parametrize("port", [0, -1, 65_536])
async def test_a_port_that_does_not_exist(port):
    with pytest.raises(UnknownHost, match="does not exist"):
        await resolve(("127.0.0.1", port), socket.AF_INET)


def test_readable_drops_flow_and_scope():
    assert readable(("fe80::1", 9, 0, 2)) == ("fe80::1", 9)
    assert readable(("not an address", 9)) == ("not an address", 9)
