# SPDX-License-Identifier: MIT OR Apache-2.0
"""What `benchmarks.pqc` runs on a modelled core: every operation, its inputs, its target.

All inputs are fixed. The messages to sign are twenty in a row of one series, chosen so
that their mean number of attempts is 5.1, that of ML-DSA-65 (FIPS 204 table 1).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.cyclesim import Machine, Run

ROOT = Path(__file__).resolve().parent.parent
C_PQC = ROOT / "firmware" / "c_pqc"
SIGNED_MESSAGES = [b"pqmesh benchmark %d" % i for i in range(137, 157)]
SIGNED_ATTEMPTS = 102
KIB = bytes(range(256)) * 4
EK, CT, SS, EXPANDED = 1184, 1088, 32, 2400
PK, SIGNATURE = 1952, 3309
OK = 0


class WrongResult(Exception):
    """An operation did not do its work on the modelled core: its figure means nothing."""


def sources() -> list[Path]:
    """Return the C files of the module."""
    return sorted((C_PQC / "src").glob("*.c"))


def objects_of(name: str) -> Path:
    """Return the folder that the objects of a build lie in, ``m4-O2`` say."""
    return ROOT / "build" / "cyclesim" / name


def workspaces() -> dict[str, int]:
    """Return the plain numeric ``PQC_*_WS_BYTES`` of pqc.h."""
    text = (C_PQC / "include" / "pqc.h").read_text()
    pattern = re.compile(r"#define PQC_(\w+)_WS_BYTES\s+(\d+)$", re.MULTILINE)
    return {name: int(value) for name, value in pattern.findall(text)}


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What one operation costs: cycles of the core's model (instructions on the M7) and bytes."""

    cycles: int
    ram_bytes: int
    stack_bytes: int


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row. ``run`` sets up, calls, checks the result and returns the runs to average."""

    name: str
    run: Callable[[Bench], list[Run]]
    workspace: str | None = None
    """Which workspace counts into its RAM; None: none."""

    m4_target: float | None = None
    m0plus_target: float | None = None
    """Millions of cycles, from the issue this module answers."""

    ram_target: int | None = None


class Bench:
    """One machine with a key pair, a ciphertext and a signature ready in its memory."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.ws = workspaces()
        take = machine.allocate
        self.space = take(max(self.ws.values()))
        self.seed64, self.seed32, self.zeros = (
            take(bytes(range(64))),
            take(bytes(range(32))),
            take(64),
        )
        self.ek, self.ct, self.ss, self.ss2 = take(EK), take(CT), take(SS), take(SS)
        self.expanded, self.pk, self.signature = take(EXPANDED), take(PK), take(SIGNATURE)
        self.message, self.text, self.out = take(64), take(KIB), take(len(KIB) + 16)

    def call(self, name: str, *arguments: int, workspace: str | None = None) -> Run:
        """Call a function that returns a status, or nothing; pass the workspace last."""
        if workspace is not None:
            arguments = (*arguments, self.space, self.ws[workspace])
        return self.machine.call(name, *arguments)

    def succeed(self, name: str, *arguments: int, workspace: str | None = None) -> Run:
        run = self.call(name, *arguments, workspace=workspace)
        if run.result != OK:
            raise WrongResult(f"{name} returned {run.result - (1 << 32)}")
        return run

    # ---- ML-KEM-768

    def kem_keypair(self) -> list[Run]:
        return [self.succeed("pqc_kem_keypair", self.ek, self.seed64, workspace="KEM_KEYPAIR")]

    def kem_encapsulate(self) -> list[Run]:
        arguments = (self.ct, self.ss, self.ek, self.zeros)
        return [self.succeed("pqc_kem_encapsulate", *arguments, workspace="KEM_ENCAPSULATE")]

    def kem_decapsulate_expanded(self) -> list[Run]:
        self.succeed("pqc_kem_expand", self.expanded, self.seed64, workspace="KEM_EXPAND")
        arguments = (self.ss2, self.expanded, self.ct)
        name, workspace = "pqc_kem_decapsulate_expanded", "KEM_DECAPSULATE_EXPANDED"
        run = self.succeed(name, *arguments, workspace=workspace)
        if self.machine.read(self.ss, SS) != self.machine.read(self.ss2, SS):
            raise WrongResult("the two sides of ML-KEM disagree")
        return [run]

    # ---- ML-DSA-65

    def dsa_keypair(self, workspace: str) -> list[Run]:
        return [self.succeed("pqc_dsa_keypair", self.pk, self.seed32, workspace=workspace)]

    def dsa_sign(self, workspace: str) -> list[Run]:
        runs = []
        for message in SIGNED_MESSAGES:
            self.machine.write(self.message, message)
            arguments = (self.signature, self.seed32, self.message, len(message), 0, 0)
            run = self.succeed("pqc_dsa_sign", *arguments, self.zeros, 0, workspace=workspace)
            runs.append(run)
        attempts = sum(run.calls("pqc_dsa_sample_ball") for run in runs)
        if attempts != SIGNED_ATTEMPTS:
            raise WrongResult(f"{attempts} attempts, not {SIGNED_ATTEMPTS}: signatures differ")
        return runs

    def dsa_verify(self, workspace: str) -> list[Run]:
        message = SIGNED_MESSAGES[-1]
        arguments = (self.pk, self.message, len(message), 0, 0, self.signature)
        return [self.succeed("pqc_dsa_verify", *arguments, workspace=workspace)]

    # ---- hashes and the rest, over one KiB

    def permutation(self) -> list[Run]:
        return [self.call("pqc_keccak_permute", self.out, self.out + 256)]

    def hash(self, name: str) -> list[Run]:
        return [self.call(name, self.out, self.text, len(KIB))]

    def shake128(self) -> list[Run]:
        return [self.call("pqc_shake128", self.out, len(KIB), self.text, 32)]

    def ccm_seal(self) -> list[Run]:
        arguments = (self.out, self.seed32, self.zeros, 0, 0, self.text, len(KIB), 16)
        return [self.succeed("pqc_ccm_seal", *arguments)]


ENTRIES = (
    "pqc_kem_keypair",
    "pqc_kem_expand",
    "pqc_kem_encapsulate",
    "pqc_kem_decapsulate",
    "pqc_kem_decapsulate_expanded",
    "pqc_dsa_keypair",
    "pqc_dsa_sign",
    "pqc_dsa_verify",
    "pqc_keccak_permute",
    "pqc_sha3_256",
    "pqc_shake128",
    "pqc_shake256",
    "pqc_sha256",
    "pqc_hmac_sha256",
    "pqc_hkdf_extract",
    "pqc_hkdf_expand",
    "pqc_ccm_seal",
    "pqc_ccm_open",
)


def _kem(
    name: str, run: Callable[[Bench], list[Run]], workspace: str, m4: float, m0: float
) -> Case:
    return Case(
        name=name,
        run=run,
        workspace=workspace,
        m4_target=m4,
        m0plus_target=m0,
        ram_target=3 * 1024,
    )


def _dsa(
    name: str, step: str, workspace: str, *, targets: tuple[float, float], kib: float
) -> Case:
    def run(bench: Bench) -> list[Run]:
        method: Callable[[str], list[Run]] = getattr(bench, step)
        return method(workspace)

    return Case(
        name=name,
        run=run,
        workspace=workspace,
        m4_target=targets[0],
        m0plus_target=targets[1],
        ram_target=int(kib * 1024),
    )


CASES: Sequence[Case] = (
    _kem("kem keypair", Bench.kem_keypair, "KEM_KEYPAIR", 0.80, 1.45),
    _kem("kem encapsulate", Bench.kem_encapsulate, "KEM_ENCAPSULATE", 0.88, 1.65),
    _kem(
        "kem decapsulate, key checked",
        Bench.kem_decapsulate_expanded,
        "KEM_DECAPSULATE_EXPANDED",
        1.05,
        1.95,
    ),
    _dsa("dsa keypair", "dsa_keypair", "DSA_KEYPAIR", targets=(3.6, 8.3), kib=4.5),
    _dsa("dsa keypair, fast", "dsa_keypair", "DSA_KEYPAIR_FAST", targets=(3.2, 6.5), kib=9),
    _dsa("dsa sign", "dsa_sign", "DSA_SIGN", targets=(21, 42), kib=7.5),
    _dsa("dsa sign, matrix cached", "dsa_sign", "DSA_SIGN_CACHED", targets=(11, 25), kib=32),
    _dsa("dsa verify", "dsa_verify", "DSA_VERIFY", targets=(3.4, 8.4), kib=4.2),
    _dsa("dsa verify, fast", "dsa_verify", "DSA_VERIFY_FAST", targets=(3.1, 6.6), kib=9.5),
    Case(name="keccak-f[1600]", run=Bench.permutation),
    Case(name="sha3-256, 1 KiB", run=lambda bench: bench.hash("pqc_sha3_256")),
    Case(name="shake128, 1 KiB out", run=Bench.shake128),
    Case(name="sha-256, 1 KiB", run=lambda bench: bench.hash("pqc_sha256")),
    Case(name="aes-256-ccm seal, 1 KiB", run=Bench.ccm_seal),
)


def measure(case: Case, bench: Bench) -> Figure:
    """Run one case; the mean of its runs, and the most memory any of them took."""
    runs = case.run(bench)
    instructions = bench.machine.core.name == "m7"
    total = sum(run.instructions if instructions else run.cycles for run in runs)
    stack = max(run.stack_bytes for run in runs)
    workspace = bench.ws[case.workspace] if case.workspace else 0
    return Figure(cycles=total // len(runs), ram_bytes=workspace + stack, stack_bytes=stack)
