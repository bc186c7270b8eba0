# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs one function of a cross-compiled image and accounts for what it did.

Unicorn executes the machine code; a hook on every basic block counts it. Costs are
worked out once a block (costs.py). Interrupts, caches, wait states and the contents
of the pipeline across blocks do not exist here.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import capstone
import unicorn as unicorn_package
from elftools.elf.elffile import ELFFile
from unicorn import arm_const, riscv_const

from .cores import ARM, Core
from .costs import Instruction, conditional_access

unicorn: Any = unicorn_package  # its annotations cover only part of what it offers

PAGE = 0x1000
STACK_TOP = 0x3000_0000
STACK_BYTES = 0x2_0000  # room for the peers of a comparison, too
STACK_PAINT = b"\xa5"
RETURN_ADDRESS = 0x0F00_0000
HEAP_BASE = 0x4000_0000
HEAP_BYTES = 0x4_0000
XPSR_IT_BITS = 0x0600_FC00
ENTRY_MARGIN = 64  # above the stack pointer at entry; stack arguments live there

_ARM_REGISTERS = [arm_const.UC_ARM_REG_R0 + i for i in range(4)]
_RISCV_REGISTERS = [riscv_const.UC_RISCV_REG_A0 + i for i in range(8)]
_ARM_CONDITIONS = (
    "eq",
    "ne",
    "hs",
    "lo",
    "mi",
    "pl",
    "vs",
    "vc",
    "hi",
    "ls",
    "ge",
    "lt",
    "gt",
    "le",
)
_ARM_BRANCHES = frozenset(("b", "cbz", "cbnz", *("b" + c for c in _ARM_CONDITIONS)))


class SimulationError(Exception):
    """The code under test went where it must not: unmapped memory, or too far."""


class _Block:
    """A basic block: its cost, and how often it ran and was left by a taken branch."""

    __slots__ = (
        "address",
        "conditional",
        "count",
        "cycles",
        "following",
        "instructions",
        "left",
        "size",
        "taken",
    )

    def __init__(
        self, address: int, size: int, cycles: int, instructions: int, taken: int
    ) -> None:
        self.address = address
        self.size = size
        self.following = address + size
        self.cycles = cycles
        self.instructions = instructions
        self.taken = taken
        self.conditional = False
        self.count = 0
        self.left = 0


@dataclass(frozen=True)
class Run:
    """What one call did. ``stack_bytes`` is exact; ``cycles`` is the model's."""

    result: int
    cycles: int
    instructions: int
    stack_bytes: int
    stack: bytes
    """The stack below the caller's frame as the call left it."""

    trace: str | None
    """Digest of every block and memory address in order; None unless asked for."""

    _by_function: dict[str, int] = field(repr=False)
    _entries: dict[str, int] = field(repr=False)

    def by_function(self) -> list[tuple[str, int]]:
        """Cycles spent in each function itself, most first."""
        return sorted(self._by_function.items(), key=lambda item: -item[1])

    def calls(self, function: str) -> int:
        """How often ``function`` was entered (0 when it was inlined away)."""
        return self._entries.get(function, 0)


class Machine:
    """One image on one core. Memory persists from call to call, as on a board.

    The first trace makes every later call several times slower.
    """

    def __init__(self, image: Path, core: Core) -> None:
        self.core = core
        self.symbols: dict[str, int] = {}
        self._functions: list[tuple[int, int, str]] = []
        self._blocks: dict[int, _Block] = {}
        self._previous = _Block(0, 0, 0, 0, 0)
        self._trace: Any = None
        self._watching_memory = False
        self._heap_used = 0
        self._uc, self._decoder = self._processor()
        self._load(image)
        for base, size in (
            (STACK_TOP - STACK_BYTES, STACK_BYTES),
            (RETURN_ADDRESS, PAGE),
            (HEAP_BASE, HEAP_BYTES),
        ):
            self._uc.mem_map(base, size)
        self._uc.hook_add(unicorn.UC_HOOK_BLOCK, self._on_block)

    def allocate(self, content: bytes | int) -> int:
        """Place bytes (or that many zero bytes) in data memory; return their address."""
        data = bytes(content) if isinstance(content, int) else content
        address = HEAP_BASE + self._heap_used
        self._heap_used += (len(data) + 15) & ~15
        if self._heap_used > HEAP_BYTES:
            raise SimulationError(f"test data exceed {HEAP_BYTES} bytes")
        self._uc.mem_write(address, data)
        return address

    def release(self) -> None:
        """Forget everything allocate() handed out."""
        self._heap_used = 0

    def write(self, address: int, data: bytes) -> None:
        self._uc.mem_write(address, data)

    def read(self, address: int, size: int) -> bytes:
        return bytes(self._uc.mem_read(address, size))

    def call(
        self,
        name: str,
        *arguments: int,
        trace: bool = False,
        timeout_s: int = 600,
    ) -> Run:
        """Call ``name`` with 32-bit arguments and run it to its return.

        ``trace`` records every basic block and every address accessed, in order.

        :raises SimulationError: it touched unmapped memory or did not return in ``timeout_s``
        """
        for block in self._blocks.values():
            block.count = block.left = 0
        self._previous = _Block(0, 0, 0, 0, 0)
        self._start_trace(trace)
        result_register = self._enter(arguments)
        try:
            self._uc.emu_start(
                self.symbols[name], RETURN_ADDRESS, timeout=timeout_s * unicorn.UC_SECOND_SCALE
            )
        except unicorn.UcError as error:
            raise SimulationError(f"{name}: {error}") from error
        if self._uc.reg_read(self._program_counter()) & ~1 != RETURN_ADDRESS:
            raise SimulationError(f"{name}: no return within {timeout_s} s")
        digest = self._trace.hexdigest() if trace else None
        return self._account(self._uc.reg_read(result_register), digest)

    # ---- setting up -----------------------------------------------------------------

    def _processor(self) -> tuple[Any, Any]:
        if self.core.family == ARM:
            machine = unicorn.Uc(
                unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS
            )
            machine.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M4)
            decoder = capstone.Cs(
                capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS
            )
        else:
            machine = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV32)
            decoder = capstone.Cs(
                capstone.CS_ARCH_RISCV, capstone.CS_MODE_RISCV32 | capstone.CS_MODE_RISCVC
            )
        return machine, decoder

    def _load(self, image: Path) -> None:
        with image.open("rb") as file:
            elf = ELFFile(file)
            for symbol in _symbols(elf):
                self.symbols[symbol.name] = symbol["st_value"]
                if symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_size"]:
                    start = (
                        symbol["st_value"] & ~1 if self.core.family == ARM else symbol["st_value"]
                    )
                    self._functions.append((start, start + symbol["st_size"], symbol.name))
            self._functions.sort()
            segments = [
                (segment["p_vaddr"], segment.data().ljust(segment["p_memsz"], b"\0"))
                for segment in elf.iter_segments("PT_LOAD")
                if segment["p_memsz"]
            ]
        pages = {
            page for base, data in segments for page in range(base & -PAGE, base + len(data), PAGE)
        }
        for page in sorted(pages):
            self._uc.mem_map(page, PAGE)
        for base, data in segments:
            self._uc.mem_write(base, data)

    def _enter(self, arguments: tuple[int, ...]) -> int:
        """Paint the stack, pass the arguments by the core's ABI; return the result register."""
        uc = self._uc
        uc.mem_write(STACK_TOP - STACK_BYTES, STACK_PAINT * STACK_BYTES)
        pointer = STACK_TOP - ENTRY_MARGIN
        if self.core.family == ARM:
            registers = _ARM_REGISTERS
            uc.reg_write(arm_const.UC_ARM_REG_SP, pointer)
            uc.reg_write(arm_const.UC_ARM_REG_LR, RETURN_ADDRESS | 1)
        else:
            registers = _RISCV_REGISTERS
            uc.reg_write(riscv_const.UC_RISCV_REG_SP, pointer)
            uc.reg_write(riscv_const.UC_RISCV_REG_RA, RETURN_ADDRESS)
        for register, value in zip(registers, arguments, strict=False):
            uc.reg_write(register, value)
        on_stack = arguments[len(registers) :]
        if 4 * len(on_stack) > ENTRY_MARGIN:
            raise SimulationError("too many arguments")
        for i, value in enumerate(on_stack):
            uc.mem_write(pointer + 4 * i, value.to_bytes(4, "little"))
        return registers[0]

    # ---- accounting -----------------------------------------------------------------

    def _on_block(self, _uc: Any, address: int, size: int, _data: Any) -> None:
        block = self._blocks.get(address)
        if block is None or block.size != size:
            if address == RETURN_ADDRESS:
                return
            block = self._blocks[address] = self._decode(address, size)
        previous = self._previous
        if previous.following != address:
            previous.left += 1
        block.count += 1
        self._previous = block
        if self._trace is not None:
            self._trace.update(b"B%d" % address)

    def _decode(self, address: int, size: int) -> _Block:
        known = self._blocks.get(address)
        if known is not None and known.count:
            raise SimulationError(f"block at {address:#x} changed its size")
        code = bytes(self._uc.mem_read(address, size))
        decoded = list(self._decoder.disasm(code, address))
        if sum(i.size for i in decoded) != size:
            raise SimulationError(f"cannot decode all of the block at {address:#x}")
        block = [Instruction(_base(i.mnemonic), i.op_str) for i in decoded]
        taken = self.core.taken_branch_cycles if self._is_branch(block[-1].mnemonic) else 0
        made = _Block(address, size, self.core.cost(block), len(block), taken)
        made.conditional = self.core.family == ARM and conditional_access(block)
        return made

    def _is_branch(self, mnemonic: str) -> bool:
        if self.core.family == ARM:
            return mnemonic in _ARM_BRANCHES
        return mnemonic.startswith("b")

    def _program_counter(self) -> int:
        arm = self.core.family == ARM
        return int(arm_const.UC_ARM_REG_PC if arm else riscv_const.UC_RISCV_REG_PC)

    def _function(self, address: int) -> str:
        at = bisect_right(self._functions, (address, 1 << 40, "")) - 1
        if at >= 0:
            start, end, name = self._functions[at]
            if start <= address < end:
                return name
        return f"{address:#x}"

    def _account(self, result: int, trace: str | None) -> Run:
        by_function: Counter[str] = Counter()
        entries: Counter[str] = Counter()
        starts = {start: name for start, _, name in self._functions}
        instructions = 0
        for block in self._blocks.values():
            if not block.count:
                continue
            cycles = block.count * block.cycles + block.left * block.taken
            by_function[self._function(block.address)] += cycles
            instructions += block.count * block.instructions
            if block.address in starts:
                entries[starts[block.address]] += block.count
        stack = self.read(STACK_TOP - STACK_BYTES, STACK_BYTES - ENTRY_MARGIN)
        used = stack.lstrip(STACK_PAINT)
        return Run(
            result=result,
            cycles=sum(by_function.values()),
            instructions=instructions,
            stack_bytes=len(used),
            stack=used,
            trace=trace,
            _by_function=dict(by_function),
            _entries=dict(entries),
        )

    def _start_trace(self, wanted: bool) -> None:
        self._trace = hashlib.sha256() if wanted else None
        if wanted and not self._watching_memory:
            kinds = unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE
            self._uc.hook_add(kinds, self._on_memory)
            self._uc.ctl_flush_tb()  # code translated before reports no memory access
            self._watching_memory = True

    def _on_memory(
        self, _uc: Any, _access: int, address: int, size: int, _value: int, _data: Any
    ) -> None:
        if self._previous.conditional:
            # Unicorn 2.1 restores the processor's state before it calls a hook, the IT
            # bits of the instruction at hand included, and leaves them to the next block.
            flags = self._uc.reg_read(arm_const.UC_ARM_REG_XPSR)
            self._uc.reg_write(arm_const.UC_ARM_REG_XPSR, flags & ~XPSR_IT_BITS)
        if self._trace is not None:
            self._trace.update(b"M%d:%d" % (address, size))


def _symbols(elf: Any) -> Any:
    table = elf.get_section_by_name(".symtab")
    if table is None:
        raise SimulationError("the image has no symbols")
    return table.iter_symbols()


def _base(mnemonic: str) -> str:
    return mnemonic.removeprefix("c.").split(".")[0]
