# SPDX-License-Identifier: MIT OR Apache-2.0
"""A link of whole frames over a stream of octets: RFC 1662 stuffing with FCS-32.

The port below (uart.py, cable.py) moves octets and may lose some; this link hands up only
frames whose check sequence holds. Noise, half frames and over-long frames are counted in
``dropped`` and forgotten; never more than one frame of ``mtu`` octets is held.
"""

from collections import deque

from pqmesh.framing.hdlc import Deframer, enframe

from .compat import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Protocol

    class Port(Protocol):
        """A byte pipe; both verbs may be cancelled."""

        async def readinto(self, buffer: bytearray) -> int: ...
        async def write(self, data: bytes) -> None: ...


CHUNK_BYTES = 256  # octets taken from the port at a time


class SerialLink:
    """Frames in, frames out, over one Port. One task may receive while others send."""

    def __init__(self, port: "Port", mtu: int) -> None:
        self.mtu = mtu
        self.bytes_in = 0
        self.bytes_out = 0
        self._port = port
        self._deframer = Deframer(mtu)
        # One chunk completes at most CHUNK_BYTES // 6 frames (flag, one octet, four of FCS).
        self._ready: "deque[bytes]" = deque((), CHUNK_BYTES // 6 + 1)
        self._chunk = bytearray(CHUNK_BYTES)
        self._view = memoryview(self._chunk)

    @property
    def dropped(self) -> int:
        """Frames lost to noise, bad check sequences or excess length."""
        return self._deframer.dropped

    async def send(self, frame: bytes) -> None:
        """Hand one frame to the port; waits while the port's own buffer is full.

        Raises ValueError over ``mtu``, OSError when the port fails.
        """
        if len(frame) > self.mtu:
            raise ValueError("frame of %d bytes on a link of %d" % (len(frame), self.mtu))
        wire = enframe(frame)
        await self._port.write(wire)
        self.bytes_out += len(wire)

    async def receive(self) -> bytes:
        """The next whole frame. Cancelling loses nothing. Raises OSError."""
        while not self._ready:
            count = await self._port.readinto(self._chunk)
            self.bytes_in += count
            for frame in self._deframer.feed(bytes(self._view[:count])):
                self._ready.append(frame)
        return self._ready.popleft()
