# SPDX-License-Identifier: MIT OR Apache-2.0
# Heads, tails, acknowledgements and data are lost: all of it is made up for.
from support.scenario import Line

line = Line()
line.lose[0].update((0, 2, 5, 9, 20, 22))
line.lose[1].update((1, 3, 4, 14, 19, 20, 21))
handle = line.ends[0].connect(0)
line.run(20000)
line.ends[0].send(handle, b"x" * 2000, line.now)
line.ends[0].send(handle, b"y", line.now)
line.run(30000)
line.summary()
print([end.stats.frames_retransmitted for end in line.ends])
