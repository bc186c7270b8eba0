# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sessions as a program holds them: the same verbs and the same errors on every node.

    async with node.session(peer, timeout_ms=60_000) as session:
        message = await session.send(b"soil 41", priority=1, deadline_ms=30_000)
        await message.delivered()
        answer = await session.receive(timeout_ms=30_000)

Waiting is handed in as time is: a Carrier has an event to wait for and a clock, and stands
between this and an Engine (or a QUIC connection). It hands every event of its engine to
``Sessions.handle_event``, and gives the engine no chance to report any within ``send``.

All times are whole milliseconds from now, on boards and on hosts. Everything here may be
cancelled. The errors are SessionError and its kin; UsageError is the program's own fault.

    line.py       one open session of the engine: what came, what is under way
    session.py    the same as a program holds it
    carrier.py    between it and an engine, where the program is the engine's only owner
    sessions.py   all of a carrier's: who holds which, who waits for one
"""
