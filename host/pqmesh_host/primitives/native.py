# SPDX-License-Identifier: MIT OR Apache-2.0
"""Our own C, firmware/c_pqc, built for this machine: `python -m tools.build_native`.

The same sources as on the boards, in constant time, checked against pyca and the ACVP
vectors there; here only their binding is new. Secrets lie in wiped buffers where Python
allows: the expanded KEM key and the workspace.
"""

from __future__ import annotations

import importlib
import os
from types import ModuleType
from typing import Any

from .port import (
    DSA_PUBLIC_BYTES,
    DSA_SEED_BYTES,
    DSA_SIGNATURE_BYTES,
    KEM_CIPHERTEXT_BYTES,
    KEM_PUBLIC_BYTES,
    SHARED_BYTES,
    KemKey,
    Primitives,
    ProviderUnavailable,
    SigningKey,
    contextual,
    sized,
    verifiable,
)

MODULE = f"{__package__}.pqc"
KEM_SEED_BYTES = 64
KEM_EXPANDED_BYTES = 2400
KEM_PUBLIC_AT = 1152
"""dk = dk_PKE || ek || H(ek) || z (FIPS 203 algorithm 16)."""

RANDOM_BYTES = 32
WORKSPACE_BYTES = 32_000
"""PQC_DSA_SIGN_CACHED_WS_BYTES: the matrix is sampled once a signature, not once an attempt."""


class _KemKey:
    def __init__(self, pqc: Any) -> None:
        self._pqc = pqc
        self._expanded = bytearray(KEM_EXPANDED_BYTES)
        pqc.kem_expand(os.urandom(KEM_SEED_BYTES), self._expanded)
        self.public = bytes(self._expanded[KEM_PUBLIC_AT : KEM_PUBLIC_AT + KEM_PUBLIC_BYTES])

    def decapsulate(self, ciphertext: bytes) -> bytes:
        shared = bytearray(SHARED_BYTES)
        taken = sized("the ciphertext", ciphertext, KEM_CIPHERTEXT_BYTES)
        self._pqc.kem_decapsulate_expanded(self._expanded, taken, shared)
        return bytes(shared)

    def __del__(self) -> None:
        self._expanded[:] = bytes(KEM_EXPANDED_BYTES)


class _SigningKey:
    def __init__(self, pqc: Any, seed: bytes) -> None:
        self._pqc = pqc
        self._seed = seed
        public = bytearray(DSA_PUBLIC_BYTES)
        pqc.dsa_keypair(seed, public)
        self.public = bytes(public)

    def sign(self, message: bytes, context: bytes = b"") -> bytes:
        signature, rnd = bytearray(DSA_SIGNATURE_BYTES), os.urandom(RANDOM_BYTES)
        self._pqc.dsa_sign(self._seed, message, contextual(context), rnd, signature)
        return bytes(signature)


class Native:
    """``pqc`` is the extension module; it keeps one workspace, so one thread may use it."""

    name = "native"

    def __init__(self, pqc: Any) -> None:
        self._pqc = pqc
        pqc.set_workspace(bytearray(max(WORKSPACE_BYTES, pqc.WORKSPACE_BYTES)))

    def kem_key(self) -> KemKey:
        return _KemKey(self._pqc)

    def encapsulate(self, public_key: bytes) -> tuple[bytes, bytes]:
        raw = sized("an ML-KEM-768 encapsulation key", public_key, KEM_PUBLIC_BYTES)
        ciphertext, shared = bytearray(KEM_CIPHERTEXT_BYTES), bytearray(SHARED_BYTES)
        self._pqc.kem_encapsulate(raw, os.urandom(RANDOM_BYTES), ciphertext, shared)
        return bytes(shared), bytes(ciphertext)

    def signing_key(self, seed: bytes) -> SigningKey:
        return _SigningKey(self._pqc, sized("a seed", seed, DSA_SEED_BYTES))

    def verify(
        self, public_key: bytes, message: bytes, signature: bytes, context: bytes = b""
    ) -> bool:
        if not verifiable(public_key, signature, context):
            return False
        return bool(self._pqc.dsa_verify(public_key, message, context, signature))


def load() -> Primitives:
    """The provider.

    :raises ProviderUnavailable: the extension was not built on this machine
    """
    try:
        return of_module(importlib.import_module(MODULE))
    except ImportError as error:
        raise ProviderUnavailable("the extension is not built for this machine") from error


def of_module(pqc: ModuleType) -> Primitives:
    """The provider of a loaded extension module."""
    return Native(pqc)
