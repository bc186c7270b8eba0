# SPDX-License-Identifier: MIT OR Apache-2.0
"""How large an image is: flash and static RAM, as the toolchain's `size` counts them."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tools.firmware.errors import FirmwareError
from tools.firmware.targets import Target


@dataclass(frozen=True)
class ImageSize:
    """Bytes of an image. Static RAM holds the Python heap and the C stack on board images."""

    code_bytes: int  # code and constants
    data_bytes: int  # initialised variables: in flash and in RAM
    zero_bytes: int  # variables that start as zero

    @property
    def flash_bytes(self) -> int:
        """What the image takes of the flash."""
        return self.code_bytes + self.data_bytes

    @property
    def ram_bytes(self) -> int:
        """What it takes of the RAM before the first line of Python runs."""
        return self.data_bytes + self.zero_bytes


def parse(output: str) -> ImageSize:
    """Read the Berkeley format of `size` for one file. Raises FirmwareError."""
    lines = output.splitlines()
    fields = lines[-1].split() if len(lines) == 2 else []
    if len(fields) < 4 or not all(field.isdigit() for field in fields[:3]):
        raise FirmwareError(f"unexpected output of size: {output!r}")
    return ImageSize(*(int(field) for field in fields[:3]))


def measure(target: Target, image: Path) -> ImageSize:
    """Size of a built image. `size` reads ELF files; a UF2 file has its ELF file beside it.

    A native module lies on the flash as a file and, while it is loaded, in RAM as a whole.
    """
    if image.suffix == ".mpy":
        return ImageSize(code_bytes=0, data_bytes=image.stat().st_size, zero_bytes=0)
    elf = image.with_suffix(".elf")
    command = [target.size_program, str(elf if elf.is_file() else image)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise FirmwareError(f"{command[0]} failed: {done.stderr.strip()}")
    return parse(done.stdout)
