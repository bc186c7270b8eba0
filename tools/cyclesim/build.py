# SPDX-License-Identifier: MIT OR Apache-2.0
"""Cross-compile C for the model: one static image, nothing linked that is not called."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from elftools.elf.elffile import ELFFile

from .cores import Core

CODE_BASE = 0x0001_0000
DATA_BASE = 0x2000_0000

LINKER_SCRIPT = f"""\
SECTIONS
{{
    .text {CODE_BASE:#x} : {{ KEEP(*(.text.harness)) *(.text*) *(.rodata*) *(.srodata*) }}
    .ARM.exidx : {{ *(.ARM.exidx*) }}
    .data {DATA_BASE:#x} : {{ *(.data*) *(.sdata*) }}
    .bss (NOLOAD) : {{ *(.bss*) *(.sbss*) *(COMMON) }}
    /DISCARD/ : {{ *(.eh_frame*) *(.comment) *(.ARM.attributes) *(.riscv.attributes) *(.note*) }}
}}
"""


def build(
    sources: Sequence[Path],
    core: Core,
    *,
    options: Sequence[str],
    output_dir: Path,
    entries: Sequence[str],
) -> Path:
    """Compile and link ``sources``; return the path of the ELF image.

    ``entries`` are the functions that stay in the image, with all they call.

    :raises subprocess.CalledProcessError: the compiler refused; its output is on stderr
    """
    output_dir.mkdir(parents=True, exist_ok=True)
    objects = []
    for source in sources:
        target = output_dir / f"{source.stem}.o"
        command = [core.compiler, *core.flags, *options, "-std=c11", "-ffunction-sections"]
        _run([*command, "-fdata-sections", "-c", str(source), "-o", str(target)])
        objects.append(str(target))
    script = output_dir / "image.ld"
    script.write_text(LINKER_SCRIPT)
    image = output_dir / "image.elf"
    link = [
        core.compiler,
        *core.flags,
        "-nostartfiles",
        "-Wl,--gc-sections",
        "-Wl,-T",
        str(script),
    ]
    keep = [f"-Wl,-u,{name}" for name in entries]
    _run([*link, f"-Wl,-e,{entries[0]}", *keep, *objects, "-o", str(image)])
    return image


def section_sizes(objects: Sequence[Path]) -> dict[str, int]:
    """Bytes of ``code`` (with constants), ``data`` and ``bss`` in object files or images."""
    sizes = {"code": 0, "data": 0, "bss": 0}
    for path in objects:
        with path.open("rb") as file:
            for section in ELFFile(file).iter_sections():
                flags = section["sh_flags"]
                allocated, writable = flags & 2, flags & 1
                if not allocated or section.name.startswith(".ARM"):
                    continue
                if section["sh_type"] == "SHT_NOBITS":
                    sizes["bss"] += section["sh_size"]
                else:
                    sizes["data" if writable else "code"] += section["sh_size"]
    return sizes


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True)
