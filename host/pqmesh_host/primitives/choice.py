# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which provider a node uses: the fastest that its operator has installed."""

from __future__ import annotations

import logging
from collections.abc import Callable

from . import liboqs, native
from .port import Primitives, ProviderUnavailable
from .pyca import PYCA

log = logging.getLogger(__name__)

OPTIONAL: tuple[tuple[str, Callable[[], Primitives]], ...] = (
    ("liboqs", liboqs.load),
    ("native", native.load),
)
"""The fastest first. Neither is ever there by accident: one needs a library and an extra,
the other a build."""


def best() -> Primitives:
    """The first optional provider that is there and agrees with pyca; else pyca."""
    for name, load in OPTIONAL:
        try:
            provider = load()
        except ProviderUnavailable as reason:
            log.debug("%s is not used: %s", name, reason)
            continue
        if agrees(provider):
            log.info("ML-KEM and ML-DSA are computed by %s", name)
            return provider
        log.error("%s disagrees with pyca/cryptography and is not used", name)
    return PYCA


def agrees(provider: Primitives) -> bool:
    """Whether a provider and pyca accept each other's keys, ciphertexts and signatures."""
    seed, message = bytes(range(32)), b"pqmesh self-test"
    public = PYCA.signing_key(seed).public
    for signer, verifier in ((provider, PYCA), (PYCA, provider)):
        signature = signer.signing_key(seed).sign(message)
        if not verifier.verify(public, message, signature):
            return False
        if verifier.verify(public, message + b".", signature):
            return False
        key = signer.kem_key()
        shared, ciphertext = verifier.encapsulate(key.public)
        if key.decapsulate(ciphertext) != shared:
            return False
    return True
