# SPDX-License-Identifier: MIT OR Apache-2.0
"""A hundredth of any hour, and a pause for others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.errors import UsageError
from pqmesh.limits import RADIO_LINK, replace
from pqmesh.objects.share import Share

HOUR = 3_600_000


@given(st.lists(st.tuples(st.integers(1, 222), st.integers(0, 60_000)), max_size=200))
def test_no_hour_has_more_than_its_share(frames):
    share, now, sent = Share(RADIO_LINK, 10), 0, []
    for octets, wait in frames:
        now = share.possible(octets, now + wait)
        assert share.possible(octets, now) == now
        airtime = RADIO_LINK.airtime_ms(octets)
        share.spend(octets, now)
        sent.append((now, airtime))
        now += airtime
        begin = now - HOUR
        used = sum(min(air, at + air - begin) for at, air in sent if at + air > begin)
        assert used <= HOUR // 100
        assert share.used_ms(now) >= used


def test_after_a_frame_others_have_time_for_one_of_theirs():
    share = Share(RADIO_LINK, 10)
    frame = RADIO_LINK.airtime_ms(222)
    assert share.spend(222, 5) == 5 + 2 * frame + 2 * RADIO_LINK.turnaround_ms


def test_a_share_that_no_frame_fits_into_is_none():
    for link, permille in ((RADIO_LINK, 0), (replace(RADIO_LINK, bits_per_second=180), 1)):
        with pytest.raises(UsageError):
            Share(link, permille)
    Share(replace(RADIO_LINK, bits_per_second=180), 10)
