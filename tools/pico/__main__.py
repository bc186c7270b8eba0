# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs the Raspberry Pi Pico firmware in the emulator until Ctrl-C: `python3 -m tools.pico`.

Builds what is missing. Then `mpremote connect socket://127.0.0.1:PORT` is a prompt on the board.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from tools.firmware import builder
from tools.firmware.errors import FirmwareError
from tools.pico import install


def main() -> int:
    """Run the emulator; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python3 -m tools.pico", description=__doc__)
    parser.add_argument("--repl", default="tcp:127.0.0.1:0", help="where the USB prompt listens")
    parser.add_argument("--link", default="tcp:127.0.0.1:0", help="where UART1 listens")
    parser.add_argument("--flash", type=Path, help="file that keeps the flash across runs")
    parser.add_argument("--image", type=Path, help="a UF2 file (default: built from this tree)")
    parser.add_argument("--verbose", action="store_true", help="show the emulator's remarks")
    options = parser.parse_args()
    try:
        command = ["node", str(install.ensure())]
        command += ["--image", str(options.image or builder.build("pico"))]
        command += ["--bootstub", str(builder.build("pico-bootstub"))]
    except FirmwareError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    command += ["--repl", options.repl, "--link", options.link]
    command += ["--flash", str(options.flash)] if options.flash else []
    command += ["--verbose"] if options.verbose else []
    try:
        return subprocess.run(command, check=False).returncode
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
