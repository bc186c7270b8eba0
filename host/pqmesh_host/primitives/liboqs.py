# SPDX-License-Identifier: MIT OR Apache-2.0
"""liboqs through liboqs-python (the extra ``oqs``), where a shared library is installed.

``import oqs`` without one counts down, clones liboqs from the net and builds it, and ends
the process when that fails. So the library is looked for first, in the places liboqs-python
looks in; without it, nothing is imported.
"""

from __future__ import annotations

import ctypes.util
import importlib
import logging
import os
from pathlib import Path
from typing import Any

from .expanded import expand
from .port import (
    DSA_SEED_BYTES,
    KEM_CIPHERTEXT_BYTES,
    KEM_PUBLIC_BYTES,
    KemKey,
    Primitives,
    ProviderUnavailable,
    SigningKey,
    contextual,
    sized,
    verifiable,
)

KEM, SIGNATURE = "ML-KEM-768", "ML-DSA-65"
MIN_VERSION = (0, 12)
"""The first with the final FIPS 203 and 204."""


class _KemKey:
    def __init__(self, oqs: Any) -> None:
        self._kem = oqs.KeyEncapsulation(KEM)
        self.public = bytes(self._kem.generate_keypair())

    def decapsulate(self, ciphertext: bytes) -> bytes:
        taken = sized("the ciphertext", ciphertext, KEM_CIPHERTEXT_BYTES)
        return bytes(self._kem.decap_secret(taken))


class _SigningKey:
    def __init__(self, oqs: Any, seed: bytes) -> None:
        self.public, private_key = expand(seed)
        self._signer = oqs.Signature(SIGNATURE, private_key)

    def sign(self, message: bytes, context: bytes = b"") -> bytes:
        if context:
            return bytes(self._signer.sign_with_ctx_str(message, contextual(context)))
        return bytes(self._signer.sign(message))


class Liboqs:
    """``oqs`` is liboqs-python's module."""

    name = "liboqs"

    def __init__(self, oqs: Any) -> None:
        self._oqs = oqs
        self._encapsulator = oqs.KeyEncapsulation(KEM)
        self._verifier = oqs.Signature(SIGNATURE)

    def kem_key(self) -> KemKey:
        return _KemKey(self._oqs)

    def encapsulate(self, public_key: bytes) -> tuple[bytes, bytes]:
        raw = sized("an ML-KEM-768 encapsulation key", public_key, KEM_PUBLIC_BYTES)
        try:
            ciphertext, shared = self._encapsulator.encap_secret(raw)
        except RuntimeError as error:
            raise ValueError("the encapsulation key fails the modulus check") from error
        return bytes(shared), bytes(ciphertext)

    def signing_key(self, seed: bytes) -> SigningKey:
        return _SigningKey(self._oqs, sized("a seed", seed, DSA_SEED_BYTES))

    def verify(
        self, public_key: bytes, message: bytes, signature: bytes, context: bytes = b""
    ) -> bool:
        if not verifiable(public_key, signature, context):
            return False
        if context:
            valid = self._verifier.verify_with_ctx_str(message, signature, context, public_key)
        else:
            valid = self._verifier.verify(message, signature, public_key)
        return bool(valid)


def find_library() -> str | None:
    """The liboqs that liboqs-python would load; None means it would go and build one."""
    found = ctypes.util.find_library("oqs") or ctypes.util.find_library("liboqs")
    if found is not None:
        return found
    prefix = Path(os.environ.get("OQS_INSTALL_PATH", Path.home() / "_oqs"))
    for folder in ("lib", "lib64", "bin"):
        for name in ("liboqs.so", "liboqs.dylib", "oqs.dll", "liboqs.dll"):
            if (prefix / folder / name).is_file():
                return str(prefix / folder / name)
    return None


def load() -> Primitives:
    """The provider.

    :raises ProviderUnavailable: no library, no liboqs-python, or too old a library
    """
    library = find_library()
    if library is None:
        raise ProviderUnavailable("no liboqs shared library is installed")
    try:
        ctypes.CDLL(library)  # or the import below would think there is none
    except OSError as error:
        raise ProviderUnavailable(f"liboqs cannot be loaded: {error}") from error
    # liboqs-python prints what it does, on standard output.
    logging.getLogger("oqs.oqs").disabled = True
    try:
        oqs = importlib.import_module("oqs")
    except ImportError as error:
        raise ProviderUnavailable("liboqs is there, liboqs-python is not") from error
    return of_module(oqs)


def of_module(oqs: Any) -> Primitives:
    """The provider of an imported liboqs-python.

    :raises ProviderUnavailable: another package of that name, or a liboqs that is too old
    """
    if not hasattr(oqs, "KeyEncapsulation"):
        raise ProviderUnavailable("the installed 'oqs' is not liboqs-python")
    version = str(oqs.oqs_version())
    parts = tuple(int(part) for part in version.split("-")[0].split(".")[:2])
    if parts < MIN_VERSION:
        raise ProviderUnavailable(f"liboqs {version} has no final ML-DSA")
    try:
        return Liboqs(oqs)
    except oqs.MechanismNotSupportedError as error:
        raise ProviderUnavailable(f"liboqs was built without {error}") from error
