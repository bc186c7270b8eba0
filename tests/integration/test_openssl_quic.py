# SPDX-License-Identifier: MIT OR Apache-2.0
"""OpenSSL's own QUIC stack against ours, where OpenSSL 3.5 or later is to be had."""

import pytest

from tools.interop import openssl
from tools.interop.install import CannotInstall

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def program() -> openssl.Program:
    try:
        return openssl.find()
    except CannotInstall as reason:
        pytest.skip(f"no OpenSSL with QUIC: {reason}")


@pytest.fixture(scope="module")
def key(program: openssl.Program, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    return openssl.new_key(program, tmp_path_factory.mktemp("key"))


@pytest.mark.parametrize("cell", openssl.CELLS, ids=lambda cell: cell.__name__)
async def test_openssl(cell, program: openssl.Program, key: tuple[str, ...]) -> None:
    assert await cell(program, key)


async def test_a_claim_that_does_not_hold_fails_its_cell(
    program: openssl.Program, key: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a group outside the profile nothing is echoed, and the cell says so."""
    monkeypatch.setattr(openssl, "LIMIT_S", 2.0)
    monkeypatch.setattr(
        openssl, "PROFILE", (*openssl.PROFILE[:4], "MLKEM1024", *openssl.PROFILE[5:])
    )
    with pytest.raises(TimeoutError):
        await openssl.both_prove_their_keys(program, key)
