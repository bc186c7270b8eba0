# SPDX-License-Identifier: MIT OR Apache-2.0
# A pinned identity that is not there, a peer that is not trusted, a line with nobody on it.
from support.scenario import Line

line = Line()
line.ends[0].connect(0, b"\x55" * 32)
line.run(60000)
line.summary()

line = Line(trust=(None, lambda peer_id: False))
line.ends[0].connect(0)
line.run(60000)
line.summary()

line = Line()
line.lose[0].update(range(1000))
line.ends[0].connect(0)
line.run(60000)
line.summary()
