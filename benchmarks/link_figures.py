# SPDX-License-Identifier: MIT OR Apache-2.0
"""What constrained-design 2.2 and 2.3 predict, for the columns beside our own figures.

Seconds; p50, or p50/p90/p99. A model of two peers with ideal timers made them; see
docs/decisions/0020-bench-link.md for what it leaves out.
"""

from __future__ import annotations

from typing import NamedTuple


class Predicted(NamedTuple):
    """Seconds; None where the table has no figure."""

    p50: float
    p90: float | None = None
    p99: float | None = None


_MIN = 60.0
_HOUR = 3_600.0

OCTETS = {"a": 13_924, "c": 5_015, "dk": 2_546, "dp": 1_277, "d": 100}
"""On the wire at MTU 222, fragment headers included, without loss (2.2, the table in 0)."""

TIMES: dict[tuple[str, str, int], Predicted] = {
    # mode, bearer, loss in per cent
    ("a", "SF7, 1 %", 0): Predicted(24.8),
    ("a", "SF7, 1 %", 5): Predicted(26.7, 28.2, 30.8),
    ("a", "SF7, 1 %", 10): Predicted(28.6, 31.1, 33.4),
    ("a", "SF7, 1 %", 20): Predicted(33.8, 38.1, 42.1),
    ("c", "SF7, 1 %", 0): Predicted(9.0),
    ("c", "SF7, 1 %", 5): Predicted(9.6, 11.0, 12.3),
    ("c", "SF7, 1 %", 10): Predicted(10.8, 12.4, 13.8),
    ("c", "SF7, 1 %", 20): Predicted(13.2, 15.7, 18.7),
    ("dk", "SF7, 1 %", 0): Predicted(4.6),
    ("dk", "SF7, 1 %", 5): Predicted(4.6, 6.1, 7.6),
    ("dk", "SF7, 1 %", 10): Predicted(5.6, 6.8, 9.0),
    ("dk", "SF7, 1 %", 20): Predicted(6.8, 9.4, 11.7),
    ("dp", "SF7, 1 %", 0): Predicted(2.6),
    ("dp", "SF7, 1 %", 5): Predicted(2.6, 3.5, 4.7),
    ("dp", "SF7, 1 %", 10): Predicted(3.2, 4.1, 5.8),
    ("dp", "SF7, 1 %", 20): Predicted(3.8, 5.7, 8.3),
    ("d", "SF7, 1 %", 0): Predicted(0.60),
    ("d", "SF7, 1 %", 5): Predicted(0.60, 1.1, 1.7),
    ("d", "SF7, 1 %", 10): Predicted(0.60, 1.1, 2.2),
    ("d", "SF7, 1 %", 20): Predicted(1.1, 1.8, 3.5),
    ("a", "SF9, 1 %", 0): Predicted(73),
    ("a", "SF9, 1 %", 5): Predicted(60 * _MIN),
    ("a", "SF9, 1 %", 10): Predicted(61 * _MIN, 61 * _MIN, 2 * _HOUR),
    ("a", "SF9, 1 %", 20): Predicted(2 * _HOUR),
    ("c", "SF9, 1 %", 0): Predicted(26.5),
    ("c", "SF9, 1 %", 5): Predicted(28.0, 30.8, 34.3),
    ("c", "SF9, 1 %", 10): Predicted(30.6, 34.3, 38.4),
    ("c", "SF9, 1 %", 20): Predicted(36.2, 42.2, 47.0),
    ("dk", "SF9, 1 %", 0): Predicted(13.6),
    ("dk", "SF9, 1 %", 5): Predicted(13.6, 16.7, 19.9),
    ("dk", "SF9, 1 %", 10): Predicted(15.5, 18.7, 23.2),
    ("dk", "SF9, 1 %", 20): Predicted(18.6, 23.7, 29.3),
    ("dp", "SF9, 1 %", 0): Predicted(7.2),
    ("dp", "SF9, 1 %", 5): Predicted(7.2, 9.6, 12.5),
    ("dp", "SF9, 1 %", 10): Predicted(8.7, 10.7, 14.2),
    ("dp", "SF9, 1 %", 20): Predicted(9.9, 13.9, 18.6),
    ("d", "SF9, 1 %", 0): Predicted(1.2),
    ("d", "SF9, 1 %", 5): Predicted(1.2, 2.2, 3.4),
    ("d", "SF9, 1 %", 10): Predicted(1.2, 2.4, 4.4),
    ("d", "SF9, 1 %", 20): Predicted(2.1, 3.8, 7.2),
    ("a", "SF12, 1 %", 10): Predicted(16 * _HOUR, 17 * _HOUR, 18 * _HOUR),
    ("c", "SF12, 1 %", 10): Predicted(5 * _HOUR, 6 * _HOUR, 7 * _HOUR),
    ("dk", "SF12, 1 %", 10): Predicted(2 * _HOUR, 2 * _HOUR, 3 * _HOUR),
    ("dp", "SF12, 1 %", 10): Predicted(60 * _MIN, 61 * _MIN, 120 * _MIN),
    ("d", "SF12, 1 %", 10): Predicted(7.1, 13.1, 23.9),
    ("a", "SF12, 10 %", 10): Predicted(9.6 * _MIN, 10.2 * _MIN, 11.0 * _MIN),
    ("c", "SF12, 10 %", 10): Predicted(3.6 * _MIN, 3.9 * _MIN, 4.3 * _MIN),
    ("dk", "SF12, 10 %", 10): Predicted(1.8 * _MIN, 2.1 * _MIN, 2.5 * _MIN),
    ("dp", "SF12, 10 %", 10): Predicted(58, 69, 89),
    ("d", "SF12, 10 %", 10): Predicted(7.1, 13.1, 23.9),
    ("a", "SF11/250, 10 %", 10): Predicted(2.3 * _MIN),
    ("c", "SF11/250, 10 %", 10): Predicted(50, 56, 63),
    ("dk", "SF11/250, 10 %", 10): Predicted(25),
    ("dp", "SF11/250, 10 %", 10): Predicted(14),
    ("d", "SF11/250, 10 %", 10): Predicted(1.9),
    ("a", "SF7/500", 10): Predicted(10),
    ("c", "SF7/500", 10): Predicted(4.0),
    ("d", "SF7/500", 10): Predicted(0.4),
    ("a", "BLE 23", 0): Predicted(6.4),
    ("a", "BLE 23", 20): Predicted(7.7),
    ("c", "BLE 23", 0): Predicted(2.2),
    ("c", "BLE 23", 20): Predicted(2.6),
    ("dk", "BLE 23", 0): Predicted(1.1),
    ("dk", "BLE 23", 20): Predicted(1.4),
    ("d", "BLE 23", 0): Predicted(0.19),
    ("a", "BLE 247", 0): Predicted(1.6),
    ("a", "BLE 247", 20): Predicted(1.8),
    ("c", "BLE 247", 0): Predicted(0.41),
    ("dk", "BLE 247", 0): Predicted(0.22),
    ("d", "BLE 247", 0): Predicted(0.12),
    ("a", "serial 115200", 0): Predicted(2.2),
    ("a", "serial 115200", 5): Predicted(2.3),
    ("a", "serial 115200", 20): Predicted(2.8),
    ("c", "serial 115200", 0): Predicted(0.54),
    ("c", "serial 115200", 5): Predicted(0.59),
    ("c", "serial 115200", 20): Predicted(0.80),
    ("dk", "serial 115200", 0): Predicted(0.27),
    ("dk", "serial 115200", 5): Predicted(0.27),
    ("dk", "serial 115200", 20): Predicted(0.41),
    ("d", "serial 115200", 0): Predicted(0.03),
    ("d", "serial 115200", 5): Predicted(0.03),
    ("d", "serial 115200", 20): Predicted(0.09),
    ("a", "AX.25 1200", 0): Predicted(2.1 * _MIN),
    ("a", "AX.25 1200", 5): Predicted(2.3 * _MIN),
    ("a", "AX.25 1200", 20): Predicted(2.9 * _MIN),
    ("c", "AX.25 1200", 0): Predicted(47),
    ("c", "AX.25 1200", 5): Predicted(51),
    ("c", "AX.25 1200", 20): Predicted(70),
    ("dk", "AX.25 1200", 0): Predicted(25),
    ("dk", "AX.25 1200", 5): Predicted(27),
    ("dk", "AX.25 1200", 20): Predicted(37),
    ("d", "AX.25 1200", 0): Predicted(3.7),
    ("d", "AX.25 1200", 5): Predicted(3.7),
    ("d", "AX.25 1200", 20): Predicted(6.4),
    ("a", "AX.25 9600", 0): Predicted(35),
    ("a", "AX.25 9600", 5): Predicted(39),
    ("c", "AX.25 9600", 0): Predicted(14),
    ("c", "AX.25 9600", 5): Predicted(16),
    ("dk", "AX.25 9600", 0): Predicted(7.7),
    ("dk", "AX.25 9600", 5): Predicted(9.3),
    ("d", "AX.25 9600", 0): Predicted(2.5),
}
