# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rung L3: what is on the flash survives the cable being pulled; what is damaged is not erased."""

import asyncio
from pathlib import Path

import littlefs
import pytest

from support.firmware_images import image
from tools.firmware.qemu import FLASH_BYTES, QemuBoard
from tools.firmware.repl import BoardError

pytestmark = [pytest.mark.firmware, pytest.mark.timeout(300)]

BLOCK_BYTES = 4096
VAULT_BLOCKS = 2
WRITE = "f = open({name!r}, 'wb'); f.write({data!r}); f.close()"


def board(flash: Path | None) -> QemuBoard:
    return QemuBoard(image("qemu-an386"), flash=flash)


@pytest.fixture
def flash(tmp_path: Path) -> Path:
    return tmp_path / "flash.img"


def read(path: Path) -> bytes:
    return path.read_bytes()


def write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def times_opened(path: Path, pid: int) -> int:
    """How often the process has the file open."""
    return [link.resolve() for link in Path(f"/proc/{pid}/fd").iterdir()].count(path.resolve())


class TestSurvival:
    async def test_a_closed_file_survives_sigkill(self, flash: Path) -> None:
        async with board(flash) as running:
            await running.repl.exec(WRITE.format(name="/identity", data=b"\x01\x02" * 500))
            await running.kill()
            await running.restart()
            printed = await running.repl.exec(
                "print(open('/identity', 'rb').read() == b'\\1\\2' * 500)"
            )
            assert printed == "True"

    async def test_it_survives_resets_without_leaking_the_host_s_file(self, flash: Path) -> None:
        async with board(flash) as running:
            await running.repl.exec(WRITE.format(name="/n", data=b"0"))
            for count in range(1, 4):
                await running.repl.start(
                    f"f = open('/n', 'wb'); f.write(b'{count}'); f.close()\n"
                    "import machine; machine.reset()"
                )
                await running.repl.wait_for("MicroPython v1.")
                assert await running.repl.exec("print(open('/n').read())") == str(count)
            assert times_opened(flash, running.pid) == 1

    @pytest.mark.parametrize("seed", range(3))
    async def test_a_cable_pulled_while_writing_leaves_old_or_new(
        self, flash: Path, seed: int
    ) -> None:
        """LittleFS replaces a file in one step: a record is never half of one and half another."""
        async with board(flash) as running:
            await running.repl.exec(WRITE.format(name="/r", data=b"0" * 600))
            await running.repl.start(
                "n = 0\nwhile True:\n n += 1\n f = open('/r', 'wb')\n"
                " f.write(b'%d' % (n % 10) * 600); f.close()\n if n == 1: print('writing')"
            )
            await running.repl.wait_for("writing")
            await asyncio.sleep(0.1 + 0.037 * seed)
            await running.kill()
            await running.restart()
            printed = await running.repl.exec("d = open('/r').read(); print(len(d), len(set(d)))")
            assert printed == "600 1"

    async def test_another_littlefs_reads_it(self, flash: Path) -> None:
        async with board(flash) as running:
            await running.repl.exec(
                "import os\nos.mkdir('/state')\n"
                + WRITE.format(name="/state/slot", data=b"record")
            )
        context = littlefs.LittleFS(
            block_size=BLOCK_BYTES,
            block_count=FLASH_BYTES // BLOCK_BYTES - VAULT_BLOCKS,
            mount=False,
        )
        context.context.buffer = bytearray(read(flash))
        context.mount()
        with context.open("/state/slot", "rb") as file:
            assert file.read() == b"record"

    async def test_without_a_flash_file_the_board_starts_empty(self) -> None:
        async with board(None) as running:
            await running.repl.exec(WRITE.format(name="/x", data=b"gone soon"))
            await running.restart()
            assert await running.repl.exec("import os; print('x' in os.listdir('/'))") == "False"


class TestDamage:
    async def test_a_damaged_file_system_is_left_for_rescue(self, flash: Path) -> None:
        async with board(flash) as running:
            # Too large to be kept inside the blocks that are damaged below.
            await running.repl.exec(WRITE.format(name="/identity", data=b"precious" * 300))
        damaged = bytearray(read(flash))
        for block in (0, 1):  # both copies of the superblock, but for the magic word
            start = block * BLOCK_BYTES + 16
            damaged[start : start + 200] = b"\x00" * 200
        write(flash, damaged)
        async with board(flash) as running:
            await running.repl.wait_for("flash not mounted")
            await running.repl.exec("pass")
        assert b"precious" * 300 in read(flash)

    @pytest.mark.parametrize("size", [0, 1000, BLOCK_BYTES + 1])
    async def test_a_file_of_the_wrong_size_is_named(self, flash: Path, size: int) -> None:
        write(flash, bytes(size))
        async with board(flash) as running:
            line = await running.repl.wait_for("flash not mounted")
            assert "multiple of 4096 bytes" in line

    async def test_a_full_flash_is_an_error_and_keeps_what_is_there(self, flash: Path) -> None:
        write(flash, b"\xff" * (BLOCK_BYTES * 8))
        async with board(flash) as running:
            await running.repl.exec(WRITE.format(name="/a", data=b"kept"))
            with pytest.raises(BoardError, match="OSError"):
                await running.repl.exec(
                    "for i in range(8):\n f = open('/%d' % i, 'wb')\n"
                    " f.write(bytes(4000)); f.close()"
                )
            await running.kill()
            await running.restart()
            assert await running.repl.exec("print(open('/a').read())") == "kept"

    @pytest.mark.parametrize(
        "call",
        [
            "readblocks(256, bytearray(16))",
            "readblocks(255, bytearray(4097))",
            "readblocks(0, bytearray(16), 1 << 20)",
            "readblocks(-1, bytearray(16))",
            "writeblocks(255, bytes(16), 4090)",
            "ioctl(6, 256)",
            "ioctl(6, -1)",
        ],
    )
    async def test_accesses_outside_the_device_are_refused(self, flash: Path, call: str) -> None:
        async with board(flash) as running:
            with pytest.raises(BoardError, match="OSError"):
                await running.repl.exec(f"import qemu\nqemu.Flash().{call}")


class TestParts:
    async def test_the_first_blocks_alone_are_a_device_of_their_own(self, flash: Path) -> None:
        async with board(flash) as running:
            printed = await running.repl.exec(
                "import qemu; f = qemu.Flash(10); print(f.ioctl(4, 0), qemu.Flash().ioctl(4, 0))"
            )
            assert printed == f"10 {FLASH_BYTES // BLOCK_BYTES}"
            for call in ("readblocks(10, bytearray(16))", "ioctl(6, 10)"):
                with pytest.raises(BoardError, match="OSError"):
                    await running.repl.exec(f"f.{call}")
            for count in (0, -1, FLASH_BYTES // BLOCK_BYTES + 1):
                with pytest.raises(BoardError, match="OSError"):
                    await running.repl.exec(f"qemu.Flash({count})")

    async def test_the_file_system_never_touches_the_vaults_blocks(self, flash: Path) -> None:
        async with board(flash) as running:
            printed = await running.repl.exec(
                "import pqmesh_flash; v = pqmesh_flash.vault(); print(v[1])"
            )
            first = int(printed)
            assert first == FLASH_BYTES // BLOCK_BYTES - VAULT_BLOCKS
            await running.repl.exec("v[0].writeblocks(v[1], b'kept', 0)")
            with pytest.raises(BoardError, match="OSError"):
                await running.repl.exec(
                    "f = open('/big', 'wb')\nwhile True:\n f.write(bytes(4096))", 60
                )
        assert read(flash)[first * BLOCK_BYTES :][:4] == b"kept"
        assert set(read(flash)[first * BLOCK_BYTES + 4 :]) == {0xFF}

    async def test_a_flash_formatted_whole_is_mounted_and_has_no_vault(self, flash: Path) -> None:
        whole = littlefs.LittleFS(block_size=BLOCK_BYTES, block_count=FLASH_BYTES // BLOCK_BYTES)
        with whole.open("/old", "wb") as file:
            file.write(b"from another firmware")
        write(flash, bytes(whole.context.buffer))
        async with board(flash) as running:
            printed = await running.repl.exec(
                "import pqmesh_flash; print(pqmesh_flash.vault(), open('/old').read())"
            )
            assert printed == "None from another firmware"


async def test_a_missing_flash_file_is_found_out_at_once(tmp_path: Path) -> None:
    flash = tmp_path / "gone" / "flash.img"
    async with board(flash) as running:
        flash.unlink()
        await running.repl.start("import machine; machine.reset()")
        await running.repl.wait_for("flash not mounted")
