# SPDX-License-Identifier: MIT OR Apache-2.0
"""The registry of readings: bounded, ordered, and alive when one sensor is not."""

import pytest

from pqmesh_node.sensors import MAX_SENSORS, Reading, Sensors


def test_readings_come_in_the_order_of_registration():
    sensors = Sensors()
    sensors.add("z", lambda: 1, "mV")
    sensors.add("a", lambda: -(1 << 63))
    sensors.add("m", lambda: True)
    assert list(sensors.read_all()) == [
        Reading("z", 1, "mV"),
        Reading("a", -(1 << 63), ""),
        Reading("m", 1, ""),
    ]


@pytest.mark.parametrize("error", [OSError(5), ValueError("range")])
def test_a_failing_sensor_is_counted_and_the_others_report(error):
    def broken() -> int:
        raise error

    sensors = Sensors()
    sensors.add("broken", broken)
    sensors.add("fine", lambda: 2)
    assert [reading.name for reading in sensors.read_all()] == ["fine"]
    assert sensors.failures == 1


def test_a_bug_in_a_sensor_is_not_hidden():
    sensors = Sensors()
    sensors.add("bug", lambda: {}["missing"])
    with pytest.raises(KeyError):
        list(sensors.read_all())


@pytest.mark.parametrize("value", [1.5, None, b"raw", [1], "text", 1 << 63])
def test_what_the_wire_does_not_carry_is_counted(value):
    sensors = Sensors()
    sensors.add("odd", lambda: value)
    assert list(sensors.read_all()) == []
    assert sensors.failures == 1


@pytest.mark.parametrize("name", ["", "taken", "x" * 33])
def test_a_bad_name_is_refused(name):
    sensors = Sensors()
    sensors.add("taken", lambda: 1)
    with pytest.raises(ValueError):
        sensors.add(name, lambda: 1)


def test_the_table_is_bounded_and_removing_makes_room():
    sensors = Sensors()
    for number in range(MAX_SENSORS):
        sensors.add(f"s{number}", lambda: 1)
    with pytest.raises(ValueError, match="at most 16"):
        sensors.add("one more", lambda: 1)
    sensors.remove("s3")
    sensors.remove("never there")
    sensors.add("one more", lambda: 1)
    assert sensors.names()[-1] == "one more"
