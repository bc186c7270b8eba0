# SPDX-License-Identifier: MIT OR Apache-2.0
"""The network's key: whole and secret, or refused with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from pqmesh_host.network_key import NetworkKeyError, load_network_key


def test_a_good_file_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "network.key"
    path.write_bytes(bytes(range(32)))
    path.chmod(0o600)
    assert load_network_key(path) == bytes(range(32))


@pytest.mark.parametrize(
    ("octets", "mode", "why"),
    [
        (None, 0, "Cannot read the network key"),
        (32, 0o644, "can be read or changed by other users .mode 0644."),
        (31, 0o600, "must hold exactly 32 bytes, but holds 31"),
        (40, 0o600, "but holds more"),
    ],
)
def test_any_other_is_refused(tmp_path: Path, octets: int | None, mode: int, why: str) -> None:
    path = tmp_path / "network.key"
    if octets is not None:
        path.write_bytes(bytes(octets))
        path.chmod(mode)
    with pytest.raises(NetworkKeyError, match=why) as caught:
        load_network_key(path)
    assert caught.value.advice
    assert caught.value.exit_code == 4
