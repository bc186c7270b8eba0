# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every event names its session first, so that an owner can route without asking its type."""

import inspect

import pytest

from pqmesh.engine import events
from pqmesh.record import Record

ALL = [
    cls
    for _, cls in inspect.getmembers(events, inspect.isclass)
    if issubclass(cls, Record) and cls is not Record
]


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
def test_the_session_comes_first(cls):
    assert cls.FIELDS[0] == "session"
    assert cls.__doc__


def test_there_are_eight():
    assert {cls.__name__ for cls in ALL} == {
        "Established",
        "Received",
        "Delivered",
        "Closed",
        "Lost",
        "Refused",
        "Expired",
        "Moved",
    }
