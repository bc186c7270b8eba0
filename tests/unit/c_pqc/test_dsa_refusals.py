# SPDX-License-Identifier: MIT OR Apache-2.0
"""ML-DSA-65 of ``firmware/c_pqc``: what it refuses, what it leaves behind, when it stops."""

import ctypes
from collections.abc import Callable

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PublicKey

from support.dsa_library import (
    BAD_LENGTH,
    BAD_SIGNATURE,
    EXPANDED,
    KEYPAIR_MODES,
    OK,
    PUBLIC,
    SIGN_MODES,
    SIGNATURE,
    STOPPED,
    VERIFY_MODES,
    WORKSPACE,
    Library,
    Message,
    Options,
    Poll,
    Refused,
    Workspace,
    library,
)

SEED = bytes(range(32))
MESSAGE, CONTEXT = b"sensor 7: 21.5 C", b"pqmesh test"
CHALLENGE, Z, HINT = slice(0, 48), slice(48, 3248), slice(3248, 3309)
OMEGA, GAMMA1, BETA = 55, 1 << 19, 196
NO_POLL = ctypes.cast(None, Poll)


@pytest.fixture
def dsa() -> Library:
    return library()


@pytest.fixture
def public_key(dsa: Library) -> bytes:
    return dsa.keypair(SEED)


@pytest.fixture
def signature(dsa: Library) -> bytes:
    return dsa.sign(SEED, MESSAGE, CONTEXT)


def changed(signature: bytes, part: slice, content: bytes) -> bytes:
    out = bytearray(signature)
    out[part] = content
    assert len(out) == SIGNATURE
    return bytes(out)


def assert_refused(dsa: Library, public_key: bytes, signature: bytes) -> None:
    """Both modes refuse, and so does OpenSSL."""
    for ws in VERIFY_MODES:
        assert dsa.verify(public_key, MESSAGE, signature, CONTEXT, ws) == BAD_SIGNATURE
    with pytest.raises(InvalidSignature):
        MLDSA65PublicKey.from_public_bytes(public_key).verify(signature, MESSAGE, CONTEXT)


# ------------------------------------------------------------------ malformed signatures


def test_the_fixture_is_a_good_signature(
    dsa: Library, public_key: bytes, signature: bytes
) -> None:
    for ws in VERIFY_MODES:
        assert dsa.verify(public_key, MESSAGE, signature, CONTEXT, ws) == OK


@pytest.mark.parametrize("part", [CHALLENGE, Z, HINT], ids=["challenge", "z", "hint"])
def test_one_wrong_bit_at_either_end_of_each_part(
    dsa: Library, public_key: bytes, signature: bytes, part: slice
) -> None:
    for at, bit in (
        (part.start, 1),
        (part.start, 0x80),
        (part.stop - 1, 1),
        (part.stop - 1, 0x80),
    ):
        wrong = bytes((signature[at] ^ bit,))
        assert_refused(dsa, public_key, changed(signature, slice(at, at + 1), wrong))


def hint_of(rows: list[list[int]], padding: bytes = b"") -> bytes:
    """Encode a hint with these positions, however wrong, and these bytes after the last."""
    positions = [position for row in rows for position in row]
    out = bytearray(OMEGA + 6)
    out[: len(positions)] = bytes(positions)
    out[len(positions) : len(positions) + len(padding)] = padding
    total = 0
    for i, row in enumerate(rows):
        total += len(row)
        out[OMEGA + i] = total
    return bytes(out)


def rows_of(hint: bytes) -> list[list[int]]:
    ends = [0, *hint[OMEGA:]]
    return [list(hint[ends[i] : ends[i + 1]]) for i in range(6)]


def swap_two(rows: list[list[int]]) -> bytes:
    longest = max(rows, key=len)
    longest[0], longest[1] = longest[1], longest[0]
    return hint_of(rows)


def double_one(rows: list[list[int]]) -> bytes:
    longest = max(rows, key=len)
    longest[1] = longest[0]
    return hint_of(rows)


def pad_with_one(rows: list[list[int]]) -> bytes:
    return hint_of(rows, padding=b"\x01")


def count_falls(rows: list[list[int]]) -> bytes:
    out = bytearray(hint_of(rows))
    out[OMEGA + 4] = out[OMEGA + 3] - 1
    return bytes(out)


def count_beyond_omega(rows: list[list[int]]) -> bytes:
    out = bytearray(hint_of(rows))
    out[OMEGA + 5] = OMEGA + 1
    return bytes(out)


def last_count_short(rows: list[list[int]]) -> bytes:
    out = bytearray(hint_of(rows))
    out[OMEGA + 5] -= 1  # the last position becomes padding that is not zero
    return bytes(out)


@pytest.mark.parametrize(
    "spoil",
    [swap_two, double_one, pad_with_one, count_falls, count_beyond_omega, last_count_short],
)
def test_a_hint_encoded_in_any_other_way(
    dsa: Library,
    public_key: bytes,
    signature: bytes,
    spoil: Callable[[list[list[int]]], bytes],
) -> None:
    rows = rows_of(signature[HINT])
    assert hint_of(rows) == signature[HINT]  # the model of the encoding is right
    rows[5] = rows[5] or [7]
    assert_refused(dsa, public_key, changed(signature, HINT, spoil(rows)))


@pytest.mark.parametrize("row", range(6))
def test_more_hints_than_omega_in_any_row(
    dsa: Library, public_key: bytes, signature: bytes, row: int
) -> None:
    counts = bytearray(signature[HINT])
    for i in range(row, 6):
        counts[OMEGA + i] = 255
    assert_refused(dsa, public_key, changed(signature, HINT, bytes(counts)))


@pytest.mark.parametrize("value", [GAMMA1 - BETA, BETA - GAMMA1, GAMMA1, 1 - GAMMA1])
@pytest.mark.parametrize("index", [0, 255, 256 * 4 + 1, 256 * 5 - 1])
def test_a_response_on_or_beyond_its_bound(
    dsa: Library, public_key: bytes, signature: bytes, value: int, index: int
) -> None:
    packed = int.from_bytes(signature[Z], "little")
    packed &= ~(0xFFFFF << 20 * index)
    packed |= (GAMMA1 - value & 0xFFFFF) << 20 * index
    assert_refused(dsa, public_key, changed(signature, Z, packed.to_bytes(3200, "little")))


def test_another_key_message_or_context(dsa: Library, public_key: bytes, signature: bytes) -> None:
    assert dsa.verify(public_key, MESSAGE + b"\0", signature, CONTEXT) == BAD_SIGNATURE
    assert dsa.verify(public_key, MESSAGE, signature, CONTEXT + b"\0") == BAD_SIGNATURE
    # The boundary between the two is bound as well.
    moved = dsa.verify(public_key, CONTEXT[-1:] + MESSAGE, signature, CONTEXT[:-1])
    assert moved == BAD_SIGNATURE
    for at in (0, 31, 32, PUBLIC - 1):
        other = bytearray(public_key)
        other[at] ^= 1
        assert dsa.verify(bytes(other), MESSAGE, signature, CONTEXT) == BAD_SIGNATURE


@pytest.mark.parametrize("key", [bytes(PUBLIC), b"\xff" * PUBLIC], ids=["zeros", "ones"])
def test_extreme_public_keys_verify_nothing(dsa: Library, signature: bytes, key: bytes) -> None:
    for candidate in (signature, bytes(SIGNATURE), b"\xff" * SIGNATURE):
        assert dsa.verify(key, MESSAGE, candidate, CONTEXT) == BAD_SIGNATURE


# ------------------------------------------------------------------ lengths and workspaces


@pytest.mark.parametrize("length", [256, 257, 65536])
def test_a_context_too_long(
    dsa: Library, public_key: bytes, signature: bytes, length: int
) -> None:
    with pytest.raises(Refused) as refused:
        dsa.sign(SEED, MESSAGE, bytes(length))
    assert (refused.value.status, refused.value.output) == (BAD_LENGTH, bytes(SIGNATURE))
    assert dsa.verify(public_key, MESSAGE, signature, bytes(length)) == BAD_LENGTH


def test_the_longest_context(dsa: Library, public_key: bytes) -> None:
    context = bytes(range(255))
    assert dsa.verify(public_key, MESSAGE, dsa.sign(SEED, MESSAGE, context), context) == OK


def test_a_workspace_too_small_zeroes_the_output(
    dsa: Library, public_key: bytes, signature: bytes
) -> None:
    small = 2048
    with pytest.raises(Refused) as refused:
        dsa.keypair(SEED, small)
    assert (refused.value.status, refused.value.output) == (WORKSPACE, bytes(PUBLIC))
    with pytest.raises(Refused) as refused:
        dsa.sign(SEED, MESSAGE, ws=small)
    assert (refused.value.status, refused.value.output) == (WORKSPACE, bytes(SIGNATURE))
    assert dsa.verify(public_key, MESSAGE, signature, CONTEXT, small) == WORKSPACE


def test_a_missing_or_misaligned_workspace(dsa: Library) -> None:
    size = ctypes.c_size_t(KEYPAIR_MODES[0])
    out = ctypes.create_string_buffer(b"\xa7" * PUBLIC, PUBLIC)
    assert dsa.raw.pqc_dsa_keypair(out, SEED, None, size) == WORKSPACE
    space = Workspace(KEYPAIR_MODES[0] + 8)
    start = space.arguments[0].value or 0
    assert dsa.raw.pqc_dsa_keypair(out, SEED, ctypes.c_void_p(start + 4), size) == WORKSPACE
    assert out.raw == bytes(PUBLIC)


def test_a_workspace_between_two_modes_gives_the_same_result(dsa: Library) -> None:
    between = SIGN_MODES[1] - 8
    assert dsa.sign(SEED, MESSAGE, ws=between) == dsa.sign(SEED, MESSAGE, ws=SIGN_MODES[0])


# ------------------------------------------------------------------ secrets


def secrets_of(dsa: Library) -> dict[str, bytes]:
    """What must not be found afterwards: the seed and pieces of the expanded key."""
    expanded = dsa.expand(SEED)
    assert len(expanded) == EXPANDED
    return {
        "seed": SEED,
        "K": expanded[32:64],
        "s1": expanded[128:160],
        "s2": expanded[768:800],
        "t0": expanded[1536:1568],
    }


@pytest.mark.parametrize("mode", [0, 1], ids=["small", "fast"])
def test_the_workspace_holds_no_secret_afterwards(dsa: Library, mode: int) -> None:
    keypair_space, sign_space = Workspace(KEYPAIR_MODES[mode]), Workspace(SIGN_MODES[mode])
    public, signature = ctypes.create_string_buffer(PUBLIC), ctypes.create_string_buffer(SIGNATURE)
    none = ctypes.c_size_t(0)
    assert dsa.raw.pqc_dsa_keypair(public, SEED, *keypair_space.arguments) == OK
    arguments = (signature, SEED, None, none, None, none, bytes(32), None)
    assert dsa.raw.pqc_dsa_sign(*arguments, *sign_space.arguments) == OK
    for space in (keypair_space, sign_space):
        content = space.content()
        assert content[:3000] == bytes(3000)
        for name, secret in secrets_of(dsa).items():
            for piece in (secret[:16], secret[16:]):
                assert piece not in content, name


# ------------------------------------------------------------------ options


def test_the_poll_function_sees_every_attempt_and_may_stop(dsa: Library) -> None:
    seen: list[int] = []

    def poll(_argument: int) -> int:
        seen.append(1)
        return int(len(seen) == limit)

    limit = 0
    options = Options(Poll(poll), None, 0)
    wanted = dsa.sign(SEED, b"poll 1")
    assert dsa.sign(SEED, b"poll 1", options=options) == wanted
    attempts = len(seen)
    assert attempts > 1, "choose a message that needs several attempts"

    for limit in range(1, attempts + 1):  # noqa: B007 - read by poll()
        seen.clear()
        with pytest.raises(Refused) as refused:
            dsa.sign(SEED, b"poll 1", options=options)
        assert (refused.value.status, refused.value.output) == (STOPPED, bytes(SIGNATURE))


@pytest.mark.parametrize("ws", SIGN_MODES)
def test_checking_its_own_signature_changes_nothing(dsa: Library, ws: int) -> None:
    options = Options(NO_POLL, None, 1)
    assert dsa.sign(SEED, MESSAGE, CONTEXT, ws=ws, options=options) == dsa.sign(
        SEED, MESSAGE, CONTEXT
    )


def test_a_fault_is_caught_before_the_signature_is_released() -> None:
    """The library is built with a fault planted behind the signer's own checks."""
    faulty = library("-DPQC_TEST_FAULT")
    with pytest.raises(Refused) as refused:
        faulty.sign(SEED, MESSAGE, options=Options(NO_POLL, None, 1))
    assert (refused.value.status, refused.value.output) == (-7, bytes(SIGNATURE))
    plain = faulty.sign(SEED, MESSAGE)  # nobody asked for the check
    assert faulty.verify(faulty.keypair(SEED), MESSAGE, plain) == BAD_SIGNATURE


# ------------------------------------------------------------------ entry points


def test_a_message_representative_computed_elsewhere(dsa: Library, public_key: bytes) -> None:
    mu = bytes(range(64))
    space, out = Workspace(SIGN_MODES[0]), ctypes.create_string_buffer(SIGNATURE)
    assert dsa.raw.pqc_dsa_sign_mu(out, SEED, mu, bytes(32), None, *space.arguments) == OK
    assert dsa.verify_internal(public_key, Message(mu=mu), out.raw) == OK
    other = Message(mu=bytes(64))
    assert dsa.verify_internal(public_key, other, out.raw) == BAD_SIGNATURE
    space = Workspace(VERIFY_MODES[0])
    assert dsa.raw.pqc_dsa_verify_mu(public_key, mu, out.raw, *space.arguments) == OK


def test_hedging_changes_the_signature_and_zeros_repeat_it(
    dsa: Library, public_key: bytes
) -> None:
    hedged = dsa.sign(SEED, MESSAGE, random=b"\x01" * 32)
    assert hedged != dsa.sign(SEED, MESSAGE)
    assert dsa.sign(SEED, MESSAGE) == dsa.sign(SEED, MESSAGE)
    assert dsa.verify(public_key, MESSAGE, hedged) == OK
