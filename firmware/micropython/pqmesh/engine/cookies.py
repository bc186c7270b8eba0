# SPDX-License-Identifier: MIT OR Apache-2.0
"""Cookies: what lets a node forget a stranger between two of its messages.

    cookie = HMAC(key, "pqmesh1 cookie" || lp(link address) || HELLO || RETRY with zeros)[0:16]

The cookie takes the place of those zeros, RETRY's nonce: nobody but its maker can foresee it, and
a nonce drawn at random would give a node without memory no more freshness than this, because it
could be replayed together with its cookie. (A handshake's own freshness is in what the responder
encapsulates.) One HELLO has one RETRY as long as the key lives.

Two random keys, each made into cookies for one lifetime and honoured for one more, so a cookie is
good for one to two lifetimes wherever the change of keys falls. The lowest bit of a cookie names
its key: a check is one HMAC, whatever comes. Nothing is drawn before the first HELLO, and keys do
not survive a restart; a handshake under way then begins again.
"""

from ..compat import TYPE_CHECKING
from ..errors import BadTag
from ..kdf import DOMAIN_COOKIE, HASH_BYTES, PREFIX, equal, hmac_sha256, lp
from ..wire.handshake import NONCE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable


class CookieJar:
    """The two keys.

    :param entropy: ``entropy(n)`` returns n fresh random bytes
    :param lifetime_ms: at least 1
    """

    def __init__(self, entropy: "Callable[[int], bytes]", lifetime_ms: int) -> None:
        self._entropy = entropy
        self._lifetime_ms = lifetime_ms
        self._number = 0  # of the newest key; its parity goes into the cookies
        self._keys: "list[bytes | None]" = [None, None]
        self._since = 0

    def make(self, address: bytes, hello: bytes, retry: bytes, now: int) -> bytes:
        """Return the cookie of a HELLO and of a RETRY with zeros in its place."""
        self._turn(now)
        parity = self._number & 1
        return self._mac(self._key(parity), parity, address, hello, retry)

    def check(self, cookie: bytes, address: bytes, hello: bytes, retry: bytes, now: int) -> None:
        """Hold a cookie against what it must have been made for.

        :raises BadTag: it was not made here, or too long ago
        """
        self._turn(now)
        parity = cookie[-1] & 1
        key = self._keys[parity]
        if key is None or not equal(cookie, self._mac(key, parity, address, hello, retry)):
            raise BadTag("the cookie was not made here, or is too old")

    def _key(self, parity: int) -> bytes:
        key = self._keys[parity]
        if key is None:
            key = self._entropy(HASH_BYTES)
            self._keys[parity] = key
        return key

    def _turn(self, now: int) -> None:
        """Let go of keys whose time is over. A new one is drawn when it is needed."""
        turns = (now - self._since) // self._lifetime_ms
        if turns <= 0:
            return
        self._number += 1
        self._keys[self._number & 1] = None
        if turns > 1:
            self._keys = [None, None]
        self._since += turns * self._lifetime_ms

    def _mac(self, key: bytes, parity: int, address: bytes, hello: bytes, retry: bytes) -> bytes:
        mac = hmac_sha256(key, PREFIX + DOMAIN_COOKIE, lp(address), hello, retry)[:NONCE_BYTES]
        return mac[:-1] + bytes((mac[-1] & 0xFE | parity,))
