# SPDX-License-Identifier: MIT OR Apache-2.0
# An object goes round among five nodes that lose every fifth frame, is asked for, and forged.
from pqmesh.errors import MeshError
from pqmesh.objects.source import Source
from pqmesh.record import replace
from pqmesh.wire.objects import CODED_KIND, CREDENTIAL, EPOCH_OBJECT
from support.broadcast import DTAG, Air, lossy, octets_of
from support.scenario import brief, show

HOUR = 3_600_000


def report(title, air):
    print(title)
    for who in range(len(air.ends)):
        for at, event in air.events[who]:
            print(" ", at, who, show(event))
    last = air.sent[-1][0] if air.sent else 0
    coded = len(air.frames(CODED_KIND))
    print(" ", coded, "fragments", len(air.sent) - coded, "short", "the last at", last)
    for end in air.ends:
        print(" ", end.stats.frames_received, sorted(end.stats.dropped.items()))
    print(" ", brief(b"".join([frame for _, _, frame in air.sent])))


def holder(what, octets, fake_id=None):
    source = Source(what, DTAG, octets, 222)
    if fake_id is not None:
        source._head = replace(source._head, object_id=fake_id)
        source._salt = source._head.encode()
    while not source.step():
        pass
    return source


blob = octets_of(b"epoch", 1700)
source = holder(EPOCH_OBJECT, blob)
print(source.shape, brief(source.flow), brief(source.frame(0)), brief(source.frame(12)))
large = holder(CREDENTIAL, octets_of(b"credential", 5000))
print(large.shape, brief(large.frame(0)), brief(large.frame(20)))

air = Air(5, lose=lossy(20))
air.ends[0].offer(EPOCH_OBJECT, DTAG, blob, 0)
air.run(HOUR)
report("goes round", air)

air = Air(3, wants=lambda what, dtag, object_id: False)
air.ends[1].offer(EPOCH_OBJECT, DTAG, blob, 0, own=False)
air.ends[2].fetch(DTAG, 0)
air.ends[2].fetch(b"nobody's", 0)
air.run(HOUR)
report("is asked for", air)

air = Air(1)
false = holder(EPOCH_OBJECT, octets_of(b"false", 1700), source.object_id)
for index in range(false.shape.count + 1):
    air.inject(false.frame(index))
    air.inject(source.frame(index))
    if index == 3:
        spoilt = source.frame(index)[:-1] + b"?"
        air.inject(spoilt)
air.run(HOUR)
report("is forged", air)

try:
    air.ends[0].offer(EPOCH_OBJECT, DTAG, bytes(20_000), air.now)
except MeshError as error:
    print(type(error).__name__, error)
