# SPDX-License-Identifier: MIT OR Apache-2.0
# Messages that survive a session, and are taken once.
from pqmesh.delivery import Inbox, Outbox
from pqmesh.errors import MeshError

outbox = Outbox(3)
for ident in (b"1", b"2", b"3", b"4", b"1"):
    try:
        outbox.add(ident, ident * 2)
    except MeshError as error:
        print(ident, type(error).__name__, error)
while True:
    entry = outbox.waiting()
    if entry is None:
        break
    outbox.sent(entry[0], 7, len(entry[0]) + int(entry[0]))
    print("sent", entry)
print(outbox.delivered(7, 3), outbox.delivered(7, 3), outbox.session_ended(7), list(outbox))

inbox = Inbox(2, 3)
for origin, ident in ((b"a", b"1"), (b"a", b"1"), (b"b", b"1"), (b"a", b"2"), (b"c", b"1")):
    print(origin, ident, inbox.accept(origin, ident))
print(list(inbox))
