# SPDX-License-Identifier: MIT OR Apache-2.0
"""The processor cores the model knows: how to compile for each and what an instruction costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import costs

ARM = "arm"
RISCV = "riscv"


@dataclass(frozen=True, kw_only=True)
class Core:
    """One target. ``cost`` turns the instructions of a basic block into cycles."""

    name: str
    family: str
    compiler: str
    """The command of the cross-compiler's gcc."""

    flags: tuple[str, ...]
    cost: Callable[[list[costs.Instruction]], int]
    taken_branch_cycles: int
    """Cycles a conditional or plain branch costs beyond its own when it is taken."""

    calibrated: bool
    """Whether published board measurements agree with the model (README.md)."""


def _arm(
    name: str, cpu: str, table: costs.ArmTable, *, taken: int, calibrated: bool = False
) -> Core:
    return Core(
        name=name,
        family=ARM,
        compiler="arm-none-eabi-gcc",
        flags=(f"-mcpu={cpu}", "-mthumb", "--specs=nano.specs"),
        cost=table.cycles,
        taken_branch_cycles=taken,
        calibrated=calibrated,
    )


CORES: dict[str, Core] = {
    core.name: core
    for core in (
        _arm("m0plus", "cortex-m0plus", costs.CORTEX_M0PLUS, taken=1, calibrated=True),
        _arm("m3", "cortex-m3", costs.CORTEX_M3, taken=2),
        _arm("m4", "cortex-m4", costs.CORTEX_M4, taken=2, calibrated=True),
        _arm("m7", "cortex-m7", costs.INSTRUCTIONS, taken=0),
        Core(
            name="rv32",
            family=RISCV,
            compiler="riscv64-unknown-elf-gcc",
            flags=("-march=rv32imc", "-mabi=ilp32", "--specs=picolibc.specs"),
            cost=costs.rv32_cycles,
            taken_branch_cycles=2,
            calibrated=False,
        ),
    )
}
