# SPDX-License-Identifier: MIT OR Apache-2.0
"""The boot stub, called as firmware calls a ROM: by its tables, on an emulated Cortex-M0+.

The expected values are computed here from the descriptions in RP2040 datasheet 2.8.3.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unicorn import UC_ARCH_ARM, UC_HOOK_MEM_WRITE, UC_MODE_MCLASS, UC_MODE_THUMB, Uc
from unicorn.arm_const import (
    UC_ARM_REG_LR,
    UC_ARM_REG_R0,
    UC_ARM_REG_R1,
    UC_ARM_REG_R2,
    UC_ARM_REG_R3,
    UC_ARM_REG_R12,
    UC_ARM_REG_SP,
)

from tools.firmware import builder
from tools.firmware.errors import MissingTool

pytestmark = [
    pytest.mark.firmware,
    pytest.mark.pico,
    pytest.mark.timeout(300, func_only=True),  # a fixture may have to build the firmware
]

ROM_BYTES = 16 * 1024
RAM = 0x20000000
RAM_BYTES = 264 * 1024
STACK = RAM + 0x40000
HARNESS = 0x40068000
RETURN = RAM + 0x3F000  # an address to come back to: nothing runs there
ARGUMENTS = (UC_ARM_REG_R0, UC_ARM_REG_R1, UC_ARM_REG_R2, UC_ARM_REG_R3)
INSTRUCTIONS = 200_000
KEPT_ACROSS_CLZ = 0x12345678


class Rom:
    """The stub in memory, with the way to its functions that the Pico SDK takes."""

    def __init__(self, image: bytes) -> None:
        self.image = image
        self.machine = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        self.machine.mem_map(0, ROM_BYTES)
        self.machine.mem_write(0, image)
        self.machine.mem_map(RAM, 320 * 1024)
        self.machine.mem_map(HARNESS, 4096)
        self.knocks: list[tuple[int, int]] = []
        self.machine.hook_add(UC_HOOK_MEM_WRITE, self._knocked, begin=HARNESS, end=HARNESS + 4095)

    def _knocked(
        self, machine: Uc, kind: int, address: int, size: int, value: int, _: None
    ) -> None:
        self.knocks.append((address - HARNESS, value))

    def call(self, address: int, *arguments: int) -> tuple[int, int]:
        """r0 and r1 after a call; the callee-saved stack pointer must come back."""
        for register, value in zip(ARGUMENTS, arguments, strict=False):
            self.machine.reg_write(register, value & 0xFFFFFFFF)
        self.machine.reg_write(UC_ARM_REG_SP, STACK)
        self.machine.reg_write(UC_ARM_REG_LR, RETURN | 1)
        self.machine.reg_write(UC_ARM_REG_R12, KEPT_ACROSS_CLZ)
        self.machine.emu_start(address | 1, RETURN, count=INSTRUCTIONS)
        assert self.machine.reg_read(UC_ARM_REG_SP) == STACK
        return self.machine.reg_read(UC_ARM_REG_R0), self.machine.reg_read(UC_ARM_REG_R1)

    def halfword(self, address: int) -> int:
        return int.from_bytes(self.image[address : address + 2], "little")

    def function(self, code: str) -> int:
        return self._look_up(0x14, code)

    def data(self, code: str) -> int:
        return self._look_up(0x16, code)

    def arithmetic(self, table: str, offset: int) -> int:
        at = self.data(table) + offset
        return int.from_bytes(self.image[at : at + 4], "little")

    def _look_up(self, table: int, code: str) -> int:
        key = ord(code[0]) | ord(code[1]) << 8
        return self.call(self.halfword(0x18), self.halfword(table), key)[0]


@pytest.fixture(scope="module")
def rom() -> Rom:
    try:
        return Rom(Path(builder.build("pico-bootstub")).read_bytes())
    except MissingTool as problem:
        pytest.skip(str(problem))


def bits(value: float) -> int:
    return int.from_bytes(struct.pack("<f", value), "little")


def single(value: int) -> float:
    return float(struct.unpack("<f", struct.pack("<I", value))[0])


def words(value: float) -> tuple[int, int]:
    low, high = struct.unpack("<II", struct.pack("<d", value))
    return low, high


def double(low: int, high: int) -> float:
    return float(struct.unpack("<d", struct.pack("<II", low, high))[0])


def signed(value: int, width: int) -> int:
    return value - (1 << width) if value >> (width - 1) else value


# ---- what the boot sequence and the SDK find ----


def test_the_head_is_as_the_datasheet_has_it(rom: Rom) -> None:
    assert len(rom.image) <= ROM_BYTES
    stack, reset = struct.unpack_from("<II", rom.image)
    assert RAM < stack <= RAM + RAM_BYTES
    assert reset & 1
    assert rom.image[0x10:0x13] == b"Mu\x01"
    assert rom.image[0x13] == 3


FUNCTIONS = (
    *("P3", "R3", "L3", "T3", "MS", "S4", "MC", "C4"),
    *("IF", "EX", "FC", "CX", "RE", "RP", "UB"),
)


@pytest.mark.parametrize("code", FUNCTIONS)
def test_every_function_the_sdk_names_is_found(rom: Rom, code: str) -> None:
    address = rom.function(code)
    assert address & 1
    assert address < ROM_BYTES


def test_an_unknown_code_finds_nothing(rom: Rom) -> None:
    assert rom.function("ZZ") == 0
    assert rom.data("ZZ") == 0


@pytest.mark.parametrize("table", ["SF", "SD"])
def test_every_entry_of_the_arithmetic_tables_is_a_function(rom: Rom, table: str) -> None:
    at = rom.data(table)
    assert rom.image[at - 2] * 4 >= 0x80  # the SDK checks this length
    for offset in range(0, 0x80, 4):
        entry = rom.arithmetic(table, offset)
        assert entry & 1
        assert 0x18 < entry < ROM_BYTES


# ---- bits and memory ----

U32 = st.integers(0, 2**32 - 1) | st.integers(0, 32).map(lambda n: (1 << n) & 0xFFFFFFFF)
BIT_FUNCTIONS: list[tuple[str, Callable[[int], int]]] = [
    ("P3", lambda value: value.bit_count()),
    ("R3", lambda value: int(f"{value:032b}"[::-1], 2)),
    ("L3", lambda value: 32 - value.bit_length()),
    ("T3", lambda value: (value & -value).bit_length() - 1 if value else 32),
]


@given(value=U32)
@pytest.mark.parametrize(("code", "wanted"), BIT_FUNCTIONS, ids=lambda v: v if str(v) == v else "")
def test_bits(rom: Rom, code: str, wanted: Callable[[int], int], value: int) -> None:
    assert rom.call(rom.function(code), value)[0] == wanted(value)


def test_counting_zeros_keeps_the_register_that_the_sdk_relies_on(rom: Rom) -> None:
    rom.call(rom.function("L3"), 0x00010000)
    assert rom.machine.reg_read(UC_ARM_REG_R12) == KEPT_ACROSS_CLZ


@given(to=st.integers(0, 7), source=st.integers(0, 7), count=st.integers(0, 40))
def test_memory_is_copied_and_nothing_beside_it(
    rom: Rom, to: int, source: int, count: int
) -> None:
    content = bytes(range(1, 65))
    rom.machine.mem_write(RAM + 0x100, content)
    rom.machine.mem_write(RAM + 0x200, b"\xee" * 64)
    target = RAM + 0x208 + to
    assert rom.call(rom.function("MC"), target, RAM + 0x100 + source, count)[0] == target
    wanted = b"\xee" * (8 + to) + content[source : source + count]
    assert rom.machine.mem_read(RAM + 0x200, 64) == wanted.ljust(64, b"\xee")


@given(to=st.integers(0, 7), octet=st.integers(0, 255), count=st.integers(0, 40))
def test_memory_is_set_and_nothing_beside_it(rom: Rom, to: int, octet: int, count: int) -> None:
    rom.machine.mem_write(RAM + 0x200, b"\xee" * 64)
    target = RAM + 0x208 + to
    assert rom.call(rom.function("MS"), target, octet, count)[0] == target
    wanted = b"\xee" * (8 + to) + bytes([octet]) * count
    assert rom.machine.mem_read(RAM + 0x200, 64) == wanted.ljust(64, b"\xee")


# ---- flash and the end ----


def test_flash_operations_knock_at_the_runner(rom: Rom) -> None:
    rom.knocks.clear()
    rom.call(rom.function("RE"), 0x10000, 4096, 65536, 0xD8)
    rom.call(rom.function("RP"), 0x10000, RAM + 0x100, 256)
    assert rom.knocks == [
        (0x00, 0x10000),
        (0x04, 4096),
        (0x0C, 1),
        (0x00, 0x10000),
        (0x04, 256),
        (0x08, RAM + 0x100),
        (0x0C, 2),
    ]


# ---- conversions: towards minus infinity, and clamped ----

SINGLES = st.floats(width=32, allow_nan=False, allow_subnormal=False)
DOUBLES = st.floats(allow_nan=False, allow_subnormal=False)
PLACES = st.integers(-40, 40)


def converted(value: float, places: int, low: int, high: int) -> int:
    if math.isinf(value):
        return high if value > 0 else low
    numerator, denominator = value.as_integer_ratio()
    if places >= 0:
        numerator <<= places
    else:
        denominator <<= -places
    return min(max(numerator // denominator, low), high)


RANGES = {  # table offset of the fixed-point form: width, signed
    0x20: (32, True),
    0x28: (32, False),
    0x70: (64, True),
    0x78: (64, False),
}


@given(value=SINGLES, places=PLACES)
@pytest.mark.parametrize("offset", RANGES)
def test_single_to_fixed_point(rom: Rom, offset: int, value: float, places: int) -> None:
    width, is_signed = RANGES[offset]
    low, high = (-(1 << width - 1), (1 << width - 1) - 1) if is_signed else (0, (1 << width) - 1)
    r0, r1 = rom.call(rom.arithmetic("SF", offset), bits(value), places)
    raw = r0 if width == 32 else r1 << 32 | r0
    assert (signed(raw, width) if is_signed else raw) == converted(value, places, low, high)


@given(value=DOUBLES, places=PLACES)
@pytest.mark.parametrize("offset", RANGES)
def test_double_to_fixed_point(rom: Rom, offset: int, value: float, places: int) -> None:
    width, is_signed = RANGES[offset]
    low, high = (-(1 << width - 1), (1 << width - 1) - 1) if is_signed else (0, (1 << width) - 1)
    r0, r1 = rom.call(rom.arithmetic("SD", offset), *words(value), places)
    raw = r0 if width == 32 else r1 << 32 | r0
    assert (signed(raw, width) if is_signed else raw) == converted(value, places, low, high)


@given(value=st.integers(-(2**31), 2**31 - 1), places=st.integers(-60, 60))
def test_fixed_point_to_single(rom: Rom, value: int, places: int) -> None:
    got = single(rom.call(rom.arithmetic("SF", 0x30), value, places)[0])
    assert got == single(bits(float(value))) * 2.0**-places


@given(value=st.integers(-(2**31), 2**31 - 1), places=st.integers(-60, 60))
def test_fixed_point_to_double(rom: Rom, value: int, places: int) -> None:
    got = double(*rom.call(rom.arithmetic("SD", 0x30), value, places))
    assert got == float(value) * 2.0**-places


# ---- arithmetic ----

MODEST = st.floats(-(2.0**50), 2.0**50, width=32, allow_subnormal=False)


@given(left=MODEST, right=MODEST)
def test_single_arithmetic_is_rounded_once(rom: Rom, left: float, right: float) -> None:
    for offset, exact in ((0x00, left + right), (0x04, left - right), (0x08, left * right)):
        got = rom.call(rom.arithmetic("SF", offset), bits(left), bits(right))[0]
        if abs(exact) >= 2**-126 or exact == 0:  # below, the chip flushes to zero
            assert single(got) == single(bits(exact))


@given(left=MODEST, right=MODEST)
def test_double_arithmetic_is_rounded_once(rom: Rom, left: float, right: float) -> None:
    for offset, wanted in ((0x00, left + right), (0x04, left - right), (0x08, left * right)):
        got = rom.call(rom.arithmetic("SD", offset), *words(left), *words(right))
        assert double(*got) == wanted


@given(left=SINGLES, right=SINGLES)
def test_comparison_has_three_answers(rom: Rom, left: float, right: float) -> None:
    got = signed(rom.call(rom.arithmetic("SF", 0x54), bits(left), bits(right))[0], 32)
    assert got == (left > right) - (left < right)


def near(got: float, wanted: float) -> bool:
    """Within three units in the last place of a single, or of an angle's rounding near zero."""
    return math.isclose(got, wanted, rel_tol=3 * 2**-24, abs_tol=2**-24)


@given(angle=st.floats(-128, 128, width=32))
def test_sine_and_cosine_come_together(rom: Rom, angle: float) -> None:
    sine, cosine = rom.call(rom.arithmetic("SF", 0x40), bits(angle))
    assert near(single(sine), math.sin(angle))
    assert near(single(cosine), math.cos(angle))
    assert near(single(rom.call(rom.arithmetic("SF", 0x3C), bits(angle))[0]), math.cos(angle))


@given(power=st.floats(-80, 80, width=32))
def test_exponential(rom: Rom, power: float) -> None:
    got = single(rom.call(rom.arithmetic("SF", 0x4C), bits(power))[0])
    assert math.isclose(got, math.exp(power), rel_tol=3 * 2**-24)


@given(value=st.floats(2.0**-100, 2.0**100, width=32))
def test_logarithm_and_square_root(rom: Rom, value: float) -> None:
    assert near(single(rom.call(rom.arithmetic("SF", 0x50), bits(value))[0]), math.log(value))
    root = rom.call(rom.arithmetic("SF", 0x18), bits(value))[0]
    assert root == bits(math.sqrt(value))


@given(y=MODEST, x=MODEST)
def test_arc_tangent_knows_its_quadrant(rom: Rom, y: float, x: float) -> None:
    got = single(rom.call(rom.arithmetic("SF", 0x58), bits(y), bits(x))[0])
    assert near(got, math.atan2(y, x))
