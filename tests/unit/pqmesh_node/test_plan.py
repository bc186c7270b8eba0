# SPDX-License-Identifier: MIT OR Apache-2.0
"""The stored plan; what it may hold is tested where it is made (pqmesh_host/provision)."""

import pytest

from pqmesh import cbor
from pqmesh.errors import Malformed
from pqmesh_node import plan
from pqmesh_node.slots import FileSlots
from pqmesh_node.store import Directory, Store
from pqmesh_node.vault import Vault


def test_a_plan_is_there_after_a_restart_and_empty_without_one(tmp_path):
    store = Store(Directory(str(tmp_path)))
    assert plan.load(store) == {}
    store.save(plan.RECORD, cbor.encode({"name": "shed"}))
    assert plan.load(store) == {"name": "shed"}
    store.save(plan.RECORD, b"\xff")
    with pytest.raises(Malformed):
        plan.load(store)


def test_the_network_s_key_lies_in_the_vault_and_nowhere_else(tmp_path):
    folder = tmp_path / "flash"
    store = Store(Directory(str(folder)))
    vault = Vault(FileSlots(store.files))
    key = bytes(range(32))
    plan.keep({"name": "shed", "key": key}, store, vault)
    assert plan.load(store) == {"name": "shed"}
    holders = [file.name for file in folder.iterdir() if key in file.read_bytes()]
    assert holders
    assert all(name.startswith("vault") for name in holders)
    again = Vault(FileSlots(store.files))
    assert again.load(plan.NETWORK_KEY) == key
    plan.keep({"name": "shed"}, store, again)  # a plan without one takes it away
    assert again.load(plan.NETWORK_KEY) is None
    assert not [file for file in folder.iterdir() if key in file.read_bytes()]
