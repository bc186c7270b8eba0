# SPDX-License-Identifier: MIT OR Apache-2.0
"""Overwriting secrets that are over.

Keep a secret in a bytearray from the moment it is derived, and wipe that. What Python itself
copied on the way (a digest, an argument made immutable) is garbage that the heap reuses when it
likes; docs/threat-model.md says what that means.
"""

from .compat import TYPE_CHECKING

if TYPE_CHECKING:
    from .compat import Buffer


def wipe(*secrets: "Buffer") -> None:
    """Fill each bytearray with zeros. What cannot be written to is passed over."""
    for secret in secrets:
        if isinstance(secret, bytearray):
            for index in range(len(secret)):
                secret[index] = 0
