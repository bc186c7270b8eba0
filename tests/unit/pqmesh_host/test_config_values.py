# SPDX-License-Identifier: MIT OR Apache-2.0
"""Single values: what each parser returns, and that addresses survive being written and read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqmesh_host import config_values as values

HERE = Path("/etc/pqmesh")


def test_paths_are_relative_to_the_file_and_know_the_home_folder() -> None:
    assert values.path("a/b", HERE) == HERE / "a/b"
    assert values.path("/abs", HERE) == Path("/abs")
    assert values.path("~/x", HERE) == Path.home() / "x"


@pytest.mark.parametrize("wrong", ["", "a\0b", 1, None])
def test_a_path_is_a_text_without_a_zero(wrong: object) -> None:
    with pytest.raises(ValueError, match="want a path"):
        values.path(wrong, HERE)


@pytest.mark.parametrize("length", [107, 108])
def test_a_unix_socket_has_107_bytes_of_path(length: int) -> None:
    path = "/" + "x" * (length - 1)
    if length == 107:
        assert values.socket_path(path, HERE) == Path(path)
    else:
        with pytest.raises(ValueError, match="longer than the 107 bytes"):
            values.socket_path(path, HERE)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("socket://localhost:5000", ("localhost", 5000)),
        ("socket://[::1]:5000", ("::1", 5000)),
        ("unix:///run/b.sock", "/run/b.sock"),
    ],
)
def test_stand_ins_for_a_cable(text: str, address: object) -> None:
    assert values.is_socket(text)
    assert values.socket_address(text) == address
    assert values.device(text, HERE) == text


@pytest.mark.parametrize("text", ["socket://h", "socket://h:1/x", "unix://a/b", "http://h:1"])
def test_stand_ins_that_lack_something(text: str) -> None:
    with pytest.raises(ValueError, match="write "):
        values.socket_address(text)


@settings(deadline=None)
@given(st.ip_addresses(), st.integers(0, 65_535))
def test_every_address_and_port_can_be_listened_on(address: object, port: int) -> None:
    host = f"[{address}]" if ":" in str(address) else str(address)
    assert values.host_port(f"{host}:{port}", HERE) == (str(address), port)


@settings(deadline=None)
@given(st.binary(min_size=32, max_size=32))
def test_every_peer_id_survives_being_written(peer_id: bytes) -> None:
    assert values.peer_id(peer_id.hex(), HERE) == peer_id
    assert values.peer_ids_or_any([peer_id.hex()], HERE) == {peer_id}


def test_any_means_everyone() -> None:
    assert values.peer_ids_or_any("any", HERE) is None


@pytest.mark.parametrize(
    ("text", "plain"), [("198.18.0.1", "198.18.0.1"), ("2001:2:0::1", "2001:2::1")]
)
def test_an_address_without_a_port(text: str, plain: str) -> None:
    assert values.ip_address(text, HERE) == plain


@pytest.mark.parametrize(
    "wrong", ["", "host", "198.18.0.1:9", "[::1]", 1, None, b"\x01\x02\x03\x04"]
)
def test_what_is_no_address_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="want an IP address"):
        values.ip_address(wrong, HERE)
