# SPDX-License-Identifier: MIT OR Apache-2.0
"""The stored plan; what it may hold is tested where it is made (pqmesh_host/provision)."""

import pytest

from pqmesh import cbor
from pqmesh.errors import Malformed
from pqmesh_node import plan
from pqmesh_node.store import Directory, Store


def test_a_plan_is_there_after_a_restart_and_empty_without_one(tmp_path):
    store = Store(Directory(str(tmp_path)))
    assert plan.load(store) == {}
    store.save(plan.RECORD, cbor.encode({"name": "shed"}))
    assert plan.load(store) == {"name": "shed"}
    store.save(plan.RECORD, b"\xff")
    with pytest.raises(Malformed):
        plan.load(store)
