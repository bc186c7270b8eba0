# SPDX-License-Identifier: MIT OR Apache-2.0
# A full handshake leaves a ticket: after restarts of both sides, with frames lost, they resume.
from pqmesh.engine.tickets import MemoryTickets
from support.scenario import Line, brief

boxes = (MemoryTickets(2), MemoryTickets(2))
line = Line(tickets=boxes)
line.ends[0].connect(0)
line.run(5000)
names = [line.events[1 - side][0].peer_id for side in (0, 1)]

for round in range(3):
    for side in (0, 1):
        line.boot(side)
    starter = round % 2
    line.lose[starter].add(line.counts[starter] + (0 if round == 1 else 1))  # R1, or R3
    session = line.ends[starter].connect(line.now, names[1 - starter])
    line.run(line.now + 3000)
    line.ends[starter].send(session, b"round %d" % round, line.now)
    line.run(line.now + 3000)
    for side in (0, 1):
        ticket = boxes[side].load(names[1 - side])
        print(side, ticket.resumptions, brief(ticket.current), ticket.candidate)
line.summary()

line = Line(tickets=boxes)  # the ticket is lost on one side: silence, then the full handshake
boxes[1].forget(names[0])
line.ends[0].connect(line.now, names[1])
line.run(line.now + 9000)
line.summary()
