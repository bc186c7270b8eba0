# SPDX-License-Identifier: MIT OR Apache-2.0
# A handshake, messages both ways, a close: every frame of it is in the digest.
from support.scenario import Line

line = Line()
handle = line.ends[0].connect(0)
line.run(2000)
line.summary()
print("sent", line.ends[0].send(handle, b"hello", line.now))
print("sent", line.ends[0].send(handle, bytes(range(256)) * 5, line.now))
print("sent", line.ends[1].send(line.events[1][0].session, b"", line.now))
line.run(4000)
line.ends[1].close(line.events[1][0].session, line.now, 16)
line.run(9000)
line.summary()
for end in line.ends:
    print(
        end.stats.frames_sent, end.stats.bytes_sent, sorted(end.stats.dropped), end.next_deadline()
    )
