# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rung L1: MicroPython on this machine, with 64-bit words and with a board's 32-bit words."""

import subprocess
from pathlib import Path

import pytest

from support import pqc_answers
from support.firmware_images import image

pytestmark = [pytest.mark.firmware, pytest.mark.timeout(300)]


@pytest.fixture(params=["unix64", "unix32"])
def target(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def micropython(target: str) -> Path:
    return image(target)


def run(micropython: Path, program: str, *options: str) -> str:
    """What the program prints. Nothing but frozen modules can be imported."""
    done = subprocess.run(
        [str(micropython), *options, "-c", program],
        env={"MICROPYPATH": ".frozen"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.rstrip("\n")


def test_words_are_as_wide_as_the_name_says(target: str, micropython: Path) -> None:
    printed = run(micropython, "import sys; print(sys.maxsize)")
    assert int(printed) == 2 ** (int(target[-2:]) - 1) - 1


def test_everything_the_node_imports_is_frozen_or_built_in(micropython: Path) -> None:
    run(micropython, "import asyncio, os, pqc, pqmesh, pqmesh_node, select, socket, vfs")


@pytest.mark.parametrize("answer", pqc_answers.ALL, ids=lambda answer: answer.name)
def test_every_primitive_gives_its_known_answer(
    micropython: Path, answer: pqc_answers.Answer
) -> None:
    assert run(micropython, answer.program()) == answer.expected


def test_a_signature_fits_a_heap_of_64_kib(target: str, micropython: Path) -> None:
    program = """import gc, pqc
pk, sig = bytearray(1952), bytearray(3309)
pqc.dsa_keypair(bytes(32), pk)
pqc.dsa_sign(bytes(32), b'reading', b'', bytes(32), sig)
print(pqc.dsa_verify(pk, b'reading', b'', sig), pqc.dsa_verify(pk, b'forged', b'', sig))"""
    assert run(micropython, program, "-X", "heapsize=64K") == "True False"


def test_the_heap_limit_is_kept(micropython: Path) -> None:
    program = "import gc; gc.collect(); print(gc.mem_free() + gc.mem_alloc())"
    assert int(run(micropython, program, "-X", "heapsize=64K")) < 64 * 1024


def test_urandom_is_not_constant(micropython: Path) -> None:
    program = "import os; print(os.urandom(32).hex())"
    assert run(micropython, program) != run(micropython, program)


def test_asyncio_talks_over_a_unix_socket(micropython: Path, tmp_path: Path) -> None:
    """Links of emulated nodes are sockets: a terminal would block the whole loop."""
    program = """import asyncio, socket
a, b = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), socket.socket(socket.AF_UNIX)
a.bind(PATH); a.listen(1)
async def main():
    b.connect(PATH)
    c = a.accept()[0]
    for s in (b, c): s.setblocking(False)
    reader, writer = asyncio.StreamReader(c), asyncio.StreamWriter(b, {})
    async def ticker():
        global ticks
        while True:
            ticks += 1
            await asyncio.sleep_ms(5)
    task = asyncio.create_task(ticker())
    await asyncio.sleep_ms(30)
    writer.write(b'x' * 5000)
    await writer.drain()
    print(len(await reader.readexactly(5000)), ticks > 2)
ticks = 0
asyncio.run(main())"""
    program = program.replace("PATH", repr(_sockaddr(tmp_path / "s")))
    assert run(micropython, program) == "5000 True"


def _sockaddr(path: Path) -> bytes:
    """MicroPython's unix port takes a raw `struct sockaddr_un` for AF_UNIX."""
    return (1).to_bytes(2, "little") + str(path).encode() + b"\0"


def test_a_poll_function_has_its_turn_within_a_signature(micropython: Path) -> None:
    """Between attempts: what FIPS 204 fixes for this key, message and randomness is six."""
    program = """import gc, pqc
turns = []
def poll():
    turns.append(bytearray(100))  # a board's own work may collect garbage
    gc.collect()
    if len(turns) == 9:
        raise OSError('the watchdog bites')
sig = bytearray(3309)
for workspace in (None, bytearray(pqc.WORKSPACE_BYTES)):
    turns = []
    pqc.set_workspace(workspace)
    pqc.set_poll(poll)
    pqc.dsa_sign(bytes(32), b'reading', b'', bytes(32), sig)
    first = pqc.sha256(sig)
    try:
        pqc.dsa_sign(bytes(32), b'reading', b'', bytes(32), sig)
    except OSError as error:
        print(len(turns), error, any(sig), any(workspace or b''))
    pqc.set_poll(None)
    pqc.dsa_sign(bytes(32), b'reading', b'', bytes(32), sig)
    print(pqc.sha256(sig) == first)
for misuse in (
    lambda: pqc.dsa_keypair(bytes(32), bytearray(1952)),
    lambda: pqc.set_workspace(None),
):
    pqc.set_poll(misuse)
    try:
        pqc.dsa_sign(bytes(32), b'reading', b'', bytes(32), sig)
    except RuntimeError as error:
        print(error)
try:
    pqc.set_poll(7)
except TypeError as error:
    print(error)"""
    assert run(micropython, program).splitlines() == [
        "9 the watchdog bites False False",
        "True",
        "9 the watchdog bites False False",
        "True",
        *["called by its own poll: the workspace is in use"] * 2,
        "poll: must be callable, or None",
    ]
