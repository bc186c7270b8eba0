# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every kept input and seed of the fuzz targets, replayed without a fuzzer."""

import logging
from collections.abc import Iterator

import pytest

from fuzz.reach import reached, smallest
from fuzz.targets import CORPUS, TARGETS, Target
from pqmesh_host.quic.buffer import Buffer, BufferReadError


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """aioquic logs every refusal."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("name", TARGETS)
def test_kept_inputs_and_seeds_are_taken_or_properly_refused(name: str) -> None:
    target = TARGETS[name]
    kept = list(target.kept())
    assert len(kept) >= 2
    taken = [target.check(data) for data in (*target.seeds(), *kept)]
    # A server's flight answers one hello: its Finished never fits that of another run.
    assert any(taken) or name == "tls_client"


def test_every_corpus_has_its_target_and_stays_small() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) < 400_000


def test_a_careless_parser_is_found() -> None:
    """What a target lets through and what it reports, on a parser with a missing length check."""

    def careless(data: bytes) -> None:
        Buffer(data=data).pull_bytes(1)
        _ = data[data[0]]

    target = Target("careless", careless, (BufferReadError,), lambda: [b"\x00"])
    assert target.check(b"\x00")
    assert not target.check(b"")
    with pytest.raises(IndexError):
        target.check(b"\x05")


def test_a_decoder_that_does_not_round_trip_is_found() -> None:
    def forgetful(data: bytes) -> None:
        assert data[:4] == data

    with pytest.raises(AssertionError):
        Target("forgetful", forgetful, (ValueError,), list).check(b"longer")


def test_a_small_corpus_reaches_what_a_large_one_does() -> None:
    target = TARGETS["frames"]
    seeds = target.seeds()
    kept = smallest(target.check, [*seeds, *(seed + b"more" for seed in seeds)])
    assert set(kept) < set(seeds) | {b""}
    everything = set().union(*(reached(target.check, seed) for seed in seeds))
    assert set().union(*(reached(target.check, data) for data in kept)) == everything
