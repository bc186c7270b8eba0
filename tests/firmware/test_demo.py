# SPDX-License-Identifier: MIT OR Apache-2.0
"""The demonstration is a test: it shows what it says, on each rung, and leaves nothing behind."""

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from support.firmware_images import image

ROOT = Path(__file__).parents[2]
NEEDS = {"sim": (), "unix": ("unix64",), "qemu": ("qemu-an386",), "pico": ("pico",)}

pytestmark = [pytest.mark.firmware, pytest.mark.timeout(600)]


async def start(board: str, *options: str) -> asyncio.subprocess.Process:
    for target in NEEDS[board]:
        image(target)
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tools.demo_lib", "--board", board, *options),
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def descendants(pid: int) -> set[int]:
    """Every process below ``pid``, from /proc."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue  # it has just ended
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.update(below)
        waiting.extend(below)
    return found


@pytest.mark.parametrize(
    "board", ["sim", "unix", "qemu", pytest.param("pico", marks=pytest.mark.pico)]
)
async def test_the_demo_shows_the_main_job(board: str) -> None:
    process = await start(board)
    printed, complaint = await process.communicate()
    shown = printed.decode()
    assert process.returncode == 0, shown + complaint.decode()
    for number in range(1, 6):
        assert re.search(rf"  4  reading {number}: \w+ = [\d,]+ .* B > gateway > quic, ", shown)
    assert shown.count("both sides proved; ") == 2
    assert "command: interval ms=400" in shown
    assert "reply: done, 400 ms" in shown
    gap = re.search(r"puts ([\d,]+) ms between its next two readings, where it was 1,000", shown)
    assert gap is not None
    assert 300 <= int(gap[1].replace(",", "")) <= 900
    assert "have stopped in order" in shown
    assert "Go on:" in shown
    short_ids = set(re.findall(r"\b[0-9a-f]{16}\b", shown))
    assert len(short_ids) == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_interrupting_the_demo_leaves_nothing_running(number: signal.Signals) -> None:
    process = await start("unix", "--keep")
    assert process.stdout is not None
    seen = b""
    async with asyncio.timeout(120):
        while b"Ctrl-C stops it all." not in seen:
            line = await process.stdout.readline()
            assert line, seen
            seen += line
    below = descendants(process.pid)
    assert len(below) >= 3  # board, gateway, peer
    folder = Path(re.search(rb"--config (\S+)/peer/", seen)[1].decode())  # type: ignore[index]
    assert folder.is_dir()
    process.send_signal(number)
    async with asyncio.timeout(30):
        _, complaint = await process.communicate()
    assert process.returncode == 130
    assert b"everything was stopped and removed" in complaint
    assert not folder.exists()
    assert not [pid for pid in below if os.path.exists(f"/proc/{pid}")]


async def test_a_board_that_is_not_built_says_what_to_run(tmp_path: Path) -> None:
    code = (
        "from tools.firmware import builder; builder.find = lambda *a: None\n"
        "import sys; sys.argv[1:] = ['--board', 'unix']\n"
        "from tools.demo_lib.__main__ import main; sys.exit(main())"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code), cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    _, complaint = await process.communicate()
    assert process.returncode == 1
    assert b"unix64 is not built" in complaint
    assert b"run: ./tools/demo" in complaint
