# SPDX-License-Identifier: MIT OR Apache-2.0
"""The emulator's life as seen from outside: a stand-in program plays QEMU here."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tools.firmware import qemu
from tools.firmware.errors import FirmwareError
from tools.firmware.repl import BoardGone

STAND_IN = """\
#!{python}
import socket, sys, time
arguments = sys.argv[1:]
if "broken.elf" in " ".join(arguments):
    sys.exit("could not load kernel")
link = next(a for a in arguments if a.startswith("unix:")).split(":")[1].split(",")[0]
server = socket.socket(socket.AF_UNIX)
server.bind(link)
server.listen()
fd = int(next(a for a in arguments if a.startswith("socket,id=repl")).split("=")[-1])
repl = socket.socket(fileno=fd)
repl.sendall((" ".join(arguments) + "\\n").encode())
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "qemu-system-arm"
    program.parent.mkdir()
    program.write_text(STAND_IN.format(python=sys.executable), encoding="ascii")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class TestLife:
    async def test_the_emulator_ends_with_the_block(self) -> None:
        async with qemu.QemuBoard(Path("fw.elf")) as board:
            assert board.running
            pid = board.pid
            folder = Path(board.link_address).parent
        assert not alive(pid)
        assert not folder.exists()

    async def test_it_ends_when_the_test_raises(self) -> None:
        async def failing() -> None:
            async with qemu.QemuBoard(Path("fw.elf")) as board:
                pids.append(board.pid)
                raise ZeroDivisionError

        pids: list[int] = []
        with pytest.raises(ZeroDivisionError):
            await failing()
        assert not alive(pids[0])

    async def test_it_ends_when_the_task_is_cancelled(self) -> None:
        started: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def hold() -> None:
            async with qemu.QemuBoard(Path("fw.elf")) as board:
                started.set_result(board.pid)
                await asyncio.sleep(60)

        task = asyncio.create_task(hold())
        pid = await started
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not alive(pid)

    async def test_a_pulled_cable_and_power_again(self) -> None:
        async with qemu.QemuBoard(Path("fw.elf")) as board:
            first, address = board.pid, board.link_address
            await board.kill()
            assert board.exit_status == -9
            with pytest.raises(BoardGone):
                _ = board.repl
            await board.restart()
            assert board.running
            assert board.pid != first
            assert board.link_address == address

    async def test_an_emulator_that_does_not_start_says_why(self) -> None:
        with pytest.raises(FirmwareError, match="could not load kernel"):
            async with qemu.QemuBoard(Path("broken.elf")):
                pass


class TestCommand:
    async def command(self, **options: object) -> str:
        async with qemu.QemuBoard(Path("fw.elf"), **options) as board:  # type: ignore[arg-type]
            return await board.repl.read_line()

    async def test_machine_image_and_identity_reach_it(self) -> None:
        line = await self.command(machine="mps2-an500", board_id="b7")
        assert "-machine mps2-an500" in line
        assert "-kernel fw.elf" in line
        assert "arg=id=b7" in line
        assert "icount" not in line

    async def test_icount_is_asked_for(self) -> None:
        assert "-icount shift=5" in await self.command(icount=5)

    async def test_a_missing_flash_is_made_blank_and_an_old_one_kept(self, tmp_path: Path) -> None:
        flash = tmp_path / "new" / "flash.img"
        assert f"arg=flash={flash}" in await self.command(flash=flash)
        assert flash.read_bytes() == b"\xff" * qemu.FLASH_BYTES
        flash.write_bytes(b"identity" * 512)
        await self.command(flash=flash)
        assert flash.read_bytes() == b"identity" * 512

    @pytest.mark.parametrize("board_id", ["", "a b", "a,b", "x" * 17])
    def test_an_identity_that_would_break_the_command_is_refused(self, board_id: str) -> None:
        with pytest.raises(ValueError, match="board_id"):
            qemu.QemuBoard(Path("fw.elf"), board_id=board_id)

    def test_a_flash_path_that_would_break_the_command_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(FirmwareError, match="spaces or commas"):
            qemu.QemuBoard(Path("fw.elf"), flash=tmp_path / "a b")

    def test_a_flash_path_too_long_for_the_firmware_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(FirmwareError, match="255 bytes"):
            qemu.QemuBoard(Path("fw.elf"), flash=tmp_path / ("x" * 250))

    async def test_counting_needs_icount(self) -> None:
        async with qemu.QemuBoard(Path("fw.elf")) as board:
            with pytest.raises(ValueError, match="icount"):
                await board.count_instructions("pass")
