# SPDX-License-Identifier: MIT OR Apache-2.0
"""The identity file: the 32-byte ML-DSA-65 seed a node is known by (FIPS 204 section 3.6.3, xi).

The file holds the 32 bytes and nothing else, mode 0600, owned by the user who runs the node.
Whoever reads it *is* the node, so a file others can read is refused, not repaired: the seed may
already be known and only the operator can judge that.

Writing goes to a new file beside the target (O_EXCL, fsync), which is then linked into place:
after a power cut there is the whole file or none, and an existing identity is never replaced
unless the caller says so.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from .errors import OperatorError

SEED_BYTES = 32


class IdentityFileError(OperatorError):
    """The identity file is missing, unsafe or damaged."""

    exit_code = 4


class IdentityExists(IdentityFileError):
    """There already is an identity at this path."""


def load_seed(path: Path) -> bytes:
    """Return the 32-byte seed in ``path``.

    :raises IdentityFileError: missing, not a regular file, another owner, readable by others,
        or not exactly 32 bytes. The file is never changed.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise IdentityFileError(
            f"There is no identity file at {path}.", "Create one with `pqmesh identity new`."
        ) from None
    except OSError as error:
        raise IdentityFileError(
            f"Cannot open the identity file {path}: {error.strerror}.",
            "Run the command as the user who owns the file.",
        ) from error
    try:
        _check_safe(path, os.fstat(descriptor))
        seed = os.read(descriptor, SEED_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(seed) != SEED_BYTES:
        raise IdentityFileError(
            f"The identity file {path} is damaged: it must hold exactly {SEED_BYTES} bytes, "
            f"but holds {'more' if len(seed) > SEED_BYTES else len(seed)}.",
            "Restore it from your backup. Without one, `pqmesh identity new --force` makes a new "
            "identity, and every peer that pinned the old PeerId must be told the new one.",
        )
    return seed


def create_seed(path: Path, *, force: bool = False) -> bytes:
    """Draw a fresh seed, store it durably at ``path`` and return it.

    :param force: replace an existing file; the old identity is then gone for good.
    :raises IdentityExists: the path is taken and ``force`` is not set; nothing was changed
    :raises IdentityFileError: the file cannot be written; nothing was changed
    """
    seed = secrets.token_bytes(SEED_BYTES)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_durably(draft, seed)
        try:
            _put_in_place(draft, path, force)
        finally:
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()
        _sync_folder(path.parent)
    except OSError as error:
        raise IdentityFileError(
            f"Cannot write the identity file {path}: {error.strerror}.",
            "Choose a --path in a folder you may write to.",
        ) from error
    return seed


def _check_safe(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise IdentityFileError(
            f"{path} is not a regular file.", "Point [identity].path at the 32-byte seed file."
        )
    if status.st_uid != os.geteuid():
        raise IdentityFileError(
            f"The identity file {path} belongs to user {status.st_uid}, "
            f"but this command runs as user {os.geteuid()}.",
            "Run the command as the owner, or give the file to this user with chown.",
        )
    if status.st_mode & 0o077:
        raise IdentityFileError(
            f"The identity file {path} can be read or changed by other users "
            f"(mode {stat.S_IMODE(status.st_mode):04o}).",
            f"If nobody else has read it, run `chmod 600 {path}`; otherwise make a new identity.",
        )


def _write_durably(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)  # a umask may only have taken bits away; be exact
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _put_in_place(draft: Path, path: Path, force: bool) -> None:
    if force:
        draft.replace(path)
        return
    try:
        os.link(draft, path)  # unlike rename, fails when the name is taken
    except FileExistsError:
        raise IdentityExists(
            f"There is already an identity at {path}; it was left as it is.",
            "Choose another --path, or pass --force to destroy the old identity for good.",
        ) from None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
