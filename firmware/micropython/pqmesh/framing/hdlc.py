# SPDX-License-Identifier: MIT OR Apache-2.0
"""HDLC-like framing for serial lines: a byte stream in, whole and checked frames out.

    0x7E | payload, octet-stuffed | FCS-32, octet-stuffed | 0x7E

RFC 1662: octet stuffing of section 4.2 (only 0x7E and 0x7D are escaped, to 0x7D 0x5E and
0x7D 0x5D), the 32-bit FCS of appendix C.3, sent least significant octet first. One flag may
end a frame and begin the next. The FCS finds line noise; it proves nothing about who sent.

Stuffing is done by whole-buffer operations that run in C on both Pythons: a loop over octets
could not keep up with 115,200 bit/s on a 64 MHz board.
"""

import binascii

from ..compat import const

FCS_BYTES = const(4)
_FLAG = b"\x7e"
_ESCAPE = b"\x7d"
_ESCAPED_FLAG = b"\x7d\x5e"
_ESCAPED_ESCAPE = b"\x7d\x5d"


def enframe(payload: bytes) -> bytes:
    """Return ``payload`` with its FCS, stuffed, between two flags.

    At most ``2 * (len(payload) + 4) + 2`` bytes.
    """
    body = bytes(payload)
    body += (binascii.crc32(body) & 0xFFFFFFFF).to_bytes(FCS_BYTES, "little")
    body = body.replace(_ESCAPE, _ESCAPED_ESCAPE).replace(_FLAG, _ESCAPED_FLAG)
    return _FLAG + body + _FLAG


class Deframer:
    """Collects octets until a frame closes. Never holds more than ``2 * (limit + 4)`` of them.

    Noise between frames, bad escapes, a wrong FCS and frames over ``limit`` payload bytes are
    dropped and counted in ``dropped``; the stream resynchronises at the next flag.
    """

    def __init__(self, limit: int) -> None:
        self.dropped = 0
        self._payload_limit = limit
        self._held_limit = 2 * (limit + FCS_BYTES)  # every octet may be escaped
        self._held = bytearray()
        self._skipping = True  # until the first flag: we may have joined in mid-frame

    def feed(self, chunk: bytes) -> "list[bytes]":
        """Return the payloads of the frames that ``chunk`` completes, in order."""
        pieces = bytes(chunk).split(_FLAG)
        done: "list[bytes]" = []
        for piece in pieces[:-1]:
            self._hold(piece)
            self._close(done)
        self._hold(pieces[-1])
        return done

    def _hold(self, piece: bytes) -> None:
        if self._skipping:
            return
        if len(self._held) + len(piece) > self._held_limit:
            self.dropped += 1
            self._skipping = True
            self._held = bytearray()
        else:
            self._held.extend(piece)

    def _close(self, done: "list[bytes]") -> None:
        stuffed = bytes(self._held)
        self._held = bytearray()
        self._skipping = False
        if not stuffed:
            return  # two flags in a row, or the end of what we skipped
        payload = self._unstuff(stuffed)
        if payload is None:
            self.dropped += 1
        else:
            done.append(payload)

    def _unstuff(self, stuffed: bytes) -> "bytes | None":
        escapes = stuffed.count(_ESCAPE)
        if escapes:
            good = stuffed.count(_ESCAPED_FLAG) + stuffed.count(_ESCAPED_ESCAPE)
            if escapes != good:  # also an abort, 0x7D 0x7E (RFC 1662, section 4.3)
                return None
            # In well-formed text every 0x7D begins a pair, so the order does not matter.
            stuffed = stuffed.replace(_ESCAPED_FLAG, _FLAG).replace(_ESCAPED_ESCAPE, _ESCAPE)
        end = len(stuffed) - FCS_BYTES
        if not 0 < end <= self._payload_limit:
            return None
        payload = stuffed[:end]
        if binascii.crc32(payload) & 0xFFFFFFFF != int.from_bytes(stuffed[end:], "little"):
            return None
        return payload
