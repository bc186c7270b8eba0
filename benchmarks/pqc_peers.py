# SPDX-License-Identifier: MIT OR Apache-2.0
"""mlkem-native and mldsa-native on the same cores, compilers and SHA-3, for comparison.

Both come from the source distribution of the PyPI package `awscrt`, pinned by its hash,
fetched by pip when first wanted and kept under build/. Nothing of it enters this
repository. They are the best maintained portable C there is, and verified.

Two things make the comparison uneven, both to our disadvantage: our signatures start from the
32-byte seed, theirs from the expanded 4,032-byte key; and theirs are given our SHA-3, which is
quicker on small cores than the one they come with.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.cyclesim import Core, Machine, Run, build, section_sizes

from .pqc_cases import (
    C_PQC,
    CT,
    EK,
    EXPANDED,
    PK,
    ROOT,
    SIGNATURE,
    SIGNED_ATTEMPTS,
    SIGNED_MESSAGES,
    SS,
    WrongResult,
    objects_of,
    sources,
)

GLUE = Path(__file__).with_name("pqc_peer_glue")
FOLDER = ROOT / "build" / "peers"
PACKAGE, VERSION = "awscrt", "0.38.1"
SHA256 = "0dcebfaa70cf079133cd2352119e3d05e9b8ca1d1621736cfb54c03f3d5fef0f"
INSIDE = f"{PACKAGE}-{VERSION}/crt/aws-lc/crypto/fipsmodule"
MLDSA, MLKEM = "ml_dsa/mldsa/mldsa_native_bcm.c", "ml_kem/mlkem/mlkem_native_bcm.c"
SECRET = 4032
DEFINES = ('-DMLD_CONFIG_FILE="mldsa_config.h"', '-DMLK_CONFIG_FILE="mlkem_config.h"')


class PeerUnavailable(Exception):
    """The source distribution cannot be had, or is not the one that was pinned."""


def fetch() -> Path:
    """Return the folder of the two libraries' sources, downloading them when needed.

    :raises PeerUnavailable: no download, or another content than the pinned one
    """
    archive = FOLDER / f"{PACKAGE}-{VERSION}.tar.gz"
    if not archive.is_file():
        FOLDER.mkdir(parents=True, exist_ok=True)
        wanted = [f"{PACKAGE}=={VERSION}", "--no-deps", "--no-binary", ":all:"]
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(FOLDER)]
        if subprocess.run([*pip, *wanted], check=False).returncode != 0:
            raise PeerUnavailable(f"pip could not download {PACKAGE} {VERSION}; see above")
    if hashlib.sha256(archive.read_bytes()).hexdigest() != SHA256:
        raise PeerUnavailable(f"{archive} is not the pinned {PACKAGE} {VERSION}; delete it")
    if not (FOLDER / INSIDE / MLKEM).is_file():
        with tarfile.open(archive) as tar:
            wanted_files = [m for m in tar.getmembers() if _is_source(m.name)]
            tar.extractall(FOLDER, members=wanted_files, filter="data")
    return FOLDER / INSIDE


def _is_source(name: str) -> bool:
    parts = (f"{INSIDE}/ml_dsa/mldsa/", f"{INSIDE}/ml_kem/mlkem/")
    return name.startswith(parts) and name.endswith((".c", ".h", ".inc"))


@dataclass(frozen=True, kw_only=True)
class PeerFigure:
    """One row: what it is compared with, the mean cycles and the deepest stack."""

    name: str
    against: str
    cycles: int
    ram_bytes: int


class _PeerBench:
    """A machine with the peers on it, and the same inputs as our own benchmark."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        take = machine.allocate
        self.seed64, self.seed32, self.zeros = (
            take(bytes(range(64))),
            take(bytes(range(32))),
            take(64),
        )
        self.prefix, self.message = take(2), take(64)
        self.ek, self.dk, self.ct, self.ss = take(EK), take(EXPANDED), take(CT), take(SS)
        self.pk, self.sk, self.signature = take(PK), take(SECRET), take(SIGNATURE)

    def succeed(self, name: str, *arguments: int) -> Run:
        run = self.machine.call(name, *arguments)
        if run.result != 0:
            raise WrongResult(f"{name} returned {run.result - (1 << 32)}")
        return run

    def dsa_keypair(self) -> list[Run]:
        return [self.succeed("peer_mldsa_keypair_internal", self.pk, self.sk, self.seed32)]

    def dsa_sign(self) -> list[Run]:
        runs = []
        for message in SIGNED_MESSAGES:
            self.machine.write(self.message, message)
            arguments = (self.signature, self.message, len(message), self.prefix, 2)
            name = "peer_mldsa_signature_internal"
            runs.append(self.succeed(name, *arguments, self.zeros, self.sk, 0))
        attempts = sum(run.calls("peer_mldsa_poly_challenge") for run in runs)
        if attempts != SIGNED_ATTEMPTS:
            raise WrongResult(f"{attempts} attempts, not {SIGNED_ATTEMPTS}")
        return runs

    def dsa_verify(self) -> list[Run]:
        message = (self.message, len(SIGNED_MESSAGES[-1]), self.prefix, 2)
        return [self.succeed("peer_mldsa_verify_internal", self.signature, *message, self.pk, 0)]

    def kem_keypair(self) -> list[Run]:
        return [self.succeed("peer_mlkem_keypair_derand", self.ek, self.dk, self.seed64)]

    def kem_encapsulate(self) -> list[Run]:
        name = "peer_mlkem_enc_derand"
        return [self.succeed(name, self.ct, self.ss, self.ek, self.zeros)]

    def kem_decapsulate(self) -> list[Run]:
        return [self.succeed("peer_mlkem_dec", self.ss, self.ct, self.dk)]


KEM_STEPS = (
    ("kem keypair", _PeerBench.kem_keypair),
    ("kem encapsulate", _PeerBench.kem_encapsulate),
    ("kem decapsulate, key checked", _PeerBench.kem_decapsulate),
)
FAST_STEPS = (
    ("dsa keypair, fast", _PeerBench.dsa_keypair),
    ("dsa sign, matrix cached", _PeerBench.dsa_sign),
    ("dsa verify, fast", _PeerBench.dsa_verify),
)
SMALL_STEPS = (
    ("dsa keypair", _PeerBench.dsa_keypair),
    ("dsa sign", _PeerBench.dsa_sign),
    ("dsa verify", _PeerBench.dsa_verify),
)


REDUCE_RAM = ("-DPEER_REDUCE_RAM",)
VARIANTS: tuple[
    tuple[str, tuple[str, ...], tuple[tuple[str, Callable[[_PeerBench], list[Run]]], ...]], ...
] = (
    ("native", (), (*KEM_STEPS, *FAST_STEPS)),
    ("native, REDUCE_RAM", REDUCE_RAM, SMALL_STEPS),
)
"""Label, flags, and what is compared with it."""


def measure_peers(core: Core, option: str) -> Iterator[PeerFigure]:
    """Build and run the peers; yield a row for each operation they share with us.

    :raises PeerUnavailable: see fetch()
    """
    inside = fetch()
    for label, flags, steps in VARIANTS:
        folder = peer_objects(core.name, option, flags)
        machine = Machine(_image(inside, core, (option, *flags), folder), core)
        bench = _PeerBench(machine)
        for against, step in steps:
            runs = step(bench)
            counted = [run.instructions if core.name == "m7" else run.cycles for run in runs]
            stack_bytes = max(run.stack_bytes for run in runs)
            yield peer_figure(against, label, sum(counted) // len(runs), stack_bytes)


def peer_figure(against: str, label: str, cycles: int, ram_bytes: int) -> PeerFigure:
    """Name a row after the operation of ours that it stands beside."""
    name = f"{against.split(',')[0]} ({label})"
    return PeerFigure(name=name, against=against, cycles=cycles, ram_bytes=ram_bytes)


def peer_objects(core: str, option: str, flags: tuple[str, ...]) -> Path:
    """Return the folder of a variant's objects."""
    return objects_of(f"peers-{core}{option}{len(flags)}")


def peer_code_bytes(core: str, option: str) -> int:
    """Code and constants of both libraries' objects, without the SHA-3 they borrow."""
    folder = peer_objects(core, option, REDUCE_RAM)
    objects = [folder / Path(name).with_suffix(".o").name for name in (MLDSA, MLKEM)]
    return section_sizes(objects)["code"]


def _image(inside: Path, core: Core, options: tuple[str, ...], folder: Path) -> Path:
    ours = [path for path in sources() if path.stem in OURS or path.stem.startswith("keccak_")]
    include = (f"-I{GLUE}", f"-I{C_PQC / 'src'}")
    entries = [
        "peer_mldsa_keypair_internal",
        "peer_mldsa_signature_internal",
        "peer_mldsa_verify_internal",
        "peer_mlkem_keypair_derand",
        "peer_mlkem_enc_derand",
        "peer_mlkem_dec",
    ]
    parts = [inside / MLDSA, inside / MLKEM, *ours]
    flags = (*options, *include, *DEFINES)
    return build(parts, core, options=flags, output_dir=folder, entries=entries)


OURS = ("common", "sponge", "sha3")
