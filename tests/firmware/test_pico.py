# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rung L4: the very file a user flashes on a Raspberry Pi Pico boots, talks and computes.

The chip is emulated (rp2040js). Nothing here says anything about timing, radio or the
quality of randomness on hardware.
"""

import asyncio
import contextlib
import math
import os
import re
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from support import pqc_answers
from tools.firmware import builder
from tools.firmware.errors import MissingTool
from tools.firmware.repl import BoardError, BoardGone
from tools.pico import install
from tools.pico.emulator import STATUS_POWER_CUT, STATUS_STOPPED, PicoBoard

pytestmark = [
    pytest.mark.firmware,
    pytest.mark.pico,
    pytest.mark.timeout(300, func_only=True),  # a fixture may have to build the firmware
]

PQC_TIMEOUT_S = 120  # a signature takes under a second; a loaded machine gets its time
PATTERN = bytes(range(256))


@pytest.fixture(scope="session")
def image() -> Path:
    """firmware.uf2; built when missing, which takes about a minute."""
    try:
        return builder.build("pico")
    except MissingTool as problem:
        pytest.skip(str(problem))


@pytest.fixture(scope="session")
def bootstub() -> Path:
    try:
        return builder.build("pico-bootstub")
    except MissingTool as problem:
        pytest.skip(str(problem))


@pytest.fixture
def flash(tmp_path: Path) -> Path:
    return tmp_path / "flash.bin"


@pytest_asyncio.fixture
async def board(image: Path, bootstub: Path, flash: Path) -> AsyncIterator[PicoBoard]:
    async with PicoBoard(image, bootstub=bootstub, flash=flash) as running:
        yield running


async def test_the_file_is_the_pico_build_of_micropython(board: PicoBoard) -> None:
    described = await board.repl.exec("import os; print(os.uname())")
    assert "Raspberry Pi Pico with RP2040" in described
    assert re.search(r"release='1\.2\d\.\d+'", described)


async def test_the_packages_are_frozen(board: PicoBoard) -> None:
    printed = await board.repl.exec(
        "import os, pqmesh, pqmesh_node, pqc\nprint(os.listdir('/'), pqmesh.__file__)"
    )
    assert printed == "[] pqmesh/__init__.py"


# ---- the C module, on the instruction set of a Cortex-M0+ ----


async def test_every_primitive_has_a_known_answer_here(board: PicoBoard) -> None:
    names = await board.repl.exec(
        "import pqc\nprint([n for n in dir(pqc) if n[0] != '_' and callable(getattr(pqc, n))])"
    )
    offered = set(re.findall(r"'(\w+)'", names))
    assert offered >= pqc_answers.CONTRACT
    answered = {answer.function for answer in pqc_answers.ALL}
    assert pqc_answers.CONTRACT - answered == {"set_workspace"}


@pytest.mark.parametrize("answer", pqc_answers.ALL, ids=lambda answer: answer.name)
async def test_known_answer(board: PicoBoard, answer: pqc_answers.Answer) -> None:
    printed = await board.repl.exec(answer.program(), PQC_TIMEOUT_S)
    assert printed == answer.expected


@pytest.mark.parametrize(
    "call",
    [
        "pqc.kem_keypair(bytes(63), bytearray(1184))",
        "pqc.kem_encapsulate(b'\\xff' * 1184, bytes(32), bytearray(1088), bytearray(32))",
        "pqc.dsa_sign(bytes(32), b'', bytes(256), bytes(32), bytearray(3309))",
        "pqc.ccm_seal(bytes(32), bytes(12), b'', b'', 8, bytearray(8))",
    ],
    ids=["short seed", "malformed key", "long context", "short nonce"],
)
async def test_bad_input_is_refused(board: PicoBoard, call: str) -> None:
    with pytest.raises(BoardError, match="ValueError"):
        await board.repl.exec(f"import pqc\n{call}", PQC_TIMEOUT_S)


# ---- flash ----


async def test_files_survive_a_pulled_plug(board: PicoBoard) -> None:
    await board.repl.exec("with open('note', 'w') as f: f.write('kept')")
    await board.kill()
    await board.restart()
    assert await board.repl.exec("print(open('note').read())") == "kept"


async def test_files_survive_a_reset_by_the_firmware(board: PicoBoard) -> None:
    await board.repl.exec("import machine\nmark = 1\nwith open('note', 'w') as f: f.write('kept')")
    with pytest.raises(BoardError):
        await board.repl.exec("machine.reset()", 2)
    await board.repl.interrupt()
    printed = await board.repl.exec("print('mark' in globals(), open('note').read())")
    assert printed == "False kept"


@pytest.mark.parametrize("operations", range(1, 8))
async def test_a_power_cut_while_writing_leaves_the_old_or_the_new(
    board: PicoBoard, operations: int
) -> None:
    """Every cut lies inside a flash operation; LittleFS must then show one whole version."""
    replace = (
        "import os\n"
        "def replace(octet):\n"
        "    with open('new', 'wb') as f: f.write(octet * 3000)\n"
        "    os.rename('new', 'record')\n"
    )
    await board.repl.exec(replace + "replace(b'1')")
    board.power_cut_after = operations
    await board.restart()
    with pytest.raises(BoardGone):
        await board.repl.exec(replace + "while True: replace(b'2')", 60)
    assert await board.wait_exit() == STATUS_POWER_CUT
    board.power_cut_after = None
    await board.restart()
    printed = await board.repl.exec("d = open('record', 'rb').read()\nprint(len(d), set(d))")
    assert printed in ("3000 {49}", "3000 {50}")


async def test_an_unwritten_chip_is_formatted_and_a_foreign_file_refused(
    image: Path, bootstub: Path, tmp_path: Path
) -> None:
    foreign = tmp_path / "flash.bin"
    foreign.write_bytes(b"not a flash")
    with pytest.raises(Exception, match="11 bytes"):
        async with PicoBoard(image, bootstub=bootstub, flash=foreign):
            pass
    assert foreign.read_bytes() == b"not a flash"


# ---- UART1, the data link ----

ECHO = """
import time
from machine import UART, Pin
u = UART(1, 115200, tx=Pin(4), rx=Pin(5), rxbuf=512, txbuf=512)
def echo(n):
    print('ready')
    done = 0
    while done < n:
        chunk = u.read()
        if chunk:
            if not done:
                start = time.ticks_ms()
            u.write(chunk)
            done += len(chunk)
    u.flush()
    print('done', time.ticks_diff(time.ticks_ms(), start))
"""


async def test_the_data_link_echoes_at_the_baud_rate(board: PicoBoard) -> None:
    data = PATTERN * 8
    await board.repl.start(f"{ECHO}\necho({len(data)})")
    await board.repl.wait_for("ready")
    reader, writer = await asyncio.open_unix_connection(board.link_address)
    writer.write(data)
    async with asyncio.timeout(60):
        assert await reader.readexactly(len(data)) == data
    writer.close()
    elapsed_ms = int((await board.repl.wait_for("done")).split()[1])
    line_ms = len(data) * 10 * 1000 / 115200
    assert 0.9 * line_ms < elapsed_ms < 2 * line_ms


async def test_the_link_serves_again_after_the_board_returns(board: PicoBoard) -> None:
    reader, _ = await asyncio.open_unix_connection(board.link_address)
    await board.kill()
    with contextlib.suppress(ConnectionResetError):  # nobody says goodbye when the plug is pulled
        assert await reader.read() == b""
    await board.restart()
    await board.repl.start(f"{ECHO}\necho(4)")
    await board.repl.wait_for("ready")
    reader, writer = await asyncio.open_unix_connection(board.link_address)
    writer.write(b"back")
    async with asyncio.timeout(30):
        assert await reader.readexactly(4) == b"back"
    writer.close()


# ---- what stands in for the chip ----


async def test_randomness_differs_between_draws_and_boots(board: PicoBoard) -> None:
    """The host's bits: shows that they arrive, and says nothing about a chip's."""
    draw = "import os; print(os.urandom(16).hex(), os.urandom(16).hex())"
    drawn = (await board.repl.exec(draw)).split()
    await board.restart()
    drawn += (await board.repl.exec(draw)).split()
    assert len(set(drawn)) == 4


async def test_a_driven_pin_reads_back(board: PicoBoard) -> None:
    printed = await board.repl.exec(
        "from machine import Pin\n"
        "p = Pin('LED', Pin.OUT, value=0)\n"
        "for v in (0, 1, 0): p(v); print(p())\n"
        "print(Pin(10, Pin.IN, Pin.PULL_UP)(), Pin(11, Pin.IN, Pin.PULL_DOWN)())"
    )
    assert printed.split() == ["0", "1", "0", "1", "0"]


def cpu_seconds(pid: int) -> float:
    """What a process has used so far (proc_pid_stat(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def test_a_waiting_board_keeps_time_and_leaves_the_host_alone(board: PicoBoard) -> None:
    waiting = "t = time.ticks_ms()\nasyncio.run(wait())\n"
    await board.repl.exec("import asyncio, time\nasync def wait(): await asyncio.sleep(2)")
    spent, started = cpu_seconds(board.pid), time.monotonic()
    printed = await board.repl.exec(waiting + "print(time.ticks_diff(time.ticks_ms(), t))")
    spent, elapsed = cpu_seconds(board.pid) - spent, time.monotonic() - started
    assert 2000 <= int(printed) < 2200
    assert elapsed > 1.9
    assert spent < 1


FUNCTIONS = [
    ("sin", (0.0, 1.0, -2.5, 100.0)),
    ("cos", (0.0, 1.0, -2.5, 100.0)),
    ("tan", (0.5, -1.25)),
    ("exp", (-80.0, -1.0, 0.0, 1.0, 80.0)),
    ("log", (1e-30, 0.5, 1.0, 3.0, 1e30)),
    ("sqrt", (0.0, 2.0, 1e30)),
    ("atan", (-1e9, -0.3, 0.0, 0.3, 2.0)),
]


async def test_the_boot_stub_computes_like_the_host(board: PicoBoard) -> None:
    for name, arguments in FUNCTIONS:
        printed = await board.repl.exec(
            f"import math\nfor x in {arguments!r}: print('%.9g' % math.{name}(x))"
        )
        for argument, text in zip(arguments, printed.splitlines(), strict=True):
            wanted = getattr(math, name)(argument)
            assert math.isclose(float(text), wanted, rel_tol=4e-7, abs_tol=1e-7), (name, argument)


async def test_what_the_boot_stub_lacks_stops_the_machine_with_a_reason(board: PicoBoard) -> None:
    with pytest.raises(BoardGone):
        await board.repl.exec("import machine; machine.bootloader()")
    assert await board.wait_exit() == STATUS_STOPPED
    assert "USB boot loader" in board.stop_reason


@pytest.fixture
def damaged(image: Path, tmp_path: Path) -> Path:
    """The image with one bit of boot stage 2 turned over; that stage carries a checksum."""
    content = bytearray(image.read_bytes())
    content[32 + 100] ^= 1
    path = tmp_path / "damaged.uf2"
    path.write_bytes(content)
    return path


async def test_a_damaged_image_does_not_boot(damaged: Path, bootstub: Path) -> None:
    async with PicoBoard(damaged, bootstub=bootstub) as board:
        assert await board.wait_exit() == STATUS_STOPPED
        assert "checksum" in board.stop_reason


# ---- the Pico 2: built, never booted ----


@pytest.fixture
def pico2_image() -> Path:
    try:
        return builder.build("pico2")
    except MissingTool as problem:
        pytest.skip(str(problem))


def test_the_pico_2_file_is_whole_and_for_its_chip(pico2_image: Path) -> None:
    content = pico2_image.read_bytes()
    count = len(content) // 512
    for number in range(count):
        words = struct.unpack_from("<8I", content, number * 512)
        assert words[:2] == (0x0A324655, 0x9E5D5157)
        assert words[3] == 0x10000000 + number * 256
        assert words[5:] == (number, count, 0xE48BFF59)  # RP2350, Arm, secure: boot/uf2.h
    assert b"pqmesh_node" in content


# ---- the tool that users deploy with ----


def test_mpremote_copies_files_and_runs_code(image: Path, bootstub: Path, tmp_path: Path) -> None:
    (tmp_path / "greeting.py").write_text("print('hello from a file')\n")
    command = ["node", str(install.ensure()), "--image", str(image), "--bootstub", str(bootstub)]
    command += ["--repl", "tcp:127.0.0.1:0", "--link", "tcp:127.0.0.1:0"]
    with subprocess.Popen(
        [*command, "--until-stdin-closes"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as runner:
        assert runner.stdout is not None
        port = re.search(rb'"repl":"tcp:[^"]*:(\d+)"', runner.stdout.readline())
        assert port is not None
        mpremote = [sys.executable, "-m", "mpremote"]
        mpremote += ["connect", f"socket://127.0.0.1:{int(port[1])}"]
        words = ["fs", "cp", str(tmp_path / "greeting.py"), ":", "+", "exec", "import greeting"]
        done = subprocess.run(
            [*mpremote, *words], capture_output=True, text=True, timeout=120, check=False
        )
        runner.communicate()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "hello from a file" in done.stdout
