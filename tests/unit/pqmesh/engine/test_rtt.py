# SPDX-License-Identifier: MIT OR Apache-2.0
"""RFC 6298 in integers, held against the same formulas in fractions."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.engine.rtt import RttEstimator


def test_before_the_first_sample_the_initial_timeout_holds():
    assert RttEstimator(600, 100, 4000).rto() == 600


def test_the_first_sample_gives_three_times_itself():
    estimator = RttEstimator(600, 1, 10_000)
    estimator.sample(100)
    assert estimator.rto() == 300  # SRTT + 4 * R/2


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=40))
def test_follows_rfc_6298(samples):
    estimator = RttEstimator(600, 1, 1 << 40)
    srtt = rttvar = None
    for rtt in samples:
        estimator.sample(rtt)
        if srtt is None:
            srtt, rttvar = Fraction(rtt), Fraction(rtt, 2)
        else:
            rttvar += (abs(srtt - rtt) - rttvar) / 4
            srtt += (rtt - srtt) / 8
        # each step truncates by under one unit of SRTT and of 4 RTTVAR, and both decay
        assert abs(estimator.rto() - (srtt + 4 * rttvar)) <= 40


@pytest.mark.parametrize(("rtt", "rto"), [(0, 50), (1, 50), (10_000, 900)])
def test_floor_and_ceiling(rtt, rto):
    estimator = RttEstimator(600, 50, 900)
    estimator.sample(rtt)
    assert estimator.rto() == rto


def test_backs_off_to_the_ceiling_and_a_sample_ends_it():
    estimator = RttEstimator(100, 10, 700)
    seen = []
    for _ in range(5):
        seen.append(estimator.rto())
        estimator.back_off()
    assert seen == [100, 200, 400, 700, 700]
    estimator.sample(100)
    assert estimator.rto() == 300
