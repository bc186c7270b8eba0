# SPDX-License-Identifier: MIT OR Apache-2.0
"""The board's provider of pqmesh.crypto: the C module ``pqc``, with one fixed workspace.

No cryptography here. ``pqc`` writes into buffers it is given; the port wants bytes back. Two
buffers, 12 KB, are allocated once, early, while the heap is whole: the workspace, and one for the
largest output. A board's heap does not move objects, so it may have 5 KB free and not in one
piece; for the same reason the heap is collected before every large result.

A board that resumes, and only seldom needs more, has better use for 12 KB: ``reserve=False`` makes
both for each operation. Then an operation may find no memory, and the handshake is given up.
"""

import gc

import pqc

from pqmesh.compat import TYPE_CHECKING, const
from pqmesh.crypto import (
    DSA_PUBLIC_BYTES,
    DSA_SIGNATURE_BYTES,
    KEM_CIPHERTEXT_BYTES,
    KEM_PUBLIC_BYTES,
    KEM_SHARED_BYTES,
)
from pqmesh.errors import BadKey, BadTag

if TYPE_CHECKING:
    from collections.abc import Callable

# The largest output is HS-S's sealed identity: a key, a signature, a MAC, parameters and tag.
_SCRATCH_BYTES = DSA_PUBLIC_BYTES + DSA_SIGNATURE_BYTES + 128
_LARGE_BYTES = const(1024)


class BoardCrypto:
    """The nine operations of pqmesh.crypto.Crypto. Make it once, before anything large.

    :param reserve: keep the buffers, so that no operation ever lacks them
    """

    def __init__(self, reserve: bool = True) -> None:
        pqc.set_workspace(bytearray(pqc.WORKSPACE_BYTES) if reserve else None)
        self._scratch = memoryview(bytearray(_SCRATCH_BYTES if reserve else 0))

    def poll(self, function: "Callable[[], object] | None") -> None:
        """Give ``function`` a turn between two attempts at a signature; None: nobody.

        Attempts are 2 to 4 million cycles apart. What it raises ends the signature, and comes
        out of ``sign``. A ``pqc`` that was loaded as a file (.mpy) has no such turns.
        """
        set_poll = getattr(pqc, "set_poll", None)
        if set_poll is not None:
            set_poll(function)

    def kem_keypair(self, seed: bytes) -> bytes:
        public_key = self._out(KEM_PUBLIC_BYTES)
        pqc.kem_keypair(seed, public_key)
        return bytes(public_key)

    def kem_encapsulate(self, public_key: bytes, coins: bytes) -> "tuple[bytes, bytes]":
        ciphertext = self._out(KEM_CIPHERTEXT_BYTES)
        shared = bytearray(KEM_SHARED_BYTES)
        try:
            pqc.kem_encapsulate(public_key, coins, ciphertext, shared)
        except ValueError:  # a wrong length, or FIPS 203 section 7.2's modulus check
            raise BadKey("not an ML-KEM-768 public key")
        return bytes(ciphertext), bytes(shared)

    def kem_decapsulate(self, seed: bytes, ciphertext: bytes) -> bytes:
        shared = bytearray(KEM_SHARED_BYTES)
        pqc.kem_decapsulate(seed, ciphertext, shared)
        return bytes(shared)

    def dsa_public_key(self, seed: bytes) -> bytes:
        public_key = self._out(DSA_PUBLIC_BYTES)
        pqc.dsa_keypair(seed, public_key)
        return bytes(public_key)

    def sign(self, seed: bytes, message: bytes, context: bytes, rnd: bytes) -> bytes:
        signature = self._out(DSA_SIGNATURE_BYTES)
        pqc.dsa_sign(seed, message, context, rnd, signature)
        return bytes(signature)

    def verify(self, public_key: bytes, message: bytes, context: bytes, signature: bytes) -> bool:
        # The port promises False for malformed input; pqc raises for a wrong length.
        if len(public_key) != DSA_PUBLIC_BYTES or len(signature) != DSA_SIGNATURE_BYTES:
            return False
        return pqc.dsa_verify(public_key, message, context, signature)

    def seal(
        self, key: bytes, nonce: bytes, aad: bytes, plaintext: bytes, tag_bytes: int
    ) -> bytes:
        out = self._out(len(plaintext) + tag_bytes)
        pqc.ccm_seal(key, nonce, aad, plaintext, tag_bytes, out)
        return bytes(out)

    def open(
        self, key: bytes, nonce: bytes, aad: bytes, ciphertext: bytes, tag_bytes: int
    ) -> bytes:
        if len(ciphertext) < tag_bytes:
            raise BadTag("shorter than its tag")
        out = self._out(len(ciphertext) - tag_bytes)
        if not pqc.ccm_open(key, nonce, aad, ciphertext, tag_bytes, out):
            raise BadTag("the tag does not verify")
        return bytes(out)

    def sha256(self, data: bytes) -> bytes:
        return pqc.sha256(data)

    def _out(self, size: int) -> "memoryview | bytearray":
        """A buffer for one result, to be copied before the next call."""
        if size > _LARGE_BYTES:
            gc.collect()
        if size > len(self._scratch):
            return bytearray(size)
        return self._scratch[:size]
