# SPDX-License-Identifier: MIT OR Apache-2.0
"""The matrix as kept between runs, and as a page of the documentation."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from tools.interop.install import BUILD, ROOT

MATRIX = BUILD / "matrix.json"
PAGE = ROOT / "docs" / "interop.md"

HEADER = """# Interoperation with the real ant-quic

Written by `python -m tools.interop --write-docs`; run `make interop` to repeat it.
`->` we act on them, `<-` they act on us, `<>` both. Loopback, both ends on one machine;
ant-quic built by cargo, locked, without default features. `n/a` says why a claim cannot
be checked; it is not a pass.

"""


@dataclass(frozen=True)
class Result:
    """One cell on one release."""

    version: str
    name: str
    direction: str
    verdict: str
    """``pass``, ``FAIL`` or ``n/a``."""

    evidence: str
    seconds: float

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two results the same cell."""
        return self.version, self.name, self.direction


def merge(results: Iterable[Result], cells: Iterable[tuple[str, str]]) -> list[Result]:
    """Add results to those kept, newest wins; return those of ``cells`` (name, direction)."""
    kept, known = {}, set(cells)
    if MATRIX.exists():
        for row in json.loads(MATRIX.read_text()):
            old = Result(**row)
            if (old.name, old.direction) in known:
                kept[old.key] = old
    for result in results:
        kept[result.key] = result
    MATRIX.write_text(json.dumps([asdict(result) for result in kept.values()], indent=1))
    return list(kept.values())


def page(results: list[Result]) -> str:
    """The matrix as Markdown: one row per cell, one pair of columns per release."""
    versions = sorted({result.version for result in results})
    by_key = {result.key: result for result in results}
    rows = dict.fromkeys((result.name, result.direction) for result in results)
    lines = [
        "| cell | | " + " | ".join(versions) + " | evidence (newest) |",
        "|---|---|" + "---|" * (len(versions) + 1),
    ]
    for name, direction in rows:
        found = [by_key.get((version, name, direction)) for version in versions]
        verdicts = " | ".join("not run" if r is None else r.verdict for r in found)
        evidence = next((r.evidence for r in reversed(found) if r is not None), "")
        lines.append(f"| {name} | `{direction}` | {verdicts} | {evidence.replace('|', '/')} |")
    return HEADER + "\n".join(lines) + "\n"
