# SPDX-License-Identifier: MIT OR Apache-2.0
"""Cycles, stack and memory traces of cross-compiled C, without a board.

    image = build(sources, CORES["m4"], options=("-O2",), output_dir=path)
    run = Machine(image, CORES["m4"]).call("function", argument, ...)
    run.cycles, run.instructions, run.stack_bytes, run.by_function()

README.md in this folder says how far to trust the figures.
"""

from .build import build, section_sizes
from .cores import CORES, Core
from .machine import Machine, Run, SimulationError

__all__ = ["CORES", "Core", "Machine", "Run", "SimulationError", "build", "section_sizes"]
