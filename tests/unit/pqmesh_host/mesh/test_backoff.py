# SPDX-License-Identifier: MIT OR Apache-2.0
"""Pauses double up to their ceiling and begin again after success."""

from __future__ import annotations

from pqmesh_host.mesh.backoff import Backoff


def test_pauses_double_up_to_the_ceiling() -> None:
    backoff = Backoff()
    assert [backoff.next_ms() for _ in range(6)] == [1000, 2000, 4000, 8000, 15000, 15000]


def test_success_starts_again() -> None:
    backoff = Backoff(first_ms=10, longest_ms=25)
    assert [backoff.next_ms() for _ in range(3)] == [10, 20, 25]
    backoff.reset()
    assert backoff.next_ms() == 10
