# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the module ``pqc`` promises about arguments, workspaces and errors.

The MicroPython module promises the same; ``tests/firmware`` runs a part of this there.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.pqc_extension import pqc
from tools.build_cpython_pqc import C_PQC

# name -> (argument name, size or None for any, kind); kind: in, out, tag
SIGNATURES: dict[str, list[tuple[str, int | None, str]]] = {
    "kem_keypair": [("seed", 64, "in"), ("ek_out", 1184, "out")],
    "kem_expand": [("seed", 64, "in"), ("dk_out", 2400, "out")],
    "kem_encapsulate": [
        ("ek", 1184, "in"),
        ("coins", 32, "in"),
        ("ct_out", 1088, "out"),
        ("ss_out", 32, "out"),
    ],
    "kem_decapsulate": [("seed", 64, "in"), ("ct", 1088, "in"), ("ss_out", 32, "out")],
    "kem_decapsulate_expanded": [("dk", 2400, "in"), ("ct", 1088, "in"), ("ss_out", 32, "out")],
    "dsa_keypair": [("seed", 32, "in"), ("pk_out", 1952, "out")],
    "dsa_sign": [
        ("seed", 32, "in"),
        ("message", None, "in"),
        ("context", None, "in"),
        ("rnd", 32, "in"),
        ("sig_out", 3309, "out"),
    ],
    "dsa_sign_mu": [
        ("seed", 32, "in"),
        ("mu", 64, "in"),
        ("rnd", 32, "in"),
        ("sig_out", 3309, "out"),
    ],
    "dsa_verify": [
        ("pk", 1952, "in"),
        ("message", None, "in"),
        ("context", None, "in"),
        ("sig", 3309, "in"),
    ],
    "dsa_verify_mu": [("pk", 1952, "in"), ("mu", 64, "in"), ("sig", 3309, "in")],
    "sha256": [("data", None, "in")],
    "sha3_256": [("data", None, "in")],
    "shake128": [("data", None, "in"), ("out", None, "out")],
    "shake256": [("data", None, "in"), ("out", None, "out")],
    "hmac_sha256": [("key", None, "in"), ("data", None, "in")],
    "hkdf_extract": [("salt", None, "in"), ("ikm", None, "in")],
    "hkdf_expand": [("prk", 32, "in"), ("info", None, "in"), ("out", None, "out")],
    "ccm_seal": [
        ("key", 32, "in"),
        ("nonce", 13, "in"),
        ("aad", None, "in"),
        ("plaintext", None, "in"),
        ("tag_bytes", None, "tag"),
        ("out", 16, "out"),
    ],
    "ccm_open": [
        ("key", 32, "in"),
        ("nonce", 13, "in"),
        ("aad", None, "in"),
        ("ciphertext", 16, "in"),
        ("tag_bytes", None, "tag"),
        ("out", 0, "out"),
    ],
}
SIZED = [
    (function, index)
    for function, arguments in SIGNATURES.items()
    for index, (name, size, _) in enumerate(arguments)
    if size and name != "ciphertext"  # whose length is `out` plus the tag
]


def arguments(function: str) -> list[Any]:
    """Make acceptable arguments."""
    made: list[Any] = []
    for _, size, kind in SIGNATURES[function]:
        made.append(16 if kind == "tag" else bytearray(size or 0))
    if function == "kem_decapsulate_expanded":  # the one input that zeroes are not good for
        pqc.kem_expand(bytes(64), made[0])
    return made


def call(function: str, made: list[Any]) -> object:
    target: Callable[..., object] = getattr(pqc, function)
    return target(*made)


def test_the_module_offers_exactly_this() -> None:
    public = {name for name in dir(pqc) if not name.startswith("_")}
    assert public == {*SIGNATURES, "WORKSPACE_BYTES", "set_workspace", "set_poll"}


@pytest.mark.parametrize("function", SIGNATURES)
def test_the_micropython_modules_offer_it_with_the_same_table(function: str) -> None:
    """What a name is bound to in both, and which table of arguments that function reads."""
    built_in = (C_PQC / "bind_micropython" / "modpqc.c").read_text()
    assert f"MP_ROM_QSTR(MP_QSTR_{function}), MP_ROM_PTR(&pqc_{function}_obj)" in built_in
    native = " ".join((C_PQC / "natmod" / "pqc_native.c").read_text().split())
    assert f"(MP_QSTR_{function}, MP_OBJ_FROM_PTR(&pqc_{function}_obj));" in native
    source = (C_PQC / "bind_micropython" / "functions.h").read_text()
    table = {
        "sha256": "hash",
        "sha3_256": "hash",
        "shake128": "shake",
        "shake256": "shake",
        "hmac_sha256": "hmac",
    }.get(function, function)
    body = source[source.index(f"static mp_obj_t pqc_py_{function}(") :]
    assert f"TAKE(v, args_{table}, " in body[: body.index("\n}")]
    if len(SIGNATURES[function]) > 1:
        count = len(SIGNATURES[function])
        arity = rf"pqc_{function}_obj, {count}, {count},\s+pqc_py_{function}\)"
        assert re.search(arity, source)


@pytest.mark.parametrize("function", SIGNATURES)
def test_acceptable_arguments_are_accepted(function: str) -> None:
    call(function, arguments(function))


@pytest.mark.parametrize(("function", "index"), SIZED)
@pytest.mark.parametrize("excess", [-1, 1])
def test_a_wrong_size_is_refused_by_name(function: str, index: int, excess: int) -> None:
    name, size, _ = SIGNATURES[function][index]
    assert size is not None
    made = arguments(function)
    made[index] = bytearray(size + excess)
    with pytest.raises(ValueError, match=f"^{name}: must be {size} bytes$"):
        call(function, made)


@pytest.mark.parametrize("function", SIGNATURES)
def test_outputs_must_be_writable_and_inputs_buffers(function: str) -> None:
    for index, (_, _, kind) in enumerate(SIGNATURES[function]):
        made = arguments(function)
        made[index] = bytes(made[index]) if kind == "out" else "text"
        with pytest.raises((TypeError, BufferError)):
            call(function, made)


@pytest.mark.parametrize("function", SIGNATURES)
def test_the_number_of_arguments_is_fixed(function: str) -> None:
    made = arguments(function)
    for wrong in (made[:-1], [*made, b""]):
        with pytest.raises(TypeError):
            call(function, wrong)


def test_any_readable_buffer_will_do_and_alignment_does_not_matter() -> None:
    seed = bytes(range(64))
    want = bytearray(1184)
    pqc.kem_keypair(seed, want)
    for shift in range(1, 8):
        source, target = bytearray(shift) + seed, bytearray(shift + 1184)
        pqc.kem_keypair(memoryview(source)[shift:], memoryview(target)[shift:])
        assert target[shift:] == want
        assert target[:shift] == bytes(shift)


def test_buffers_are_released_after_success_and_after_failure() -> None:
    good, bad = bytearray(64), bytearray(63)
    pqc.kem_keypair(good, bytearray(1184))
    good.append(0)  # a held buffer would raise BufferError here
    with pytest.raises(ValueError):
        pqc.kem_keypair(bad, bytearray(1184))
    bad.append(0)


# ---------------------------------------------------------------------- workspace


@pytest.fixture
def workspace() -> Iterator[bytearray]:
    buffer = bytearray(b"\xa5" * pqc.WORKSPACE_BYTES)
    pqc.set_workspace(buffer)
    yield buffer
    pqc.set_workspace(None)


WITH_WORKSPACE = [name for name in SIGNATURES if name.startswith(("kem", "dsa"))]


@pytest.mark.parametrize("function", WITH_WORKSPACE)
def test_results_do_not_depend_on_where_the_workspace_comes_from(
    function: str, workspace: bytearray
) -> None:
    registered = arguments(function)
    verdict = call(function, registered)
    pqc.set_workspace(None)
    allocated = arguments(function)
    assert call(function, allocated) == verdict
    assert registered == allocated


@pytest.mark.parametrize("function", WITH_WORKSPACE)
def test_no_trace_of_the_call_stays_in_the_workspace(function: str, workspace: bytearray) -> None:
    call(function, arguments(function))
    assert set(workspace) <= {0x00, 0xA5}  # wiped, or never touched
    assert workspace.count(0) >= 2000


def test_a_workspace_too_small_or_misaligned_is_refused() -> None:
    size = pqc.WORKSPACE_BYTES
    with pytest.raises(ValueError, match=f"at least {size} bytes"):
        pqc.set_workspace(bytearray(size - 1))
    with pytest.raises(ValueError, match="not aligned"):
        pqc.set_workspace(memoryview(bytearray(size + 1))[1:])
    with pytest.raises((TypeError, BufferError)):
        pqc.set_workspace(bytes(size))


def test_a_registered_workspace_is_given_back(workspace: bytearray) -> None:
    with pytest.raises(BufferError):
        workspace.append(0)  # held: it cannot move while registered
    pqc.set_workspace(None)
    workspace.append(0)


# --------------------------------------------------------------------------- poll


@pytest.fixture
def polled() -> Iterator[Callable[[Callable[[], object]], None]]:
    yield pqc.set_poll
    pqc.set_poll(None)


@pytest.mark.parametrize(("message", "attempts"), [(b"b", 1), (b"a", 4), (b"reading", 6)])
def test_between_attempts_the_owner_has_a_turn(message: bytes, attempts: int, polled) -> None:
    """How many there are follows from key, message and randomness, in FIPS 204 itself."""
    turns = []
    plain, signature = bytearray(3309), bytearray(3309)
    pqc.dsa_sign(bytes(32), message, b"", bytes(32), plain)
    polled(lambda: turns.append(1))
    pqc.dsa_sign(bytes(32), message, b"", bytes(32), signature)
    assert signature == plain
    assert len(turns) == attempts
    polled(None)
    pqc.dsa_sign(bytes(32), message, b"", bytes(32), signature)
    assert len(turns) == attempts


@pytest.mark.parametrize("sign", ["dsa_sign", "dsa_sign_mu"])
def test_what_the_owner_raises_ends_a_signature_and_leaves_nothing(
    sign: str, polled, workspace: bytearray
) -> None:
    turns = iter("once")

    def poll() -> None:
        if next(turns) == "n":
            raise TimeoutError("the watchdog wants its turn")

    polled(poll)
    made = arguments(sign)
    with pytest.raises(TimeoutError, match="watchdog"):
        call(sign, made)
    assert set(workspace) <= {0x00, 0xA5}
    assert set(made[-1]) == {0}  # a buffer that was scratch memory meanwhile
    polled(None)
    call(sign, made)
    assert set(made[-1]) != {0}


def test_a_poll_may_not_use_the_workspace_that_is_in_use(polled, workspace: bytearray) -> None:
    polled(lambda: pqc.dsa_keypair(bytes(32), bytearray(1952)))
    with pytest.raises(RuntimeError, match="called by its own poll"):
        call("dsa_sign", arguments("dsa_sign"))
    polled(lambda: pqc.sha256(b"that needs none"))
    call("dsa_sign", arguments("dsa_sign"))


def test_a_poll_may_not_change_the_workspace_that_is_in_use(polled, workspace: bytearray) -> None:
    for other in (None, bytearray(pqc.WORKSPACE_BYTES)):
        polled(lambda other=other: pqc.set_workspace(other))
        with pytest.raises(RuntimeError, match="called by its own poll"):
            call("dsa_sign", arguments("dsa_sign"))


def test_a_poll_may_sign_with_memory_of_its_own_and_is_not_asked_meanwhile(polled) -> None:
    turns = []

    def poll() -> None:
        turns.append(1)
        call("dsa_sign", arguments("dsa_sign"))

    made = [bytes(32), b"reading", b"", bytes(32), bytearray(3309)]
    polled(poll)
    call("dsa_sign", made)
    assert len(turns) == 6  # as many as without
    polled(lambda: pqc.set_poll(None))
    call("dsa_sign", made)


def test_a_poll_is_a_function_or_none(polled) -> None:
    with pytest.raises(TypeError, match="callable"):
        polled(7)
