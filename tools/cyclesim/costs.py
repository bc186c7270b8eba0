# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the instructions of a basic block cost, from the cores' technical reference manuals.

Zero-wait-state memory throughout. The cost of *taking* a branch is not in here: it
depends on where control goes next, which only the running machine knows.
Sources: Arm DDI 0439 (M4) table 3-1, DDI 0337 (M3) table 3-1, DDI 0484 (M0+) table 3-1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MULTIPLE = re.compile(r"^v?(ldm|stm|push|pop)")
REGISTER_LIST = re.compile(r"\{([^}]*)\}")
_IT = dict.fromkeys(
    ["it", *("it" + a + b + c for a in "te" for b in ("", "t", "e") for c in ("", "t", "e"))], 0
)
REGISTER_NUMBERS = {"sb": 9, "sl": 10, "fp": 11, "ip": 12, "sp": 13, "lr": 14, "pc": 15}


@dataclass(frozen=True)
class Instruction:
    """One disassembled instruction; ``mnemonic`` without width suffix or compression prefix."""

    mnemonic: str
    operands: str


def register_count(operands: str) -> int:
    """How many registers a load- or store-multiple moves."""
    listed = REGISTER_LIST.search(operands)
    if listed is None:
        return 1
    count = 0
    for part in listed.group(1).split(","):
        first, dash, last = part.strip().partition("-")
        count += _number(last) - _number(first) + 1 if dash else 1
    return count


def _number(register: str) -> int:
    known = REGISTER_NUMBERS.get(register)
    return known if known is not None else int(register[1:])


def conditional_access(block: list[Instruction]) -> bool:
    """Whether an IT instruction makes a load or store of this block conditional."""
    left = 0
    for instruction in block:
        name = instruction.mnemonic
        if name in _IT:
            left = len(name) - 1
        elif left:
            left -= 1
            if name.startswith(("ldr", "str", "ldm", "stm", "push", "pop")):
                return True
    return False


@dataclass(frozen=True, kw_only=True)
class ArmTable:
    """Cycles of a simple in-order Cortex-M pipeline.

    Neighbouring single loads and stores overlap on the three-stage cores: the second
    of two costs one cycle less (``pipelined_memory``).
    """

    load: int = 2
    store: int = 1
    pipelined_memory: bool = True
    to_pc: int = 2
    """Extra cycles when a load or pop writes the program counter."""

    special: dict[str, int] = field(default_factory=dict)

    def cycles(self, block: list[Instruction]) -> int:
        total = 0
        after_memory = False
        for instruction in block:
            cycles, is_memory = self._one(instruction, after_memory)
            after_memory = is_memory
            total += cycles
        return total

    def _one(self, instruction: Instruction, after_memory: bool) -> tuple[int, bool]:
        name, operands = instruction.mnemonic, instruction.operands
        known = self.special.get(name)
        if known is not None:
            return known, False
        if MULTIPLE.match(name):
            cycles = 1 + register_count(operands)
            return cycles + (self.to_pc if "pc" in operands else 0), False
        if name.startswith(("ldr", "vldr")):
            cycles = 1 if after_memory and self.pipelined_memory else self.load
            cycles += self.to_pc if operands.startswith("pc") else 0
            return cycles, self.pipelined_memory
        if name.startswith(("str", "vstr")):
            return self.store, self.pipelined_memory
        return 1, False


_SYSTEM = dict.fromkeys(["mrs", "msr", "dsb", "isb", "dmb"], 2)
_V7M = {"ldrd": 3, "strd": 3, "sdiv": 7, "udiv": 7, "tbb": 4, "tbh": 4, "bl": 3, "blx": 3, "bx": 3}

CORTEX_M4 = ArmTable(special={**_IT, **_SYSTEM, **_V7M})

# Multiply-accumulate takes two cycles on the M3, the long products three to seven,
# depending on the operands.
CORTEX_M3 = ArmTable(
    special={
        **_IT,
        **_SYSTEM,
        **_V7M,
        **dict.fromkeys(["mla", "mls"], 2),
        **dict.fromkeys(["umull", "smull"], 4),
        **dict.fromkeys(["umlal", "smlal"], 6),
    }
)

# The single-cycle multiplier, as on RP2040, SAMD21 and most others.
CORTEX_M0PLUS = ArmTable(
    store=2,
    pipelined_memory=False,
    special={**dict.fromkeys(_SYSTEM, 3), "bl": 3, "blx": 3, "bx": 2},
)


class _Count(ArmTable):
    def cycles(self, block: list[Instruction]) -> int:
        return len(block)


# For superscalar cores (Cortex-M7): instructions, and no claim about cycles.
INSTRUCTIONS = _Count()

RV_LOADS = ("lw", "lh", "lhu", "lb", "lbu", "lwsp")
RV_JUMPS = ("jal", "j", "jalr", "jr", "ret")


def rv32_cycles(block: list[Instruction]) -> int:
    """A plain five-stage RV32IMC: one stall when a load's result is used at once."""
    total = 0
    loaded = None
    for instruction in block:
        name, operands = instruction.mnemonic, instruction.operands
        target, _, sources = operands.partition(",")
        cycles = 1
        if name.startswith(("div", "rem")):
            cycles = 34
        elif name in RV_JUMPS:
            cycles = 2
        if loaded and loaded in re.split(r"[ ,()]+", sources or operands):
            cycles += 1
        loaded = target.strip() if name in RV_LOADS else None
        total += cycles
    return total
