# SPDX-License-Identifier: MIT OR Apache-2.0
"""One known answer for each function of the module `pqc`, to be run on any board.

An answer is a program for the board's prompt and the line it must print. Short answers stand
here with their source; long ones come from PyPI's `cryptography-vectors`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from cryptography_vectors import open_vector_file

CONTRACT = frozenset(
    (
        "kem_keypair",
        "kem_encapsulate",
        "kem_decapsulate",
        "dsa_keypair",
        "dsa_sign",
        "dsa_verify",
        "sha256",
        "sha3_256",
        "shake128",
        "shake256",
        "hmac_sha256",
        "hkdf_extract",
        "hkdf_expand",
        "ccm_seal",
        "ccm_open",
        "set_workspace",
    )
)


@dataclass(frozen=True)
class Answer:
    """`setup` prepares names; then `call` runs and `result`, an expression, is printed."""

    name: str
    function: str
    setup: str
    call: str
    result: str
    expected: str

    def program(self) -> str:
        """Python for the board. Large values are made of short lines: its input is small."""
        lines = ["import pqc", "u = bytes.fromhex", self.setup]
        lines += [self.call, f"r = {self.result}", "print(r if isinstance(r, bool) else r.hex())"]
        return "\n".join(lines)


def _value(name: str, octets: bytes) -> str:
    pieces = [octets[at : at + 64].hex() for at in range(0, len(octets), 64)] or [""]
    return f"{name} = b''.join((\n" + ",\n".join(f"u('{piece}')" for piece in pieces) + ",\n))"


def _returned(name: str, function: str, arguments: str, expected: str) -> Answer:
    return Answer(name, function, "", f"r = pqc.{function}({arguments})", "r", expected)


def _written(name: str, function: str, arguments: str, expected: str) -> Answer:
    """For functions that write `out`, as large as what is expected."""
    setup = f"out = bytearray({len(expected) // 2})"
    return Answer(name, function, setup, f"pqc.{function}({arguments}, out)", "out", expected)


def _short() -> Iterator[Answer]:
    # FIPS 180-4 and FIPS 202, the message "abc"; SHAKE: the empty message (NIST examples).
    yield _returned(
        "sha256",
        "sha256",
        "b'abc'",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    )
    yield _returned(
        "sha3-256",
        "sha3_256",
        "b'abc'",
        "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
    )
    yield _written("shake128", "shake128", "b''", "7f9c2ba4e88f827d616045507605853e")
    yield _written(
        "shake256",
        "shake256",
        "b''",
        "46b9dd2b0ba88d13233b3feb743eeb243fcd52ea62b81b82b50c27646ed5762f",
    )
    # RFC 4231 test case 2; RFC 5869 test case 1.
    yield _returned(
        "hmac",
        "hmac_sha256",
        "b'Jefe', b'what do ya want for nothing?'",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    )
    yield _returned(
        "hkdf-extract",
        "hkdf_extract",
        "bytes(range(13)), b'\\x0b' * 22",
        "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
    )
    yield _written(
        "hkdf-expand",
        "hkdf_expand",
        "u('077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5'), "
        "bytes(range(0xf0, 0xfa))",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    )
    # NIST CAVS 11.0, VTT256, Tlen = 8, Count = 20.
    key = "u('bae73483de27b581a7c13f178a6d7bda168c1b4a1cb9180512a13e3ab914eb61')"
    nonce = "u('daf54faef6e4fc7867624b76f2')"
    aad = "u('7022eaa52c9da821da72d2edd98f6b91dfe474999b75b34699aeb38465f70c1c')"
    plain = "28ef408d57930086011b167ac04b866e5b58fe6690a0b9c3"
    sealed = "356367c6cee4453658418d9517f7c6faddcd7c65aef460138cf050f48c505151"
    yield _written("ccm-seal", "ccm_seal", f"{key}, {nonce}, {aad}, u('{plain}'), 8", sealed)
    yield _written("ccm-open", "ccm_open", f"{key}, {nonce}, {aad}, u('{sealed}'), 8", plain)
    forged = sealed[:-2] + "50"
    yield Answer(
        "ccm-forged",
        "ccm_open",
        "out = bytearray(b'x' * 24)",
        f"ok = pqc.ccm_open({key}, {nonce}, {aad}, u('{forged}'), 8, out)",
        "not ok and out == bytes(24)",
        "True",
    )


def _kem() -> Iterator[Answer]:
    """ML-KEM-768, the first entry: key, encapsulation, decapsulation, implicit rejection."""
    entry = _first_entry("asymmetric/MLKEM/kat_MLKEM_768.rsp")
    seed = entry["d"] + entry["z"]
    setup = "\n".join((_value("seed", seed), "ek = bytearray(1184)"))
    keypair = "pqc.kem_keypair(seed, ek)"
    yield Answer("kem-keypair", "kem_keypair", setup, keypair, "ek", entry["pk"].hex())
    setup += f"\n{keypair}\nct, ss = bytearray(1088), bytearray(32)\n" + _value("m", entry["msg"])
    yield Answer(
        "kem-encapsulate",
        "kem_encapsulate",
        setup,
        "pqc.kem_encapsulate(ek, m, ct, ss)",
        "ct + ss",
        (entry["ct"] + entry["ss"]).hex(),
    )
    for name, suffix in (("kem-decapsulate", ""), ("kem-rejection", "_n")):
        yield Answer(
            name,
            "kem_decapsulate",
            "\n".join(
                (_value("seed", seed), _value("ct", entry[f"ct{suffix}"]), "ss = bytearray(32)")
            ),
            "pqc.kem_decapsulate(seed, ct, ss)",
            "ss",
            entry[f"ss{suffix}"].hex(),
        )


def _dsa() -> Iterator[Answer]:
    """ML-DSA-65, pure, deterministic, the first entry: key, signature, verification, forgery."""
    entry = _first_entry("asymmetric/MLDSA/kat_MLDSA_65_det_pure.rsp")
    signature = entry["sm"][:3309]
    seed = _value("xi", entry["xi"])
    texts = "\n".join((_value("msg", entry["msg"]), _value("ctx", entry["ctx"])))
    yield Answer(
        "dsa-keypair",
        "dsa_keypair",
        f"{seed}\npk = bytearray(1952)",
        "pqc.dsa_keypair(xi, pk)",
        "pk",
        entry["pk"].hex(),
    )
    yield Answer(
        "dsa-sign",
        "dsa_sign",
        f"{seed}\n{texts}\nsig = bytearray(3309)",
        "pqc.dsa_sign(xi, msg, ctx, bytes(32), sig)",
        "sig",
        signature.hex(),
    )
    setup = "\n".join((texts, _value("pk", entry["pk"]), _value("sig", signature)))
    verify = "ok = pqc.dsa_verify(pk, msg, ctx, sig)"
    yield Answer("dsa-verify", "dsa_verify", setup, verify, "ok", "True")
    forged = setup + "\nsig = bytearray(sig); sig[100] ^= 1"
    yield Answer("dsa-forged", "dsa_verify", forged, verify, "ok", "False")


def _first_entry(path: str) -> dict[str, bytes]:
    """The fields of the file's first record (NIST's .rsp format: `name = hex`)."""
    entry: dict[str, bytes] = {}
    with open_vector_file(path, "r") as lines:
        for line in lines:
            name, _, value = (part.strip() for part in line.partition("="))
            if name == "count" and entry:
                break
            if name and name not in ("count", "mlen", "smlen"):
                entry[name] = bytes.fromhex(value)
    return entry


ALL = (*_short(), *_kem(), *_dsa())
