# SPDX-License-Identifier: MIT OR Apache-2.0
"""The command line of the firmware tools. Results go to standard output, progress to error."""

import argparse
import sys
from collections.abc import Sequence

from tools.firmware import pins, sources
from tools.firmware.errors import FirmwareError
from tools.firmware.progress import Progress


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the process's exit status."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except FirmwareError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; nothing was left half done", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m tools.firmware", description=__doc__)
    parser.add_argument("--quiet", action="store_true", help="no progress lines")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("sources", help="fetch pinned sources, print where they lie")
    command.add_argument("name", nargs="*", help="which (default: micropython)")
    command.set_defaults(run=_sources)
    command = commands.add_parser("pins", help="list the pinned sources")
    command.set_defaults(run=_pins)
    return parser


def _sources(options: argparse.Namespace) -> None:
    for name in options.name or ["micropython"]:
        print(sources.fetch(name, Progress(name, options.quiet)))


def _pins(options: argparse.Namespace) -> None:
    for name, candidates in pins.load().candidates.items():
        for pin in candidates:
            print(f"{name:12} {pin.version:20} {pin.suite:8} {len(pin.files)} files")
