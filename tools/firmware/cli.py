# SPDX-License-Identifier: MIT OR Apache-2.0
"""The command line of the firmware tools. Results go to standard output, progress to error."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.firmware import builder, paths, pins, qemu, size, sources, targets, toolchain
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
    for name, run, text in (
        ("build", _build, "build images that are not up to date, print their paths"),
        ("image", _image, "print the path of an image that is up to date, or fail"),
        ("size", _size, "print how much flash and RAM images take; builds what is missing"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("target", nargs="+", metavar="TARGET", help="see `list`")
        command.add_argument(
            "--heap-kb",
            type=int,
            default=targets.DEFAULT_HEAP_KB,
            help="Python heap of board images in KiB (default: %(default)s)",
        )
        command.set_defaults(run=run)
    command = commands.add_parser("run", help="build an image and open its prompt here")
    command.add_argument("target", metavar="TARGET", help="a unix or qemu target")
    command.add_argument("--flash", type=Path, help="file that holds the board's flash")
    command.set_defaults(run=_run)
    command = commands.add_parser("list", help="list the targets")
    command.set_defaults(run=_list)
    command = commands.add_parser("apt-packages", help="Debian packages the targets need")
    command.add_argument("target", nargs="+", metavar="TARGET")
    command.set_defaults(run=_apt_packages)
    return parser


def _build(options: argparse.Namespace) -> None:
    for name in options.target:
        print(builder.build(name, options.heap_kb, Progress(name, options.quiet)), flush=True)


def _image(options: argparse.Namespace) -> None:
    for name in options.target:
        image = builder.find(name, options.heap_kb)
        if image is None:
            raise FirmwareError(
                f"{name} is not built for the present sources",
                f"run: python3 -m tools.firmware build {name}",
            )
        print(image)


def _size(options: argparse.Namespace) -> None:
    print(f"{'target':13} {'flash B':>9} {'static RAM B':>13}")
    for name in options.target:
        image = builder.build(name, options.heap_kb, Progress(name, options.quiet))
        found = size.measure(targets.named(name), image)
        print(f"{name:13} {found.flash_bytes:9} {found.ram_bytes:13}")


def _run(options: argparse.Namespace) -> None:
    target = targets.named(options.target)
    image = builder.build(target.name, progress=Progress(target.name, options.quiet))
    if target.machine:
        toolchain.require(["qemu-system-arm"])
        place = paths.BUILD / "run" / target.name
        flash = options.flash or place / "flash.img"
        link = os.path.relpath(place / "link")  # a socket's name has 107 bytes at most
        # With mon:stdio Ctrl-C goes to the board and QEMU keeps a way out.
        console = ["-serial", "mon:stdio"]
        command = qemu.emulator_command(image, target.machine, console, link, flash=flash)
        place.mkdir(parents=True, exist_ok=True)
        qemu.make_flash(flash)
        print(f"data link (UART1): {link}\nflash: {flash}\nto leave: Ctrl-A, then x")
    elif target.outputs[0] == "micropython":
        command = [str(image)]
    else:
        raise FirmwareError(f"{target.name} cannot be run from here", "give a unix or qemu target")
    sys.stdout.flush()
    os.execvp(command[0], command)  # noqa: S606 - the terminal becomes the board's


def _list(options: argparse.Namespace) -> None:
    for target in targets.TARGETS.values():
        print(f"{target.name:13} {target.summary}")


def _apt_packages(options: argparse.Namespace) -> None:
    print(" ".join(targets.packages_for(options.target)))


def _sources(options: argparse.Namespace) -> None:
    for name in options.name or ["micropython"]:
        print(sources.fetch(name, Progress(name, options.quiet)))


def _pins(options: argparse.Namespace) -> None:
    for name, candidates in pins.load().candidates.items():
        for pin in candidates:
            print(f"{name:12} {pin.version:20} {pin.suite:8} {len(pin.files)} files")
