# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs the demonstration: `python -m tools.demo_lib --board qemu|sim|unix|pico [--keep]`.

Exit status 0 when everything was shown, 1 when something did not come about (and what, and what
to do), 130 after Ctrl-C. Whatever ends it, its processes end with it.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from pathlib import Path

from tools.demo_lib.boards import BOARDS, opened
from tools.demo_lib.story import READINGS, Story
from tools.firmware.errors import FirmwareError

INTERRUPTED = 130


def main() -> int:
    """Parse the command line and run; returns the process's exit status."""
    parser = argparse.ArgumentParser(prog="tools/demo", description="Shows the main job.")
    parser.add_argument("--board", choices=BOARDS, default="qemu", help="which board to run")
    parser.add_argument("--keep", action="store_true", help="keep everything running at the end")
    options = parser.parse_args()
    try:
        return asyncio.run(_run(options.board, options.keep))
    except FirmwareError as problem:
        print(f"\npqmesh demo: FAILED: {problem}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("\npqmesh demo: interrupted; everything was stopped and removed", file=sys.stderr)
        return INTERRUPTED


async def _run(name: str, keep: bool) -> int:
    task = asyncio.current_task()
    if task is not None:
        # As Ctrl-C, which asyncio.run turns into a cancellation by itself.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    began = time.monotonic()
    print(f"pqmesh demo: a board ({name}), its gateway, and a second mesh peer\n", flush=True)
    # Short: unix sockets lie in it, whose names have 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="pqmesh-demo-") as folder:
        async with opened(name, Path(folder) / "board") as board:
            await Story(board, Path(folder), _say).tell(keep)
            rung = board.rung
    print(f"\nShown in {time.monotonic() - began:.1f} s, on rung {rung}:")
    print(f"{READINGS} readings went board > gateway > peer, a command came back and took effect;")
    print(
        "every hop post-quantum, both its ends proved by name. Not shown: radios, real hardware,"
    )
    print("its timing. What each rung can show stands in docs/architecture.md.\n")
    print("Go on:  ./tools/demo --keep          try `pqmesh status`, `listen`, `send` on it")
    print("        ./tools/demo --board sim     other boards: qemu, unix, pico")
    print("        docs/board-guide.md          a board of your own")
    return 0


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
