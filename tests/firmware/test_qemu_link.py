# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rung L3: the data link on UART1 carries every byte, in bursts, at a baud rate, after a reset."""

import asyncio
import hashlib
import random
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from support.firmware_images import image
from tools.firmware.medium import SerialMedium
from tools.firmware.qemu import QemuBoard
from tools.firmware.repl import BoardError

pytestmark = [pytest.mark.firmware, pytest.mark.timeout(300)]

# An asyncio echo, with a task beside it that shows whether the loop keeps turning.
ECHO = """
import machine, asyncio
async def tick():
    global ticks
    while True:
        await asyncio.sleep_ms(10)
        ticks += 1
async def main(total):
    uart = machine.UART(1, 115200)
    reader, writer = asyncio.StreamReader(uart), asyncio.StreamWriter(uart, {})
    task = asyncio.create_task(tick())
    print('ready')
    done = 0
    while done < total:
        data = await reader.read(512)
        writer.write(data)
        await writer.drain()
        done += len(data)
    await asyncio.sleep_ms(50)
    task.cancel()
    print('echoed', done, ticks)
ticks = 0
asyncio.run(main(%d))
"""


@pytest_asyncio.fixture
async def board() -> AsyncIterator[QemuBoard]:
    async with QemuBoard(image("qemu-an386")) as running:
        yield running


async def echo(board: QemuBoard, address: str, data: bytes, timeout_s: float = 60) -> int:
    """Send `data` at once, check that it comes back; returns the ticks of the other task."""
    await board.repl.start(ECHO % len(data))
    await board.repl.wait_for("ready")
    reader, writer = await asyncio.open_unix_connection(address)
    sending = asyncio.create_task(_send(writer, data))
    assert await asyncio.wait_for(reader.readexactly(len(data)), timeout_s) == data
    await sending
    line = await board.repl.wait_for("echoed")
    writer.close()
    _, done, ticks = line.split()
    assert int(done) == len(data)
    return int(ticks)


async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


class TestEcho:
    async def test_a_burst_far_larger_than_the_ring_arrives_whole(self, board: QemuBoard) -> None:
        assert await echo(board, board.link_address, noise(60_000)) > 0

    async def test_every_byte_value_passes(self, board: QemuBoard) -> None:
        # 0x03 is Ctrl-C on the REPL's UART, and must be data here.
        await echo(board, board.link_address, bytes(range(256)) * 3)

    async def test_bytes_sent_before_the_uart_is_opened_are_not_lost(
        self, board: QemuBoard
    ) -> None:
        _, writer = await asyncio.open_unix_connection(board.link_address)
        writer.write(b"early")
        await writer.drain()
        await asyncio.sleep(0.2)
        printed = await board.repl.exec(
            "import machine, time\nu = machine.UART(1, 115200, timeout=5000, timeout_char=1000)\n"
            "print(u.read(5))"
        )
        assert printed == "b'early'"
        writer.close()

    async def test_a_busy_board_holds_the_sender_back_and_loses_nothing(
        self, board: QemuBoard
    ) -> None:
        data = noise(40_000)
        await board.repl.start(
            "import machine, time, hashlib\nu = machine.UART(1, 115200)\nprint('ready')\n"
            "while not u.any(): pass\n"
            "time.sleep_ms(500)\n"  # as long as a signature; four times the ring arrives
            "h = hashlib.sha256(); n = 0\n"
            f"while n < {len(data)}:\n d = u.read(512)\n if d: h.update(d); n += len(d)\n"
            "print('digest', h.digest().hex())"
        )
        await board.repl.wait_for("ready")
        _, writer = await asyncio.open_unix_connection(board.link_address)
        await _send(writer, data)
        line = await board.repl.wait_for("digest", timeout_s=60)
        assert line.split()[1] == hashlib.sha256(data).hexdigest()
        writer.close()


class TestStream:
    async def test_reads_and_writes_never_block_by_default(self, board: QemuBoard) -> None:
        printed = await board.repl.exec(
            "import machine, time\nu = machine.UART(1)\nb = bytearray(64)\nt = time.ticks_ms()\n"
            "print(u.read(10), u.readinto(b), u.any())\n"
            "print(time.ticks_diff(time.ticks_ms(), t) < 2000)"
        )
        assert printed == "None None 0\nTrue"

    async def test_timeouts_are_kept(self, board: QemuBoard) -> None:
        printed = await board.repl.exec(
            "import machine, time\nu = machine.UART(1, timeout=120)\nt = time.ticks_ms()\n"
            "u.read(1)\nprint(time.ticks_diff(time.ticks_ms(), t))"
        )
        assert 120 <= int(printed) < 10_000

    async def test_poll_tells_readable_and_writable(self, board: QemuBoard) -> None:
        _, writer = await asyncio.open_unix_connection(board.link_address)
        printed = await board.repl.exec(
            "import machine, select\nu = machine.UART(1)\np = select.poll()\n"
            "p.register(u, select.POLLIN | select.POLLOUT)\n"
            "print(p.poll(100)[0][1] == select.POLLOUT)"
        )
        assert printed == "True"
        await _send(writer, b"x")
        printed = await board.repl.exec(
            "p.modify(u, select.POLLIN)\nprint(p.poll(20_000)[0][1] == select.POLLIN, u.read())"
        )
        assert printed == "True b'x'"
        writer.close()

    async def test_a_full_ring_takes_no_more_and_says_so(self, board: QemuBoard) -> None:
        reader, writer = await asyncio.open_unix_connection(board.link_address)
        writer.transport.pause_reading()
        printed = await board.repl.exec(
            "import machine\nu = machine.UART(1)\nn = 0\nwhile n < 2_000_000:\n"
            " m = u.write(bytes(1024))\n if not m: break\n n += m\nprint(n, u.txdone())"
        )
        sent, done = printed.split()
        assert int(sent) < 2_000_000
        assert done == "False"
        writer.transport.resume_reading()
        assert len(await asyncio.wait_for(reader.readexactly(int(sent)), 60)) == int(sent)
        assert await board.repl.exec("u.flush()\nprint(u.txdone())") == "True"
        writer.close()

    @pytest.mark.parametrize(
        ("call", "complaint"),
        [
            ("UART(0)", "UART must be 1 to 4"),
            ("UART(5)", "UART must be 1 to 4"),
            ("UART(1, bits=7)", "this UART knows 8 bits"),
            ("UART(1, parity=1)", "this UART knows 8 bits"),
            ("UART(1, baudrate=0)", "baudrate"),
            ("UART(1, baudrate=10_000_000)", "baudrate"),
            ("UART(1, rxbuf=0)", "rxbuf must be 1 to 8192"),
            ("UART(1, txbuf=100_000)", "txbuf must be 0 to 2048"),
        ],
    )
    async def test_what_the_uart_cannot_do_is_refused(
        self, board: QemuBoard, call: str, complaint: str
    ) -> None:
        with pytest.raises(BoardError, match=f"ValueError: {complaint}"):
            await board.repl.exec(f"import machine\nmachine.{call}")


class TestMedium:
    async def test_the_cable_sets_the_pace(self, board: QemuBoard) -> None:
        data = noise(4000)
        async with SerialMedium(board.link_address, baud=57600) as medium:
            started = time.monotonic()
            await echo(board, medium.address, data)
            elapsed = time.monotonic() - started
            assert medium.to_board.bytes_passed == len(data)
            assert medium.from_board.bytes_passed == len(data)
        assert elapsed >= len(data) * 10 / 57600

    async def test_a_cut_cable_can_be_plugged_in_again(self, board: QemuBoard) -> None:
        async with SerialMedium(board.link_address) as medium:
            medium.to_board.cut_after(300)
            await board.repl.start(ECHO % 300)
            await board.repl.wait_for("ready")
            reader, writer = await asyncio.open_unix_connection(medium.address)
            await _send(writer, bytes(1000))
            await asyncio.wait_for(reader.read(), 30)  # until the cable closes it
            writer.close()
            await board.repl.wait_for("echoed 300")
            medium.restore()
            await echo(board, medium.address, noise(500))
