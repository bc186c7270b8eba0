# SPDX-License-Identifier: MIT OR Apache-2.0
"""A stored radio plan, kept: what may leave when, and for whom. Prints the same everywhere."""

from pqmesh import cbor
from pqmesh.engine.floors import MODE_NAMES
from pqmesh.errors import Malformed
from pqmesh.limits import RADIO_LINK
from pqmesh_node import plan
from pqmesh_node.radio import Radio, planned_profile
from pqmesh_node.settings import SettingsError
from pqmesh_node.slots import FileSlots
from pqmesh_node.store import Store
from pqmesh_node.vault import Vault

RADIO = {"hz": 868_100_000, "sf": 9, "bw": 125, "cr": 5, "dbm": 14, "permille": 1000}


class Medium:
    """Files in RAM."""

    def __init__(self):
        self.files = {}

    def read(self, name):
        return self.files.get(name)

    def write(self, name, data):
        self.files[name] = data

    def wipe(self, name):
        self.files[name] = b""


class Queue:
    """Stands for an engine: every third frame is for a stranger."""

    def __init__(self):
        self.count = 0
        self.asked = 0

    @property
    def for_stranger(self):
        return self.count % 3 == 0

    def next_transmit(self, now=None):
        self.asked = now
        self.count += 1
        return bytes(200)

    def waits(self):
        return True


def kept(**parts):
    store = Store(Medium())
    vault = Vault(FileSlots(store.files))
    plan.keep(plan.parse(cbor.encode(parts)), store, vault)
    return store, vault


for region in ("EU868", "GENERIC"):
    store, vault = kept(
        radio=dict(RADIO, region=region, permille=2 if region == "GENERIC" else 1000),
        floors={"strangers": 1, "minimum": 1},
        key=b"k" * 32,
    )
    print(region, sorted(plan.load(store)), vault.names(), planned_profile(store).mtu)
    radio = Radio(store, vault, planned_profile(store))
    floors = radio.ports["floors"]
    print(MODE_NAMES[floors.minimum()], floors.strangers(), radio.ports["network_key"])
    engine = Queue()
    air = radio.passage(engine)
    now = sent = 0
    while now < 7_200_000_000:
        frame = air.next(now)
        if frame is not None:
            sent += 1
        news = air.news(now)
        if news is not None:
            print(
                "waits", now, news, sent, engine.asked, sorted(radio.status(now // 1000).items())
            )
        wake = air.wake_us(now)
        now = max(wake, now + 1)
    print("sent", sent, air.gate.dropped, air.engine_ms(now))

for radio in (dict(RADIO, region="EU433"), dict(RADIO, sf=6), dict(RADIO, hop=1)):
    try:
        plan.parse(cbor.encode({"radio": radio}))
    except Malformed as error:
        print(error)
for parts in ({}, {"radio": dict(RADIO, region="EU868", hz=915_000_000)}):
    try:
        planned_profile(kept(**parts)[0])
    except SettingsError as error:
        print(error)
print(Radio(*kept(), RADIO_LINK).passage(None))
