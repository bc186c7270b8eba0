# SPDX-License-Identifier: MIT OR Apache-2.0
# What is refused, and as what.
import hashlib

from pqmesh.errors import ProtocolError
from support.scenario import Line

line = Line()
line.ends[0].connect(0)
line.run(1000)
frame = b""
for number in range(300):
    frame = hashlib.sha256(frame + bytes((number & 0xFF,))).digest()
    kind = (b"", b"\x00", b"\x48\x40", b"\x48\xa0", b"\x80\x80", b"\x81\xc0", b"\xc0")[number % 7]
    for side in (0, 1):
        try:
            line.ends[side].receive(kind + frame[: number % 33], line.now)
        except ProtocolError as error:
            if number < 40:
                print(number, side, type(error).__name__, error)
line.run(3000)
for end in line.ends:
    print(sorted(end.stats.dropped.items()))
line.summary()
