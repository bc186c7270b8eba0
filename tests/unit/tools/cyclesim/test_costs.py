# SPDX-License-Identifier: MIT OR Apache-2.0
"""What an instruction costs, against the figures of the cores' manuals."""

import pytest

from tools.cyclesim.costs import (
    CORTEX_M0PLUS,
    CORTEX_M3,
    CORTEX_M4,
    INSTRUCTIONS,
    ArmTable,
    Instruction,
    conditional_access,
    register_count,
    rv32_cycles,
)


def block(*lines: str) -> list[Instruction]:
    """Instructions from their text: mnemonic, a space, operands."""
    return [Instruction(*line.partition(" ")[::2]) for line in lines]


@pytest.mark.parametrize(
    ("operands", "count"),
    [
        ("{r4, r5, lr}", 3),
        ("sp!, {r4-r7, lr}", 5),
        ("r0!, {r1, sl, fp}", 3),
        ("{r4-fp, pc}", 9),
        ("r0, [r1]", 1),
    ],
)
def test_registers_of_a_multiple_are_counted(operands: str, count: int) -> None:
    assert register_count(operands) == count


@pytest.mark.parametrize(
    ("table", "line", "cycles"),
    [
        (CORTEX_M4, "add r0, r1, r2", 1),
        (CORTEX_M4, "smull r0, r1, r2, r3", 1),
        (CORTEX_M4, "ldr r0, [r1]", 2),
        (CORTEX_M4, "str r0, [r1]", 1),
        (CORTEX_M4, "ldrd r0, r1, [r2]", 3),
        (CORTEX_M4, "pop {r4, r5, pc}", 6),
        (CORTEX_M4, "push {r4, lr}", 3),
        (CORTEX_M4, "ldr pc, [r1]", 4),
        (CORTEX_M4, "itte eq", 0),
        (CORTEX_M4, "bl #0x1000", 3),
        (CORTEX_M4, "dsb sy", 2),
        (CORTEX_M3, "mla r0, r1, r2, r3", 2),
        (CORTEX_M3, "umull r0, r1, r2, r3", 4),
        (CORTEX_M0PLUS, "ldr r0, [r1]", 2),
        (CORTEX_M0PLUS, "str r0, [r1]", 2),
        (CORTEX_M0PLUS, "muls r0, r1, r0", 1),
        (CORTEX_M0PLUS, "bx lr", 2),
        (CORTEX_M0PLUS, "dsb sy", 3),
    ],
)
def test_one_instruction(table: ArmTable, line: str, cycles: int) -> None:
    assert table.cycles(block(line)) == cycles


def test_neighbouring_loads_overlap_where_the_pipeline_allows_it() -> None:
    loads = block("ldr r0, [r1]", "ldr r2, [r1, #4]", "ldr r3, [r1, #8]")
    assert CORTEX_M4.cycles(loads) == 4
    assert CORTEX_M0PLUS.cycles(loads) == 6


def test_superscalar_cores_count_instructions() -> None:
    assert INSTRUCTIONS.cycles(block("ldr r0, [r1]", "sdiv r0, r0, r2", "bl #4")) == 3


def test_a_result_used_at_once_stalls_rv32() -> None:
    assert rv32_cycles(block("lw a0, 0(a1)", "add a2, a0, a3")) == 3
    assert rv32_cycles(block("lw a0, 0(a1)", "add a2, a4, a3")) == 2
    assert rv32_cycles(block("lw s1, 0(a1)", "add a2, s10, s11")) == 2
    assert rv32_cycles(block("div a0, a1, a2", "ret ")) == 36


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (("cmp r0, r1", "it mi", "strbmi r0, [r1]"), True),
        (("itte eq", "moveq r0, r1", "addeq r0, r0, r2", "ldrne r0, [r1]"), True),
        (("it eq", "moveq r0, r1", "str r0, [r1]"), False),
        (("ldr r0, [r1]", "str r0, [r2]"), False),
    ],
)
def test_conditional_accesses_are_found(lines: tuple[str, ...], found: bool) -> None:
    assert conditional_access(block(*lines)) is found
