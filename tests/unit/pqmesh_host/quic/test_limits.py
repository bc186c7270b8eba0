# SPDX-License-Identifier: MIT OR Apache-2.0
"""Limits are checked when they are made, and each says its unit."""

import ast
import inspect

import pytest

from pqmesh_host.quic import limits
from pqmesh_host.quic.limits import QuicLimits


def test_the_defaults_are_valid_and_ant_quics():
    defaults = QuicLimits()
    assert defaults.max_message_bytes == 4 * 1024 * 1024
    assert (defaults.idle_timeout_s, defaults.keep_alive_s) == (30.0, 15.0)
    assert defaults.datagram_bytes == 1200


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"max_connections": 0}, "max_connections"),
        ({"send_streams": 0}, "send_streams"),
        ({"receive_window_bytes": 1000}, "receive_window_bytes"),
        ({"assembly_ceiling_bytes": 5 * 1024 * 1024}, "assembly_ceiling_bytes"),
        ({"datagram_bytes": 1199}, "datagram_bytes"),
        ({"datagram_bytes": 65_001}, "datagram_bytes"),
        ({"idle_timeout_s": 0}, "timeouts"),
        ({"handshake_timeout_s": -1}, "timeouts"),
        ({"keep_alive_s": 30.0}, "keep_alive_s"),
        ({"keep_alive_s": -1.0}, "keep_alive_s"),
    ],
)
def test_nonsense_is_refused_by_name(bad, said):
    with pytest.raises(ValueError, match=said):
        QuicLimits(**bad)


def test_every_limit_is_documented():
    tree = ast.parse(inspect.getsource(limits))
    body = next(n for n in tree.body if isinstance(n, ast.ClassDef)).body
    for at, node in enumerate(body):
        if isinstance(node, ast.AnnAssign):
            assert isinstance(body[at + 1], ast.Expr), ast.unparse(node)
