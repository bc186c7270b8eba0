# SPDX-License-Identifier: MIT OR Apache-2.0
"""Counters only grow."""

from pqmesh.engine.stats import Stats, Tally
from pqmesh.errors import BadTag, Malformed


def test_drops_are_counted_by_cause():
    stats = Stats()
    for error in (BadTag("a"), Malformed("b"), BadTag("c")):
        stats.drop(error)
    assert stats.dropped == {"BadTag": 2, "Malformed": 1}


def test_everything_starts_at_zero():
    assert not any(vars(Stats()).values())
    assert vars(Tally()) == {"sent": 0, "received": 0, "stranger": False}
