# SPDX-License-Identifier: MIT OR Apache-2.0
"""How fast, how much, how long, where to: each bound, from both sides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh_host.quic.nat.candidates import AddressRefused
from pqmesh_host.quic.relay.budget import Allowance, Budget, check_target

SMALL = Allowance(
    bytes_per_second=1000, burst_bytes=2000, total_bytes=10_000, idle_s=10, lifetime_s=60
)


def test_a_burst_then_the_rate():
    budget = Budget(SMALL, 0.0)
    assert budget.take(2000, 0.0)
    assert not budget.take(1, 0.0)
    assert budget.take(500, 0.5)
    assert not budget.take(500, 0.6)
    assert budget.take(2000, 100.0)
    assert not budget.take(1, 100.0)  # a long pause fills no more than the burst
    assert budget.used_bytes == 4500


@given(st.lists(st.tuples(st.integers(0, 3000), st.floats(0, 3)), max_size=50))
def test_never_more_than_burst_and_rate_allow(steps):
    budget, now = Budget(SMALL, 0.0), 0.0
    for size, pause in steps:
        now += pause
        budget.take(size, now)
        assert budget.used_bytes <= min(10_000, 2000 + 1000 * now + 1e-6)


def test_the_total_ends_it():
    budget = Budget(SMALL, 0.0)
    for second in range(5):
        assert budget.take(1750, 2.0 * second)
    assert budget.ended(10.0) == "total"
    assert not budget.take(1750, 20.0)


def test_silence_and_age_end_it_and_the_next_check_is_when_they_may():
    budget = Budget(SMALL, 0.0)
    assert budget.next_check(0.0) == 10.0
    assert budget.take(10, 5.0)
    assert (budget.ended(14.9), budget.ended(15.0)) == (None, "idle")
    for second in range(6, 60):
        budget.take(1, float(second))
    assert budget.next_check(59.0) == 60.0
    assert (budget.ended(59.9), budget.ended(60.0)) == (None, "lifetime")


def test_what_is_refused_does_not_keep_it_alive():
    budget = Budget(SMALL, 0.0)
    for second in range(11):
        assert not budget.take(5000, float(second))
    assert budget.ended(10.0) == "idle"


@pytest.mark.parametrize(
    "wrong", [{"bytes_per_second": 0}, {"burst_bytes": 0}, {"total_bytes": 0}, {"idle_s": 0}]
)
def test_a_senseless_allowance_is_refused(wrong):
    with pytest.raises(ValueError, match="relay"):
        Allowance(**wrong)


@pytest.mark.parametrize(
    "target",
    [
        *("127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.0.1", "100.64.0.1", "224.0.0.1"),
        *("0.0.0.0", "::1", "fe80::1", "fd00::1", "ff02::1", "::ffff:10.0.0.1"),
        *("255.255.255.255", "no"),
    ],
)
def test_a_public_relay_reaches_no_private_place(target):
    with pytest.raises(AddressRefused):
        check_target((target, 9000), "198.18.0.1")


@pytest.mark.parametrize(
    ("target", "own"),
    [
        ("198.18.0.2", "198.18.0.1"),
        ("198.18.0.2", "10.0.0.1"),
        ("10.0.0.2", "10.0.0.1"),
        ("127.0.0.1", "127.0.0.1"),
        ("2001:2::2", "2001:2::1"),
    ],
)
def test_where_the_relay_itself_is_it_may_send(target, own):
    check_target((target, 9000), own)
    with pytest.raises(AddressRefused):
        check_target((target, 53), own)
