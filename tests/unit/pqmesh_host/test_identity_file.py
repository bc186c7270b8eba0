# SPDX-License-Identifier: MIT OR Apache-2.0
"""The identity file: 32 secret bytes, whole or not at all, never where others can read them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pqmesh_host import identity_file
from pqmesh_host.identity_file import (
    SEED_BYTES,
    IdentityExists,
    IdentityFileError,
    create_seed,
    load_seed,
)


@pytest.fixture
def seed_path(tmp_path: Path) -> Path:
    return tmp_path / "identity.seed"


def test_what_was_created_is_what_is_loaded(seed_path: Path) -> None:
    seed = create_seed(seed_path)
    assert len(seed) == SEED_BYTES
    assert load_seed(seed_path) == seed
    assert seed_path.read_bytes() == seed


def test_two_identities_differ(tmp_path: Path) -> None:
    assert create_seed(tmp_path / "a") != create_seed(tmp_path / "b")


def test_the_file_is_private_whatever_the_umask(seed_path: Path) -> None:
    old = os.umask(0)
    try:
        create_seed(seed_path)
    finally:
        os.umask(old)
    assert stat.S_IMODE(seed_path.stat().st_mode) == 0o600


def test_missing_folders_are_made_private(tmp_path: Path) -> None:
    create_seed(tmp_path / "new" / "identity.seed")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_an_identity_is_never_replaced_by_accident(seed_path: Path) -> None:
    seed = create_seed(seed_path)
    with pytest.raises(IdentityExists, match="left as it is") as caught:
        create_seed(seed_path)
    assert "--force" in caught.value.advice
    assert load_seed(seed_path) == seed
    assert [path.name for path in seed_path.parent.iterdir()] == [seed_path.name]


def test_force_replaces_it(seed_path: Path) -> None:
    old = create_seed(seed_path)
    new = create_seed(seed_path, force=True)
    assert old != new == load_seed(seed_path)


def test_a_crash_while_writing_leaves_the_old_identity(
    seed_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = create_seed(seed_path)

    def full_disk(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(identity_file.os, "fsync", full_disk)
    with pytest.raises(IdentityFileError, match="No space left"):
        create_seed(seed_path, force=True)
    assert load_seed(seed_path) == seed


def test_a_missing_file_names_the_command(seed_path: Path) -> None:
    with pytest.raises(IdentityFileError, match="no identity file") as caught:
        load_seed(seed_path)
    assert "pqmesh identity new" in caught.value.advice
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666, 0o610])
def test_loose_permissions_are_refused_not_repaired(seed_path: Path, mode: int) -> None:
    create_seed(seed_path)
    seed_path.chmod(mode)
    with pytest.raises(IdentityFileError, match=f"mode {mode:04o}") as caught:
        load_seed(seed_path)
    assert f"chmod 600 {seed_path}" in caught.value.advice
    assert stat.S_IMODE(seed_path.stat().st_mode) == mode


@pytest.mark.parametrize("size", [0, 1, 31])
def test_a_file_cut_short_is_refused_and_kept(seed_path: Path, size: int) -> None:
    seed = create_seed(seed_path)
    seed_path.write_bytes(seed[:size])
    with pytest.raises(IdentityFileError, match=f"but holds {size}") as caught:
        load_seed(seed_path)
    assert "backup" in caught.value.advice
    assert seed_path.read_bytes() == seed[:size]


def test_a_file_too_long_is_refused(seed_path: Path) -> None:
    create_seed(seed_path)
    with seed_path.open("ab") as file:
        file.write(b"\n")
    with pytest.raises(IdentityFileError, match="holds more"):
        load_seed(seed_path)


def test_another_users_file_is_refused(seed_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_seed(seed_path)
    monkeypatch.setattr(identity_file.os, "geteuid", lambda: seed_path.stat().st_uid + 1)
    with pytest.raises(IdentityFileError, match="belongs to user"):
        load_seed(seed_path)


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: os.mkfifo(path, 0o600)])
def test_only_a_regular_file_will_do(seed_path: Path, make: object) -> None:
    make(seed_path)  # type: ignore[operator]
    with pytest.raises(IdentityFileError, match="not a regular file"):
        load_seed(seed_path)


def test_an_unwritable_place_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IdentityFileError, match="Cannot write"):
        create_seed(tmp_path / "file" / "identity.seed")


def test_a_file_that_may_not_be_opened_is_said_plainly(
    seed_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(identity_file.os, "open", forbidden)
    with pytest.raises(IdentityFileError, match="Permission denied") as caught:
        load_seed(seed_path)
    assert "owns the file" in caught.value.advice
