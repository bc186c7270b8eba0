# SPDX-License-Identifier: MIT OR Apache-2.0
"""ML-DSA-65 of ``firmware/c_pqc``: published vectors, and pyca as the second opinion."""

import hashlib
import random
from itertools import cycle

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import (
    MLDSA65PrivateKey,
    MLDSA65PublicKey,
)

from support.dsa_library import (
    BAD_SIGNATURE,
    EXPANDED,
    KEYPAIR_MODES,
    OK,
    SIGN_MODES,
    SIGNATURE,
    VERIFY_MODES,
    Library,
    Message,
    Private,
    library,
)
from support.pqc_vectors import acvp_groups, rsp_entries

# The multiplications of a Cortex-M0+ run on the host too: the whole file does it with both.
VARIANTS = pytest.mark.parametrize("flags", [(), ("-DPQC_SHORT_MULTIPLY",)], ids=["long", "short"])


@pytest.fixture
def dsa() -> Library:
    return library()


def unhex(test: dict[str, str]) -> dict[str, bytes]:
    """The fields of a vector that are byte strings."""
    names = ("seed", "pk", "sk", "message", "context", "rnd", "mu", "signature")
    return {name: bytes.fromhex(test[name]) for name in names if name in test}


# ------------------------------------------------------------------ known answers


@VARIANTS
def test_every_entry_of_cryptography_vectors(flags: tuple[str, ...]) -> None:
    dsa = library(*flags)
    entries = list(rsp_entries("asymmetric/MLDSA/kat_MLDSA_65_det_pure.rsp"))
    assert len(entries) >= 100
    modes = cycle(zip(KEYPAIR_MODES, SIGN_MODES, VERIFY_MODES, strict=True))
    for entry, (keypair_ws, sign_ws, verify_ws) in zip(entries, modes, strict=False):
        value = {name: bytes.fromhex(text) for name, text in entry.items() if name in FIELDS}
        message, context = value["msg"], value["ctx"]
        signature = value["sm"][:SIGNATURE]
        assert dsa.keypair(value["xi"], keypair_ws) == value["pk"]
        assert dsa.sign(value["xi"], message, context, ws=sign_ws) == signature
        assert dsa.verify(value["pk"], message, signature, context, verify_ws) == OK


FIELDS = frozenset(("xi", "pk", "sk", "msg", "ctx", "sm"))


def test_acvp_keygen(dsa: Library) -> None:
    (group,) = acvp_groups("acvp_mldsa65_keygen")
    assert len(group["tests"]) == 25
    for test in map(unhex, group["tests"]):
        for ws in KEYPAIR_MODES:
            assert dsa.keypair(test["seed"], ws) == test["pk"]
        assert dsa.expand(test["seed"]) == test["sk"]


@pytest.mark.parametrize(
    ("name", "cases"),
    [
        ("acvp_mldsa65_siggen_external_pure", 30),
        ("acvp_mldsa65_siggen_internal_mu", 30),
        ("acvp_mldsa65_siggen_internal_msg", 16),
    ],
)
def test_acvp_siggen(dsa: Library, name: str, cases: int) -> None:
    tests = [test for group in acvp_groups(name) for test in group["tests"]]
    assert len(tests) == cases
    for test in map(unhex, tests):
        assert len(test["sk"]) == EXPANDED
        key, message = Private(None, test["sk"]), acvp_message(test, name)
        for ws in SIGN_MODES:
            assert dsa.sign_internal(key, message, test["rnd"], ws) == test["signature"]
        assert dsa.verify_internal(test["pk"], message, test["signature"]) == OK


def acvp_message(test: dict[str, bytes], name: str) -> Message:
    if "mu" in test:
        return Message(mu=test["mu"])
    context = test.get("context", b"")
    return Message(
        message=test["message"],
        message_bytes=len(test["message"]),
        context=context,
        context_bytes=len(context),
        internal="internal" in name,
    )


def test_acvp_sigver(dsa: Library) -> None:
    groups = acvp_groups("acvp_mldsa65_sigver")
    assert sum(len(group["tests"]) for group in groups) == 45
    for group in groups:
        for raw in group["tests"]:
            test = unhex(raw)
            message = acvp_message(test, group["signatureInterface"])
            expected = OK if raw["testPassed"] else BAD_SIGNATURE
            for ws in VERIFY_MODES:
                assert dsa.verify_internal(test["pk"], message, test["signature"], ws) == expected


def accumulated(dsa: Library, count: int) -> str:
    """C2SP CCTV, ML-DSA/accumulated: keys and signatures of ``count`` seeds, hashed."""
    seeds = hashlib.shake_128(b"").digest(32 * count)
    total = hashlib.shake_128()
    for at in range(0, 32 * count, 32):
        seed = seeds[at : at + 32]
        public_key, signature = dsa.keypair(seed), dsa.sign(seed, b"")
        total.update(public_key + signature)
        assert dsa.verify(public_key, b"", signature) == OK
    return total.hexdigest(32)


@VARIANTS
def test_accumulated_hundred(flags: tuple[str, ...]) -> None:
    expected = "8358a1843220194417cadbc2651295cd8fc65125b5a5c1a239a16dc8b57ca199"
    assert accumulated(library(*flags), 100) == expected


@pytest.mark.nightly
@pytest.mark.timeout(1200)
def test_accumulated_ten_thousand(dsa: Library) -> None:
    expected = "5ff5e196f0b830c3b10a9eb5358e7c98a3a20136cb677f3ae3b90175c3ace329"
    assert accumulated(dsa, 10_000) == expected


# ------------------------------------------------------------------ against pyca


def cross_check(dsa: Library, cases: range) -> None:
    """Keys, signatures and verdicts agree with OpenSSL in both directions."""
    for case in cases:
        rng = random.Random(f"dsa {case}")
        seed, message = rng.randbytes(32), rng.randbytes(rng.randrange(400))
        context, hedge = rng.randbytes(rng.choice((0, 1, 17, 255))), rng.randbytes(32)
        mode = case % 2
        theirs = MLDSA65PrivateKey.from_seed_bytes(seed)
        public = theirs.public_key()

        public_key = dsa.keypair(seed, KEYPAIR_MODES[mode])
        assert public_key == public.public_bytes_raw()
        signature = theirs.sign(message, context)
        assert dsa.verify(public_key, message, signature, context, VERIFY_MODES[mode]) == OK
        ours = dsa.sign(seed, message, context, hedge, ws=SIGN_MODES[mode])
        public.verify(ours, message, context)
        check_verdict(dsa, rng, public, ours, message, context)


def check_verdict(
    dsa: Library,
    rng: random.Random,
    public: MLDSA65PublicKey,
    signature: bytes,
    message: bytes,
    context: bytes,
) -> None:
    """Both refuse a signature in which one bit, anywhere, is wrong."""
    bit = rng.randrange(8 * SIGNATURE)
    forged = bytearray(signature)
    forged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(InvalidSignature):
        public.verify(bytes(forged), message, context)
    key = public.public_bytes_raw()
    assert dsa.verify(key, message, bytes(forged), context) == BAD_SIGNATURE


def test_thousand_random_cases_agree_with_pyca(dsa: Library) -> None:
    cross_check(dsa, range(1000))


def test_random_cases_with_short_multiplications_agree_with_pyca() -> None:
    cross_check(library("-DPQC_SHORT_MULTIPLY"), range(1000, 1100))


@pytest.mark.parametrize("length", [0, 1, 135, 136, 137, 271, 272, 273, 10_000])
def test_messages_around_the_blocks_of_the_sponge(dsa: Library, length: int) -> None:
    seed, message = bytes(range(32)), b"m" * length
    theirs = MLDSA65PrivateKey.from_seed_bytes(seed)
    signature = dsa.sign(seed, message)
    theirs.public_key().verify(signature, message)
    assert dsa.verify(dsa.keypair(seed), message, theirs.sign(message)) == OK
