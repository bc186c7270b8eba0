# SPDX-License-Identifier: MIT OR Apache-2.0
"""Readers of published test vectors for the C crypto: NIST ``.rsp`` files and ACVP JSON."""

import gzip
import json
import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest


def rsp_entries(path: str) -> Iterator[dict[str, str]]:
    """Yield the entries of a ``.rsp`` file of the PyPI package ``cryptography-vectors``.

    A run of ``name = value`` lines with a count is an entry; one without, such as a key
    or a heading in square brackets, applies to the entries after it.
    """
    common: dict[str, str] = {}
    entry: dict[str, str] = {}
    for line in files("cryptography_vectors").joinpath(path).read_text().splitlines():
        text = line.strip()
        if text.startswith("#"):
            continue
        pairs = [_pair(part) for part in text.strip("[]").split(",") if part]
        if not pairs or text.startswith("[") or pairs[0][0] in entry:  # the run ends
            if "count" in map(str.lower, entry):
                yield common | entry
            else:
                common |= entry
            entry = {}
        entry |= dict(pairs)
    if entry:
        yield common | entry


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip()


def acvp_groups(name: str) -> list[dict[str, Any]]:
    """Return the test groups of ``<PQMESH_ACVP_DIR>/<name>.json.gz``, or skip the test."""
    folder = os.environ.get("PQMESH_ACVP_DIR")
    if not folder:
        pytest.skip("set PQMESH_ACVP_DIR to the directory of the ACVP sets to run this")
    with gzip.open(Path(folder) / f"{name}.json.gz", "rt", encoding="utf-8") as file:
        groups: list[dict[str, Any]] = json.load(file)["testGroups"]
    return groups
