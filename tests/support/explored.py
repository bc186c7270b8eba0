# SPDX-License-Identifier: MIT OR Apache-2.0
"""What makes tens of thousands of episodes affordable: cheap stand-ins under the real engine.

Nothing of the engine is replaced but one function by its like: HMAC-SHA256 by the standard
library's. The crypto port gets a provider whose KEM and AEAD cost one hash each and are as easily
broken as the model's; wrong keys, names, transcripts and octets fail in them all the same.
"""

import hashlib
import hmac

from pqmesh import kdf
from pqmesh.engine import hs_r, hs_rk
from pqmesh.errors import BadKey, BadTag

from .resumption import OnceCrypto

_EK_TIMES, _CT_TIMES = 37, 34  # 32 octets, so often: the sizes of ML-KEM-768


def _sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def _masked(data, key, nonce):
    stream = hashlib.shake_128(bytes(key) + nonce).digest(len(data))
    return (int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(data), "big")


class CheapCrypto(OnceCrypto):
    """The port, for explorers. Refuses to seal twice under one key and nonce, as OnceCrypto."""

    def kem_keypair(self, seed):
        return _sha(b"ek", seed) * _EK_TIMES

    def kem_encapsulate(self, public_key, coins):
        ek = bytes(public_key[:32])
        if bytes(public_key) != ek * _EK_TIMES:
            raise BadKey("not a cheap key")
        return _sha(b"ct", ek, coins) + coins * (_CT_TIMES - 1), _sha(b"ss", ek, coins)

    def kem_decapsulate(self, seed, ciphertext):
        ek, coins = _sha(b"ek", seed), bytes(ciphertext[-32:])
        if bytes(ciphertext) != _sha(b"ct", ek, coins) + coins * (_CT_TIMES - 1):
            return _sha(b"reject", seed, ciphertext)
        return _sha(b"ss", ek, coins)

    def seal(self, key, nonce, aad, plaintext, tag_bytes):
        self.note(key, nonce)
        hidden = _masked(plaintext, key, nonce)
        return hidden + _sha(b"tag", key, nonce, aad, hidden)[:tag_bytes]

    def open(self, key, nonce, aad, ciphertext, tag_bytes):
        at = max(len(ciphertext) - tag_bytes, 0)
        hidden = bytes(ciphertext[:at])
        if bytes(ciphertext[at:]) != _sha(b"tag", key, nonce, aad, hidden)[:tag_bytes]:
            raise BadTag("the cheap tag")
        return _masked(hidden, key, nonce)


def fast_hmac(key, *parts):
    """RFC 2104, by OpenSSL."""
    return hmac.digest(key, b"".join(parts), "sha256")


def hurry(monkeypatch):
    """Let the engine's HMAC be computed by the standard library for this test."""
    for module in (kdf, hs_r, hs_rk):
        monkeypatch.setattr(module, "hmac_sha256", fast_hmac)
