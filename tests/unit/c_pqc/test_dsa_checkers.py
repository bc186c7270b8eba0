# SPDX-License-Identifier: MIT OR Apache-2.0
"""ML-DSA-65 under checkers: sanitizers, valgrind with poisoned secrets, traces of the target.

The two tests of constant time are themselves tested: a library with a branch on a secret,
built with -DPQC_TEST_LEAK, must fail both.
"""

import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.dsa_library import (
    BAD_SIGNATURE,
    KEYPAIR_MODES,
    OK,
    SIGN_MODES,
    SIGNATURE,
    VERIFY_MODES,
    build,
    library,
    sources,
)
from tools.build_cpython_pqc import C_PQC
from tools.cyclesim import CORES, Core, Machine
from tools.cyclesim import build as build_image

DRIVER = C_PQC / "tests" / "dsa_driver.c"
SANITIZERS = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
POISON = '-DPQC_CONFIG_FILE="../tests/poison.h"'
SEED, MESSAGE = bytes(range(32)), b"a message"


class Driver:
    """dsa_driver.c as a process: requests in, replies out."""

    def __init__(self, command: list[str]) -> None:
        self._command = command

    def run(self, requests: list[str]) -> tuple[list[tuple[int, bytes]], str]:
        """Send all requests; return the replies and what the checker said."""
        done = subprocess.run(
            self._command,
            input="\n".join(requests) + "\n",
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise AssertionError(f"exit {done.returncode}: {done.stderr[-3000:]}")
        replies = [line.split(" ") for line in done.stdout.splitlines()]
        return [(int(status), bytes.fromhex(out)) for status, out in replies], done.stderr


def text(data: bytes) -> str:
    return data.hex() or "-"


def sign_request(ws: int, message: bytes, context: bytes, hedge: bytes, check: int = 0) -> str:
    parts = (SEED.hex(), text(message), text(context), hedge.hex(), str(check))
    return f"sign {ws} " + " ".join(parts)


# ------------------------------------------------------------------ sanitizers


@pytest.fixture(scope="module", params=["long", pytest.param("short", marks=pytest.mark.slow)])
def sanitized(request: pytest.FixtureRequest) -> Driver:
    flags = () if request.param == "long" else ("-DPQC_SHORT_MULTIPLY",)
    return Driver([str(build("dsa_driver", [DRIVER], (*SANITIZERS, *flags)))])


def test_good_requests_under_sanitizers(sanitized: Driver) -> None:
    dsa = library()
    rng = random.Random("sanitizers")
    public_key = dsa.keypair(SEED)
    requests, expected = [], []
    for mode in (0, 1):
        requests.append(f"keypair {KEYPAIR_MODES[mode]} {SEED.hex()}")
        expected.append((OK, public_key))
        for length in (0, 1, 200):
            message, context, hedge = (
                rng.randbytes(length),
                rng.randbytes(length),
                rng.randbytes(32),
            )
            requests.append(sign_request(SIGN_MODES[mode], message, context, hedge, check=mode))
            signature = dsa.sign(SEED, message, context, hedge)
            expected.append((OK, signature))
            parts = (public_key.hex(), text(message), text(context), signature.hex())
            requests.append(f"verify {VERIFY_MODES[mode]} " + " ".join(parts))
            expected.append((OK, b""))
    assert sanitized.run(requests)[0] == expected


def malformed(rng: random.Random, signature: bytes) -> Iterator[bytes]:
    """Signatures with a changed bit, byte, run of bytes or hint; and plain noise."""
    for _ in range(60):
        out = bytearray(signature)
        start = rng.choice((rng.randrange(SIGNATURE), rng.randrange(3248, SIGNATURE)))
        length = min(rng.choice((1, 1, 4, 61)), SIGNATURE - start)
        out[start : start + length] = rng.randbytes(length)
        yield bytes(out)
    yield from (bytes(SIGNATURE), b"\xff" * SIGNATURE, rng.randbytes(SIGNATURE))


def test_malformed_signatures_under_sanitizers(sanitized: Driver) -> None:
    dsa = library()
    rng = random.Random("malformed")
    public_key, signature = dsa.keypair(SEED), dsa.sign(SEED, MESSAGE)
    bad = [candidate for candidate in malformed(rng, signature) if candidate != signature]
    keys = [public_key, rng.randbytes(len(public_key)), b"\xff" * len(public_key)]
    requests = [
        f"verify {rng.choice(VERIFY_MODES)} {rng.choice(keys).hex()} {MESSAGE.hex()} - {one.hex()}"
        for one in bad
    ]
    assert sanitized.run(requests)[0] == [(BAD_SIGNATURE, b"")] * len(bad)


# ------------------------------------------------------------------ constant time: the source


def poisoned(compiler: str, *flags: str) -> Driver:
    valgrind = shutil.which("valgrind")
    if valgrind is None or not Path("/usr/include/valgrind/memcheck.h").is_file():
        pytest.skip("valgrind is not installed")
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    program = build("dsa_poisoned", [DRIVER], ("-gdwarf-4", POISON, *flags), command=[compiler])
    return Driver([valgrind, "--quiet", "--error-exitcode=99", str(program)])


def constant_time_requests() -> list[str]:
    """One key and a few attempts of each mode; enough to pass every branch there is."""
    requests = [f"keypair {ws} {SEED.hex()}" for ws in KEYPAIR_MODES]
    requests += [sign_request(ws, b"ct 2", b"", bytes(32), check=1) for ws in SIGN_MODES]
    return requests


def assert_constant_time(driver: Driver) -> None:
    replies, _ = driver.run(constant_time_requests())
    assert [status for status, _ in replies] == [OK] * 4
    assert replies[2][1] == library().sign(SEED, b"ct 2")


def test_no_branch_or_address_depends_on_a_secret() -> None:
    assert_constant_time(poisoned("gcc", "-O2"))


@pytest.mark.slow
@pytest.mark.parametrize("flags", ["-O3", "-Os", "-O2 -DPQC_SHORT_MULTIPLY"])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_no_branch_or_address_depends_on_a_secret_elsewhere(compiler: str, flags: str) -> None:
    assert_constant_time(poisoned(compiler, *flags.split()))


def test_poisoning_finds_a_leak() -> None:
    with pytest.raises(AssertionError, match="exit 99"):
        poisoned("gcc", "-O2", "-DPQC_TEST_LEAK").run(constant_time_requests())


# ------------------------------------------------------------------ constant time: the target

PARTS = ("expand_rows", "seed_mask", "commit", "respond", "check_low_bits", "make_hint")
ENTRIES = ("trace_prepare", *(f"trace_{part}" for part in PARTS))
SECRETS = 3


def target(core: Core, option: str, folder: Path, *flags: str) -> Machine:
    if shutil.which(core.compiler) is None:
        pytest.skip(f"{core.compiler} is not installed")
    # dsa_trace.c includes dsa_sign.c, to reach its parts
    files = [path for path in sources() if path.name != "dsa_sign.c"]
    files.append(C_PQC / "tests" / "dsa_trace.c")
    image = build_image(
        files, core, options=(*option.split(), *flags), output_dir=folder, entries=ENTRIES
    )
    return Machine(image, core)


def secret_state(rng: random.Random) -> bytes:
    """rho'', s1, s2 and t0 as signing keeps them, all in range."""
    nibbles = bytes(rng.randrange(9) | rng.randrange(9) << 4 for _ in range(11 * 128))
    return rng.randbytes(64) + nibbles + rng.randbytes(6 * 416)


def traces(machine: Machine, part: str) -> set[str | None]:
    """The traces of one part over secrets; every run that a check stopped is left out."""
    machine.release()
    space, room = machine.allocate(8192), machine.allocate(SIGNATURE)
    secret = machine.allocate(64 + 11 * 128 + 6 * 416)
    rng = random.Random(part)
    seen, passed = set(), 0
    while passed < SECRETS:
        machine.write(secret, secret_state(rng))
        machine.call("trace_prepare", space, room, secret)
        run = machine.call(f"trace_{part}", space, room, trace=True)
        if run.result == 0:
            seen.add(run.trace)
            passed += 1
    return seen


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("core", "option"),
    [
        ("m0plus", "-O2"),
        ("m0plus", "-Os"),
        ("m3", "-O2"),
        ("m4", "-O2"),
        ("m4", "-O3"),
        ("m4", "-Os"),
        ("rv32", "-O2"),
        ("rv32", "-Os"),
        ("m0plus", "-Os -DPQC_FAST"),  # as a MicroPython port compiles it
        ("m4", "-Os -DPQC_FAST"),
        ("m0plus", "-Os -fpic"),  # as firmware/c_pqc/natmod compiles it
        ("m4", "-Os -fpic"),
    ],
)
def test_execution_on_the_target_does_not_depend_on_secrets(
    core: str, option: str, tmp_path: Path
) -> None:
    machine = target(CORES[core], option, tmp_path)
    for part in PARTS:
        assert len(traces(machine, part)) == 1, part


def test_the_cheap_parts_on_a_cortex_m0plus(tmp_path: Path) -> None:
    machine = target(CORES["m0plus"], "-O2", tmp_path)
    for part in ("check_low_bits", "make_hint"):
        assert len(traces(machine, part)) == 1, part


def test_traces_find_a_leak(tmp_path: Path) -> None:
    machine = target(CORES["m0plus"], "-O2", tmp_path, "-DPQC_TEST_LEAK")
    assert len(traces(machine, "check_low_bits")) > 1


@pytest.mark.slow
@pytest.mark.parametrize("core", ["m0plus", "m3", "m4", "rv32"])
def test_no_division_in_the_objects(core: str, tmp_path: Path) -> None:
    chosen = CORES[core]
    target(chosen, "-Os", tmp_path)
    disassembler = chosen.compiler.replace("gcc", "objdump")
    objects = [str(tmp_path / f"{path.stem}.o") for path in sources() if path.stem != "dsa_sign"]
    listing = subprocess.run(
        [disassembler, "-dr", *objects], capture_output=True, text=True, check=True
    ).stdout
    assert (
        re.findall(r"\b(?:[us]div\w*|__aeabi_u?l?divmod|__aeabi_[ui]div|divu?|remu?)\b", listing)
        == []
    )


# ------------------------------------------------------------------ what is left on the stack


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("core", "option"),
    [
        ("m4", "-O2"),
        *(
            pytest.param(core, option, marks=SLOW)
            for core in ("m4", "m0plus", "rv32")
            for option in ("-O2", "-O3", "-Os", "-Os -DPQC_FAST", "-Os -fpic")
            if (core, option) != ("m4", "-O2")
        ),
    ],
)
def test_the_stack_holds_no_secret_afterwards(core: str, option: str, tmp_path: Path) -> None:
    chosen = CORES[core]
    if shutil.which(chosen.compiler) is None:
        pytest.skip(f"{chosen.compiler} is not installed")
    entries = ("pqc_dsa_keypair", "pqc_dsa_sign")
    options = option.split()
    image = build_image(sources(), chosen, options=options, output_dir=tmp_path, entries=entries)
    machine = Machine(image, chosen)
    seed, out, hedge = machine.allocate(SEED), machine.allocate(4096), machine.allocate(32)
    space = machine.allocate(SIGN_MODES[0])
    keypair = machine.call("pqc_dsa_keypair", out, seed, space, SIGN_MODES[0])
    sign = machine.call("pqc_dsa_sign", out, seed, 0, 0, 0, 0, hedge, 0, space, SIGN_MODES[0])
    assert (keypair.result, sign.result) == (OK, OK)
    assert_own_words_only(keypair.stack, 64)
    assert_own_words_only(sign.stack, 160)
    assert max(keypair.stack_bytes, sign.stack_bytes) <= 1024


def assert_own_words_only(stack: bytes, frame: int) -> None:
    """All but the entry function's own frame, which sees only pointers, is wiped."""
    below = stack[:-frame]
    assert below.count(0) + below.count(0xA5) >= len(below) - 8, below.hex()
