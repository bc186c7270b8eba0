# SPDX-License-Identifier: MIT OR Apache-2.0
# Key epochs of one session: triggers, late frames, lost epochs, forgeries, and what is erased.
from pqmesh.engine.hs_s import Outcome
from pqmesh.engine.packets import Packets
from pqmesh.errors import ProtocolError
from pqmesh.limits import FAILED_TAGS_PER_KEY, LATE_MS, RADIO_LINK, REKEY_FRAMES, REKEY_MS
from pqmesh.wire.session import decode_header
from support.model_crypto import ModelCrypto
from support.scenario import brief

chains = (bytes(range(32)), bytes(range(32, 64)))
ends = []
for out, into in (chains, (chains[1], chains[0])):
    outcome = Outcome(b"", None, b"sessionx", out, into, b"", b"")
    ends.append(Packets(ModelCrypto(), RADIO_LINK, outcome))


def take(side, frame, now):
    try:
        return ends[side].open(decode_header(frame), frame, now)
    except ProtocolError as error:
        return type(error).__name__


def state(title):
    print(title)
    for end in ends:
        ratchet = end.ratchet
        print(" ", ratchet.sending.number, brief(bytes(ratchet.sending.key)), end.next_number)


now = 0
for count in range(REKEY_FRAMES + 2):
    frame = ends[0].seal(1, 7, b"%d" % count, now)
    if count % 64 == 0 or count > REKEY_FRAMES - 2:
        print(count, frame[0], take(1, frame, now))
state("after 256 frames")
print("the answer", take(0, ends[1].seal(0, 7, b"", now), now))
state("both in step")

late = ends[0].seal(1, 7, b"late", now)
now += REKEY_MS
print("an hour on", take(1, ends[0].seal(1, 7, b"in time", now), now))
print("late", take(1, late, now + LATE_MS - 1), take(1, late, now + LATE_MS - 1))
old = ends[1].ratchet._previous
ends[1].ratchet.handle_timeout(now + LATE_MS)
print("erased", bytes(old.key) == bytes(32), ends[1].ratchet.next_deadline())
state("two epochs on")

take(0, ends[1].seal(0, 7, b"", now), now)
for _ in range(3):  # one side can step once, however often it would like to
    print(ends[0].ratchet.step(), end=" ")
print(take(1, ends[0].seal(1, 7, b"step", now), now))
ends[1].seal(0, 7, b"lost", now)
print(ends[1].ratchet.step(), take(0, ends[1].seal(0, 7, b"an epoch was lost", now), now))
state("an epoch skipped")

errors = {}
for bits in range(4):
    for low in range(900, 940):
        forged = bytes([bits << 4, 0, 7, low >> 8, low & 255]) + bytes(8)
        name = take(0, forged, now)
        errors[name] = errors.get(name, 0) + 1
print("forged", sorted(errors.items()))
ends[0].ratchet._current.failed_tags = FAILED_TAGS_PER_KEY // 2
print("threatened", ends[0].ratchet.threatened(), ends[0].ratchet.step())
print(take(1, ends[0].seal(2, 7, b"\x01", now), now), take(0, ends[1].seal(0, 7, b"", now), now))
state("the attacked key is gone")
ends[0].ratchet.erase()
print(bytes(ends[0].ratchet.sending.key) == bytes(32))
