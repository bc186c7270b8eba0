# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rung L1, 32-bit words: what a broadcast object costs in heap while it comes in, parity alone."""

import json
import subprocess
from pathlib import Path

import pytest

from pqmesh.credentials.epoch import EPOCH_BYTES
from pqmesh.credentials.intake import CREDENTIAL_BYTES
from pqmesh.limits import RADIO_LINK
from pqmesh.objects.source import Source
from support.broadcast import DTAG, octets_of
from support.firmware_images import image

pytestmark = [pytest.mark.firmware, pytest.mark.timeout(300)]

PROGRAM = """
import gc, json, sys
from pqmesh.limits import RADIO_LINK
from pqmesh.errors import MeshError

def now_used():
    gc.collect()
    return gc.mem_alloc()

before = now_used()
from pqmesh.objects.exchange import Exchange
modules = now_used()
exchange = Exchange(RADIO_LINK, lambda n: bytes(n), b"nodenode", lambda *a: True)
base = peak = now_used()
with open(sys.argv[1], "rb") as source:
    while size := source.read(2):
        exchange.receive(source.read(int.from_bytes(size, "big")), 0)
        peak = max(peak, now_used())
exchange.handle_timeout(1)
event = exchange.next_event()
print(json.dumps({
    "modules": modules - before,
    "exchange": base - modules,
    "receiving": peak - base,
    "bytes": 0 if event is None else len(event.octets),
}))
"""


def figures(size: int, folder: Path, heap: str) -> dict[str, int]:
    source = Source(1, DTAG, octets_of(b"object", size), RADIO_LINK.mtu)
    while not source.step():
        pass
    shape = source.shape
    frames = [
        source.frame(i) for i in (0, *range(shape.shards - shape.count + 1, shape.shards + 1))
    ]
    data, program = folder / "frames", folder / "program.py"
    data.write_bytes(b"".join(len(frame).to_bytes(2, "big") + frame for frame in frames))
    program.write_text(PROGRAM)
    done = subprocess.run(
        [str(image("unix32")), "-X", f"heapsize={heap}", str(program), str(data)],
        env={"MICROPYPATH": ".frozen"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    print(size, heap, found)
    return dict(found)


@pytest.mark.parametrize(("size", "most"), [(EPOCH_BYTES, 5_000), (CREDENTIAL_BYTES, 8_500)])
def test_an_object_costs_little_more_than_its_length(size: int, most: int, tmp_path: Path) -> None:
    found = figures(size, tmp_path, "128K")
    assert found["bytes"] == size
    assert size < found["receiving"] < most
    assert found["exchange"] < 1_200
    assert found["modules"] < 18_000


def test_decoding_needs_no_room_for_its_garbage(tmp_path: Path) -> None:
    assert figures(CREDENTIAL_BYTES, tmp_path, "48K")["bytes"] == CREDENTIAL_BYTES
