# SPDX-License-Identifier: MIT OR Apache-2.0
"""The modelled machine, on small programs whose behaviour can be worked out by hand."""

import shutil
from pathlib import Path

import pytest

from tools.cyclesim import CORES, Core, Machine, SimulationError, build, section_sizes

PROGRAM = """\
#include <stddef.h>
#include <stdint.h>
int add_six(int a, int b, int c, int d, int e, int f, int g, int h, int i)
{
    return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i;
}
__attribute__((noinline)) int leaf(volatile int *p) { return *p + 1; }
int caller(volatile int *p, int times)
{
    int sum = 0;
    for (int i = 0; i < times; i++) { sum += leaf(p); }
    return sum;
}
int deep(const uint8_t *in)
{
    volatile uint8_t room[400];
    for (int i = 0; i < 400; i++) { room[i] = in[i & 3]; }
    return room[in[0]];
}
int lookup(const uint8_t *table, const uint8_t *secret) { return table[*secret]; }
int masked(const uint8_t *table, const uint8_t *secret)
{
    int found = 0;
    for (int i = 0; i < 4; i++) { found |= table[i] & -(int)(i == *secret); }
    return found;
}
int astray(void) { return *(volatile int *)0x70000000; }
void forever(void) { for (;;) { __asm__ volatile(""); } }
int counter;
int bump(void) { return ++counter; }
"""
ENTRIES = ("add_six", "caller", "deep", "lookup", "masked", "astray", "forever", "bump")


@pytest.fixture(scope="module", params=["m0plus", "m4", "rv32"])
def core(request: pytest.FixtureRequest) -> Core:
    chosen = CORES[request.param]
    if shutil.which(chosen.compiler) is None:
        pytest.skip(f"{chosen.compiler} is not installed")
    return chosen


@pytest.fixture(scope="module")
def image(core: Core, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(core.name)
    source = folder / "program.c"
    source.write_text(PROGRAM)
    return build([source], core, options=("-O2",), output_dir=folder, entries=ENTRIES)


@pytest.fixture
def machine(image: Path, core: Core) -> Machine:
    return Machine(image, core)


def test_arguments_beyond_the_registers_are_on_the_stack(machine: Machine) -> None:
    values = (1, 10, 100, 1000, 7, 9, 11, 13, 15)
    expected = sum(n * value for n, value in enumerate(values, start=1))
    assert machine.call("add_six", *values).result == expected


def test_cost_grows_linearly_and_calls_are_counted(machine: Machine) -> None:
    cell = machine.allocate((41).to_bytes(4, "little"))
    runs = [machine.call("caller", cell, times) for times in (10, 20, 30)]
    assert [run.result for run in runs] == [420, 840, 1260]
    assert [run.calls("leaf") for run in runs] == [10, 20, 30]
    first, second, third = (run.cycles for run in runs)
    assert third - second == second - first > 0
    shares = dict(runs[0].by_function())
    assert set(shares) == {"caller", "leaf"}
    assert sum(shares.values()) == runs[0].cycles > runs[0].instructions


def test_the_stack_is_measured_to_the_byte_written(machine: Machine) -> None:
    run = machine.call("deep", machine.allocate(b"\x01\x02\x03\x04"))
    assert run.result == 2
    assert 400 <= run.stack_bytes < 440
    assert b"\x01\x02\x03\x04" * 100 in run.stack


def test_a_trace_tells_a_secret_index_from_a_constant_one(machine: Machine) -> None:
    table = machine.allocate(b"\x10\x20\x30\x40")
    secrets = [machine.allocate(bytes((value,))) for value in range(4)]
    place = machine.allocate(1)

    def traces(function: str) -> set[str | None]:
        seen = set()
        for value, secret in enumerate(secrets):
            machine.write(place, machine.read(secret, 1))
            run = machine.call(function, table, place, trace=True)
            assert run.result == (value + 1) * 16
            seen.add(run.trace)
        return seen

    assert len(traces("lookup")) == 4
    assert len(traces("masked")) == 1
    assert machine.call("masked", table, place).trace is None


def test_a_trace_is_the_same_in_the_second_run(machine: Machine) -> None:
    """Also of code that ran before without being traced."""
    cell = machine.allocate(4)
    machine.call("caller", cell, 3)
    first, second = (machine.call("caller", cell, 3, trace=True).trace for _ in range(2))
    assert first == second is not None


def test_conditional_stores_run_the_same_traced_and_not(tmp_path: Path) -> None:
    """Unicorn's memory hooks need help where an IT instruction covers a store."""
    core = CORES["m4"]
    if shutil.which(core.compiler) is None:
        pytest.skip(f"{core.compiler} is not installed")
    source = tmp_path / "conditional.c"
    source.write_text(
        "int store(volatile int *p, int x) { int y = 5;"
        '__asm__("cmp %2, #3\\n it eq\\n streq %2, [%1]\\n cmp %2, #9\\n b 1f\\n 1: adds %0, #1"'
        ' : "+r"(y) : "r"(p), "r"(x) : "cc", "memory"); return 10 * y + *p; }'
    )
    image = build([source], core, options=("-O2",), output_dir=tmp_path, entries=("store",))
    for x, expected in ((4, 60), (3, 63)):
        machine = Machine(image, core)
        cell = machine.allocate(4)
        assert machine.call("store", cell, x).result == expected
        machine.write(cell, bytes(4))
        assert machine.call("store", cell, x, trace=True).result == expected


def test_memory_lasts_from_call_to_call(machine: Machine) -> None:
    assert [machine.call("bump").result for _ in range(3)] == [1, 2, 3]
    machine.release()
    first = machine.allocate(8)
    machine.write(first, b"12345678")
    assert machine.read(first, 8) == b"12345678"


def test_code_that_goes_astray_is_an_error(machine: Machine) -> None:
    with pytest.raises(SimulationError, match="astray"):
        machine.call("astray")


def test_code_that_does_not_return_is_an_error(machine: Machine) -> None:
    with pytest.raises(SimulationError, match="no return within 1 s"):
        machine.call("forever", timeout_s=1)


def test_too_much_is_refused(machine: Machine) -> None:
    with pytest.raises(SimulationError, match="exceed"):
        machine.allocate(1 << 20)
    with pytest.raises(SimulationError, match="arguments"):
        machine.call("add_six", *range(40))


def test_sizes_of_objects(image: Path) -> None:
    sizes = section_sizes([image.with_name("program.o")])
    assert 100 < sizes["code"] < 1000
    assert (sizes["data"], sizes["bss"]) == (0, 4)
