# SPDX-License-Identifier: MIT OR Apache-2.0
"""What an input reaches: the steps from line to line in the parsers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from types import CodeType, FrameType
from typing import Any

PARSERS = ("pqmesh_host", "aioquic", "pqmesh")

Step = tuple[CodeType, int, int]


def reached(run: Callable[[bytes], object], data: bytes) -> set[Step]:
    """Every (code, line before, line) of the parsers' modules while ``run`` takes ``data``."""
    steps: set[Step] = set()

    def watch(frame: FrameType, event: str, argument: Any) -> Any:
        module = frame.f_globals.get("__name__", "")
        if not module.startswith(PARSERS):
            return None
        before = frame.f_lineno

        def line(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal before
            steps.add((frame.f_code, before, frame.f_lineno))
            before = frame.f_lineno
            return line

        return line

    earlier = sys.gettrace()
    sys.settrace(watch)
    try:
        run(data)
    finally:
        sys.settrace(earlier)
    return steps


def smallest(run: Callable[[bytes], object], inputs: Iterable[bytes]) -> list[bytes]:
    """The inputs, shortest first, each of which reaches what none before it did."""
    seen: set[Step] = set()
    kept = []
    for data in sorted(set(inputs), key=lambda data: (len(data), data)):
        new = reached(run, data) - seen
        if new:
            kept.append(data)
            seen |= new
    return kept
