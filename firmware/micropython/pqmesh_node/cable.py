# SPDX-License-Identifier: MIT OR Apache-2.0
"""A pretended serial cable for boards without a UART: a unix socket to plug into.

For the unix port of MicroPython and for CPython (``--board sim``). Like a UART it has no idea
whether anything is attached: octets sent with nothing plugged in are lost (and counted), a
pulled plug is silence, and the next plug continues the stream.
"""

import os
import socket

from .compat import SOCKADDR_UN_PATH_BYTES, TYPE_CHECKING, SocketStream, accept, unix_address

if TYPE_CHECKING:
    from typing import Any

_ENOENT = 2


class CablePort:
    """Octets over whatever is plugged into the unix socket at ``path``, one plug at a time.

    Further connections wait until the first is pulled. ``close`` unplugs and removes the
    socket file.
    """

    def __init__(self, path: str) -> None:
        if len(path.encode()) >= SOCKADDR_UN_PATH_BYTES:
            raise ValueError(
                "socket path over %d bytes: choose a shorter folder" % (SOCKADDR_UN_PATH_BYTES - 1)
            )
        self.lost_bytes = 0
        self.plugs = 0
        self._path = path
        self._plug: "Any" = None
        _remove(path)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._listener.bind(unix_address(path))
            self._listener.listen(1)
            self._listener.setblocking(False)
        except OSError:
            self._listener.close()
            raise

    async def readinto(self, buffer: bytearray) -> int:
        """At least one octet, at most len(buffer); waits through any number of plugs."""
        while True:
            if self._plug is None:
                self._plug = SocketStream(await accept(self._listener))
                self.plugs += 1
            count = 0
            try:
                count = await self._plug.readinto(buffer)
            except OSError:  # reset by the other end: a pulled plug
                pass
            if count:
                return count
            self._unplug()

    async def write(self, data: bytes) -> None:
        """Waits while the plugged-in side does not read; loses ``data`` when nobody is there."""
        plug = self._plug
        if plug is None:
            self.lost_bytes += len(data)
            return
        try:
            await plug.write(data)
        except OSError:
            self.lost_bytes += len(data)
            if plug is self._plug:
                self._unplug()

    def close(self) -> None:
        self._unplug()
        self._listener.close()
        _remove(self._path)

    def _unplug(self) -> None:
        if self._plug is not None:
            self._plug.close()
            self._plug = None


def _remove(path: str) -> None:
    try:
        os.remove(path)
    except OSError as error:
        if error.args[0] != _ENOENT:
            raise
