# SPDX-License-Identifier: MIT OR Apache-2.0
"""The same digest from every build of ``firmware/c_pqc``: compilers, options, byte orders.

``firmware/c_pqc/tests/accumulate.c`` calls every public function on made-up inputs and
condenses the results; :func:`expected` does the same through the module ``pqc``, whose
results the other test files hold against published vectors and pyca.
"""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from support.pqc_extension import pqc
from tools.build_cpython_pqc import C_PQC, WARNINGS

SOURCES = [str(path) for path in sorted((C_PQC / "src").glob("*.c"))]
TESTS = C_PQC / "tests"
ROUNDS = 4
TAGS = (4, 6, 8, 10, 12, 14, 16, 8)

SANITIZERS = (
    "-g",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
)
# The three Keccak permutations, and ML-DSA's short multiplications, on whatever machine this is.
VARIANTS = {
    "lanes": ("-DPQC_KECCAK_64",),
    "interleaved": ("-DPQC_KECCAK_BI", "-DPQC_KECCAK_LAZY=0"),
    "lazy": ("-DPQC_KECCAK_BI", "-DPQC_KECCAK_LAZY=1"),
    "halves": ("-DPQC_KECCAK_HILO",),
    "short": ("-DPQC_SHORT_MULTIPLY",),
}


def slow(*values: str) -> ParameterSet:
    """A parameter that `make check` leaves out: each build takes seconds."""
    return pytest.param(*values, marks=pytest.mark.slow)


# ------------------------------------------------------------- the digest in Python


class Accumulator:
    """What ``add()`` and ``make()`` of accumulate.c do."""

    def __init__(self) -> None:
        self.digest = bytes(32)

    def add(self, data: bytes) -> None:
        inner = hashlib.sha3_256(data).digest()
        self.digest = hashlib.sha3_256(self.digest + inner).digest()

    @staticmethod
    def make(size: int, number: int, purpose: str) -> bytes:
        return hashlib.shake_256(bytes([number]) + purpose.encode()).digest(size)


def filled(size: int, function: str, *arguments: bytes) -> bytes:
    out = bytearray(size)
    getattr(pqc, function)(*arguments, out)
    return bytes(out)


def add_kem(total: Accumulator, number: int) -> None:
    seed, coins = total.make(64, number, "s"), total.make(32, number, "c")
    public_key, expanded = filled(1184, "kem_keypair", seed), filled(2400, "kem_expand", seed)
    ciphertext, shared = bytearray(1088), bytearray(32)
    pqc.kem_encapsulate(public_key, coins, ciphertext, shared)
    for result in (public_key, expanded, bytes(ciphertext), bytes(shared)):
        total.add(result)
    total.add(filled(32, "kem_decapsulate", seed, ciphertext))
    ciphertext[(number * 97) & 1023] ^= 1
    total.add(filled(32, "kem_decapsulate_expanded", expanded, ciphertext))


def add_dsa(total: Accumulator, number: int) -> None:
    seed, rnd = total.make(32, number, "S"), total.make(32, number, "r")
    message = total.make((number * 37) & 127, number, "m")
    total.add(filled(1952, "dsa_keypair", seed))
    total.add(filled(3309, "dsa_sign", seed, message, rnd[: number & 31], rnd))


def add_symmetric(total: Accumulator, number: int) -> None:
    size, tag_bytes = (number * 53) & 127, TAGS[number & 7]
    key, text = total.make(64, number, "k"), total.make(size, number, "t")
    info = key[: number & 63]
    total.add(hashlib.sha256(text).digest())
    total.add(hashlib.shake_128(text[: size // 2]).digest(size))
    prk = pqc.hkdf_extract(info, text)
    total.add(prk)
    total.add(filled(size, "hkdf_expand", prk, info))
    sealed = bytearray(size + tag_bytes)
    pqc.ccm_seal(key[:32], key[32:45], info, text, tag_bytes, sealed)
    total.add(bytes(sealed))
    total.add(text)


def expected(rounds: int) -> str:
    total = Accumulator()
    for number in range(rounds):
        add_kem(total, number)
        add_dsa(total, number)
        add_symmetric(total, number)
    return total.digest.hex()


# --------------------------------------------------------------------------- builds


def need(*programmes: str) -> None:
    for programme in programmes:
        if shutil.which(programme) is None:
            pytest.skip(f"{programme} is not installed")


def run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
    return (done.stdout or done.stderr).strip()  # semihosting writes to the latter


def hosted(compiler: str, output: Path, *flags: str) -> str:
    """Build the hosted programme and run it; a sanitizer's finding fails here."""
    sources = [*SOURCES, str(TESTS / "accumulate.c"), str(TESTS / "accumulate_hosted.c")]
    run([compiler, "-std=c11", *WARNINGS, *flags, *sources, "-o", str(output)])
    return run([str(output), str(ROUNDS)])


@pytest.mark.parametrize("variant", [slow(v) if v != "lazy" else v for v in VARIANTS])
def test_under_the_sanitizers(variant: str, tmp_path: Path) -> None:
    need("gcc")
    digest = hosted("gcc", tmp_path / "accumulate", "-O1", *SANITIZERS, *VARIANTS[variant])
    assert digest == expected(ROUNDS)


@pytest.mark.parametrize("compiler", [slow("gcc"), "clang"])
def test_both_compilers_accept_it_without_a_warning(compiler: str, tmp_path: Path) -> None:
    need(compiler)
    assert hosted(compiler, tmp_path / "accumulate", "-O2") == expected(ROUNDS)


@pytest.mark.slow
def test_a_port_may_bring_its_own_keccak_aes_and_sha_256(tmp_path: Path) -> None:
    """And the plainest ones imaginable, in tests/port.c, agree with ours."""
    need("gcc")
    config = '-DPQC_CONFIG_FILE="../tests/port.h"'
    port = str(TESTS / "port.c")
    assert hosted("gcc", tmp_path / "accumulate", "-O2", config, port) == expected(ROUNDS)


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("level", ["-O0", "-O1", "-O2", "-O3", "-Os", "-O2 -DPQC_SMALL"])
@pytest.mark.parametrize("compiler", ["gcc", "clang", "i686-linux-gnu-gcc-12"])
def test_every_level_of_optimisation(
    compiler: str, level: str, variant: str, tmp_path: Path
) -> None:
    need(compiler)
    # -O3 makes GCC guess wrong about array bounds; the warnings count at -O2, above.
    flags = ("-Wno-error",) if "clang" in compiler else ("-Wno-error", "-static")
    options = (*level.split(), *flags, *VARIANTS[variant])
    digest = hosted(compiler, tmp_path / "accumulate", *options)
    assert digest == expected(ROUNDS)


@pytest.mark.parametrize(
    ("byte_order", "emulator"),
    [slow("-mlittle-endian", "qemu-arm"), ("-mbig-endian", "qemu-armeb")],
)
@pytest.mark.parametrize("level", ["-O2", slow("-Os"), slow("-Os -DPQC_FAST")])
def test_both_byte_orders_of_arm(
    byte_order: str, emulator: str, level: str, tmp_path: Path
) -> None:
    need("arm-none-eabi-gcc", emulator)
    image = tmp_path / "accumulate.elf"
    machine = ["-mcpu=cortex-a15", "-marm", byte_order, "-nostdlib", "-ffreestanding"]
    rounds = f"-DACCUMULATE_SEMIHOSTING={ROUNDS}"
    sources = [*SOURCES, str(TESTS / "accumulate.c"), str(TESTS / "accumulate_bare.c")]
    options = ["-std=gnu11", *level.split(), *machine, rounds]
    run(["arm-none-eabi-gcc", *options, *sources, "-o", str(image)])
    assert run([emulator, str(image)]) == expected(ROUNDS)


def test_nothing_writable_is_static_and_every_symbol_is_ours(tmp_path: Path) -> None:
    need("gcc", "nm")
    objects = []
    for source in SOURCES:
        objects.append(str(tmp_path / f"{Path(source).stem}.o"))
        run(["gcc", "-std=c11", "-O0", "-c", source, "-o", objects[-1]])
    for line in run(["nm", *objects]).splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        _, kind, name = fields
        assert kind not in "BbCDdGgSs", f"{name} is writable data"
        assert kind not in "TR" or name.startswith("pqc_"), f"{name} lacks the prefix"


DIVISION_FREE = (
    *("kem_pack", "kem_sample", "ring3329", "ccm", "aes256", "sponge", "keccak_bi"),
    *("dsa_ntt", "dsa_matrix", "dsa_product", "dsa_pack", "dsa_sample", "dsa_sign", "dsa_key"),
)


@pytest.mark.parametrize("core", ["cortex-m4", slow("cortex-m0plus")])
@pytest.mark.parametrize("level", ["-O2", slow("-Os"), slow("-O0")])
def test_no_division_on_the_way_of_secrets(core: str, level: str, tmp_path: Path) -> None:
    """Division takes a time that depends on its operands (KyberSlash). None is in these files."""
    need("arm-none-eabi-gcc", "arm-none-eabi-objdump")
    target = tmp_path / "object.o"
    for name in DIVISION_FREE:
        source = str(C_PQC / "src" / f"{name}.c")
        machine = [f"-mcpu={core}", "-mthumb", level, "-std=c11"]
        run(["arm-none-eabi-gcc", *machine, "-c", source, "-o", str(target)])
        code = run(["arm-none-eabi-objdump", "-dr", str(target)])
        for division in ("udiv", "sdiv", "__aeabi_uidiv", "__aeabi_idiv"):
            assert division not in code, name
