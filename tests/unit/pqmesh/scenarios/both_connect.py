# SPDX-License-Identifier: MIT OR Apache-2.0
# Both sides connect at once; then one restarts without a word and connects again.
from support.scenario import Line

line = Line()
print("handles", line.ends[0].connect(0), line.ends[1].connect(0))
line.run(3000)
line.boot(0)
print("again", line.ends[0].connect(line.now))
line.run(6000)
line.summary()
