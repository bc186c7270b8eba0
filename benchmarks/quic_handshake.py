# SPDX-License-Identifier: MIT OR Apache-2.0
"""What post-quantum cryptography costs a QUIC handshake: the same endpoint with and without.

Mutual raw public keys in every kind, over loopback sockets, both ends in this process, whose
CPU time is the figure. The kinds take turns, so each round has one of each under the same
load, and the ratio is the median of the rounds' ratios. "X25519/Ed25519, again" is the
comparison with itself: how far from 1.00 chance alone gets.

The crypto rows are the operations of one handshake by themselves; from them follows the
ratio an endpoint would have if larger packets cost nothing. liboqs takes part where it is
installed (`OQS_INSTALL_PATH`), the native provider where a C compiler is.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ed25519, x25519

from pqmesh_host.primitives import liboqs, native
from pqmesh_host.primitives.port import Primitives, ProviderUnavailable
from pqmesh_host.primitives.pyca import PYCA
from pqmesh_host.quic.endpoint import QuicEndpoint
from support.quic_classical_profile import ClassicalEndpoint
from support.quic_pair import identity
from tools.build_cpython_pqc import BuildError
from tools.build_native import load

from .measure import machine, noise, summarise

CLASSICAL = "X25519/Ed25519"
AGAIN = "X25519/Ed25519, again"
SIGNED = bytes(146)
"""As long as what a CertificateVerify signs with SHA-384 (RFC 8446 §4.4.3)."""

SETTLE_S = 0.004
"""After each handshake, until its farewells are through: they belong to no kind."""

WARM_UP = 3


@dataclass
class Kind:
    """One way to shake hands: its two endpoints, and the CPU of each round in ms."""

    name: str
    ends: list[QuicEndpoint]
    rounds: list[float] = field(default_factory=list)


def providers() -> Iterator[Primitives]:
    """Every provider this machine has."""
    yield PYCA
    for make in (lambda: native.of_module(load()), liboqs.load):
        try:
            yield make()
        except (BuildError, ProviderUnavailable) as reason:
            print(f"# left out: {reason}")


@contextlib.asynccontextmanager
async def kinds(chosen: Sequence[Primitives]) -> AsyncIterator[list[Kind]]:
    """The endpoints of every kind, two of each, with the same identities."""
    async with contextlib.AsyncExitStack() as stack:
        made = []
        for name in (CLASSICAL, AGAIN):
            opening = [ClassicalEndpoint.open(identity(end), host="127.0.0.1") for end in "ab"]
            made.append(Kind(name, [await stack.enter_async_context(one) for one in opening]))
        for provider in chosen:
            opening = [
                QuicEndpoint.open(identity(end), host="127.0.0.1", primitives=provider)
                for end in "ab"
            ]
            ends = [await stack.enter_async_context(one) for one in opening]
            made.append(Kind(f"ML-KEM/ML-DSA by {provider.name}", ends))
        yield made


async def one_handshake(kind: Kind) -> float:
    """CPU of both ends, in ms, from `connect` until both have the peer."""
    client, server = kind.ends
    before = time.process_time()
    peer = await client.connect(server.local_address)
    await server.accept()
    taken = (time.process_time() - before) * 1000
    await peer.close()
    await asyncio.sleep(SETTLE_S)
    return taken


async def measure(chosen: Sequence[Primitives], rounds: int) -> list[Kind]:
    """Take turns; every other round in the opposite order."""
    async with kinds(chosen) as made:
        for n in range(rounds + WARM_UP):
            for kind in made if n % 2 else reversed(made):
                taken = await one_handshake(kind)
                if n >= WARM_UP:
                    kind.rounds.append(taken)
        return made


def cost(work: Callable[[], object], repeat: int = 200, rounds: int = 5) -> float:
    """Median CPU of one call, in ms; signing takes a random time, so many at once."""
    taken = []
    for _ in range(rounds):
        before = time.process_time()
        for _ in range(repeat):
            work()
        taken.append((time.process_time() - before) * 1000 / repeat)
    return statistics.median(taken)


def classical_crypto() -> dict[str, float]:
    """ms of one mutual handshake's operations, both ends together."""
    exchange, signing = x25519.X25519PrivateKey.generate(), ed25519.Ed25519PrivateKey.generate()
    other, raw = x25519.X25519PrivateKey.generate().public_key(), signing.public_key()
    key, signature = raw.public_bytes_raw(), signing.sign(SIGNED)
    return {
        "2 sign": 2 * cost(lambda: signing.sign(SIGNED)),
        "2 verify": 2
        * cost(lambda: ed25519.Ed25519PublicKey.from_public_bytes(key).verify(signature, SIGNED)),
        "2 key pairs": 2 * cost(lambda: x25519.X25519PrivateKey.generate().public_key()),
        "2 exchanges": 2 * cost(lambda: exchange.exchange(other)),
    }


def crypto_of(provider: Primitives) -> dict[str, float]:
    """As `classical_crypto`, by a provider of ours."""
    signing, kem = provider.signing_key(os.urandom(32)), provider.kem_key()
    public, signature = signing.public, signing.sign(SIGNED)
    _, ciphertext = provider.encapsulate(kem.public)
    return {
        "2 sign": 2 * cost(lambda: signing.sign(SIGNED)),
        "2 verify": 2 * cost(lambda: provider.verify(public, SIGNED, signature)),
        "1 key pair": cost(provider.kem_key),
        "1 encapsulate": cost(lambda: provider.encapsulate(kem.public)),
        "1 decapsulate": cost(lambda: kem.decapsulate(ciphertext)),
    }


def print_ratios(made: Sequence[Kind]) -> None:
    """The handshakes, and each kind beside the classical one of the same round."""
    base = made[0].rounds
    for kind in made:
        print(summarise(f"handshake CPU: {kind.name}", "ms", kind.rounds).row())
    for kind in made[1:]:
        ratios = [ours / theirs for ours, theirs in zip(kind.rounds, base, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        name = f"  {kind.name} / {CLASSICAL}"
        print(f"{name:<60} {middle:.2f} x  (quartiles {low:.2f}, {high:.2f})")


def print_crypto(chosen: Sequence[Primitives], classical_ms: float) -> None:
    """The operations alone, and the ratio if they were all that differed."""
    base = classical_crypto()
    rows = [(CLASSICAL, base)] + [(provider.name, crypto_of(provider)) for provider in chosen]
    for name, parts in rows:
        total = sum(parts.values())
        split = ", ".join(f"{what} {ms:.3f}" for what, ms in parts.items())
        print(f"crypto alone, both ends: {name:<20} {total:.3f} ms  ({split})")
        if parts is not base:
            least = 1 + (total - sum(base.values())) / classical_ms
            print(f"  were that all that differs, the handshake would take {least:.2f} x")


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quic_handshake", description=__doc__
    )
    parser.add_argument("--rounds", type=int, default=200, help="handshakes of each kind")
    options = parser.parse_args(arguments)
    print(f"# {machine()}\n# {noise()}")
    chosen = list(providers())
    made = asyncio.run(measure(chosen, options.rounds))
    print_ratios(made)
    print_crypto(chosen, statistics.median(made[0].rounds))
    print(f"# {noise()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
