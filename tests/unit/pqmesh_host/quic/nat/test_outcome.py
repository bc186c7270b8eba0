# SPDX-License-Identifier: MIT OR Apache-2.0
"""The defaults hold together: every stage fits into the time a caller gives."""

import inspect

from pqmesh_host.quic.nat.coordinator import PAIR_INTERVAL_MS
from pqmesh_host.quic.nat.outcome import How, TraversalLimits
from pqmesh_host.quic.nat.traverse import Traversal


def test_all_stages_fit_into_the_default_time():
    limits = TraversalLimits()
    given = inspect.signature(Traversal.connect).parameters["timeout_s"].default
    stages = limits.direct_s + limits.punch_s + limits.relay_s + 3 * limits.answer_s
    assert stages <= given


def test_the_second_round_is_not_taken_for_a_flood():
    assert TraversalLimits().punch_s * 1000 > PAIR_INTERVAL_MS


def test_the_names_are_what_operators_read():
    assert [how.value for how in How] == ["direct", "punched", "relayed"]
