# SPDX-License-Identifier: MIT OR Apache-2.0
"""Content-hash keys: the same inputs give the same key, any other input another one."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

_SKIPPED_FOLDERS = frozenset({"__pycache__", "build"})
_SKIPPED_SUFFIXES = frozenset({".pyc", ".so", ".o"})
_KEY_HEX_DIGITS = 16


def key_of(words: Iterable[str], inputs: Iterable[Path] = (), base: Path | None = None) -> str:
    """Hex key over `words` and the names and contents of every file in `inputs`.

    `inputs` are files or folders; a missing one counts as empty. Names are taken relative to
    `base`, so that the place of the checkout does not matter.
    """
    digest = hashlib.sha256()
    for word in words:
        _feed(digest, b"word", word.encode())
    for path in sorted(set(files_of(inputs))):
        name = path.relative_to(base) if base else path
        _feed(digest, b"name", name.as_posix().encode())
        _feed(digest, b"data", path.read_bytes())
    return digest.hexdigest()[:_KEY_HEX_DIGITS]


def _feed(digest: "hashlib._Hash", kind: bytes, value: bytes) -> None:
    """Add a value with its length in front, so that no two lists of values run together."""
    digest.update(b"%s %d:" % (kind, len(value)))
    digest.update(value)


def files_of(inputs: Iterable[Path]) -> Iterator[Path]:
    """Every file that counts among files and folders; a missing one counts as empty."""
    for path in inputs:
        if path.is_file():
            yield path
        elif path.is_dir():
            yield from (file for file in path.rglob("*") if _counts(file))


def _counts(path: Path) -> bool:
    if _SKIPPED_FOLDERS & set(path.parts[-4:-1]) or path.suffix in _SKIPPED_SUFFIXES:
        return False
    return path.is_file() and not path.name.startswith(".")
