# SPDX-License-Identifier: MIT OR Apache-2.0
"""A node's control socket without a node, for tests of the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from pqmesh_host.cli.context import Context
from pqmesh_host.cli.main import main


class FakeNode:
    """Answers each operation as told, and notes what it was asked."""

    def __init__(self, *, events: list[dict[str, Any]] | None = None, **answers: Any) -> None:
        self.requests: list[dict[str, Any]] = []
        self._events = events or []
        self._answers = answers

    def __enter__(self) -> FakeNode:
        return self

    def __exit__(self, *_: object) -> None: ...

    def request(self, op: str, *, answer_s: float = 0, **arguments: Any) -> Any:
        self.requests.append({"op": op, **arguments})
        return self._answers[op]

    def events(self) -> Iterator[dict[str, Any]]:
        yield from self._events


class FakeContext(Context):
    def __init__(self, node: FakeNode) -> None:
        super().__init__()
        self._node = node

    def client(self, socket: Path) -> FakeNode:  # type: ignore[override]
        return self._node


def run(node: FakeNode, *arguments: str) -> Result:
    """Run a command that talks to ``node``."""
    return CliRunner().invoke(main, [*arguments, "--socket", "x"], obj=FakeContext(node))
