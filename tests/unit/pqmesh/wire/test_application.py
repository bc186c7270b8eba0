# SPDX-License-Identifier: MIT OR Apache-2.0
"""A program's octets on the wire: one octet before them, and a bound."""

import pytest

from pqmesh.errors import Malformed, UsageError
from pqmesh.wire.application import APPLICATION, MAX_DATA_BYTES, Application
from pqmesh.wire.layout import decode


def test_one_octet_goes_before_the_programs_own():
    message = Application(APPLICATION, b"soil 41")
    assert message.encode() == b"\x60soil 41"
    assert decode(Application, b"\x60soil 41") == message
    assert decode(Application, b"\x60").data == b""


def test_it_cannot_be_taken_for_the_mesh_or_for_provisioning():
    assert APPLICATION != 1
    assert APPLICATION not in range(0x50, 0x59)


def test_it_is_bounded():
    with pytest.raises(UsageError):
        Application(APPLICATION, bytes(MAX_DATA_BYTES + 1)).encode()
    with pytest.raises(Malformed):
        decode(Application, bytes(MAX_DATA_BYTES + 2))
