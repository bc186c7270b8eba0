# SPDX-License-Identifier: MIT OR Apache-2.0
"""Two-slot records and the command journal, cut at every octet. Prints the same everywhere."""

from pqmesh_node.journal import Command, CommandJournal
from pqmesh_node.settings import SettingsError, changed, default, load, save
from pqmesh_node.store import RecordDamaged, Store


class PowerCut(Exception):
    pass


class Medium:
    """Files in RAM; the next write stops after ``cut`` octets, if that is not None."""

    def __init__(self):
        self.files = {}
        self.cut = None

    def read(self, name):
        return self.files.get(name)

    def write(self, name, data):
        cut, self.cut = self.cut, None
        self.files[name] = data if cut is None else data[:cut]
        if cut is not None:
            raise PowerCut


def show(medium):
    return [(name, medium.files[name].hex()) for name in sorted(medium.files)]


medium = Medium()
store = Store(medium)
print("fresh", store.load("r"))
for value in (b"one", b"two", b""):
    store.save("r", value)
    print("saved", store.load("r"))
print(show(medium))

outcomes = []
for cut in range(20):
    medium = Medium()
    store = Store(medium)
    store.save("r", b"old")
    medium.cut = cut
    try:
        store.save("r", b"new")
    except PowerCut:
        cut = None
    outcomes.append(store.load("r"))
print("cuts", outcomes)

medium = Medium()
Store(medium).save_both("r", b"v")
print("slots", Store(medium).slots("r"))
for name in medium.files:
    medium.files[name] = b"\xff" * 20
try:
    Store(medium).load("r")
except RecordDamaged as error:
    print("damaged:", error)

medium = Medium()
journal = CommandJournal(Store(medium))
command = Command(b"12345678", bytes(32), "blink")
print(journal.accept(command), journal.accept(command))
again = CommandJournal(Store(medium))
print("after a restart", again.open_commands(), again.accept(command))
again.finish(command, b"reply001", b"done")
print(CommandJournal(Store(medium)).replies(), CommandJournal(Store(medium)).open_commands())
print(show(medium))

print(load(Store(medium)))
save(Store(medium), changed(default(), name="shed", expect="ab" * 32, interval_ms=500))
print(load(Store(medium)))
for values in ({"interval_ms": 1}, {"expect": "zz"}, {"nme": "x"}, {"autostart": 1}):
    try:
        changed(default(), **values)
    except SettingsError as error:
        print("refused:", error)
