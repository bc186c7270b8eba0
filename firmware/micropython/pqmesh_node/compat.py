# SPDX-License-Identifier: MIT OR Apache-2.0
"""The only file in this package that may ask which Python it is running on.

Boards run MicroPython; ``--board sim`` runs the same node under CPython. The two differ in
how they wait, how they name the millisecond counter and how they make a file durable.
"""

import asyncio
import gc
import os
import struct
import sys
import time

TYPE_CHECKING = False  # type checkers take this name to be True; no runtime imports typing

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import Any

SOCKADDR_UN_PATH_BYTES = 108  # sun_path of Linux's struct sockaddr_un, its NUL included
RESTART_CODE = 3  # exit status of a node without hardware that was told to reset

MICROPYTHON = sys.implementation.name == "micropython"

_EAGAIN = 11
_CTRL_C = 3
_COLLECT_EVERY_BYTES = 8_192
_COLLECT_OFTEN_BYTES = 2_048
_ACCEPT_POLL_MS = 20
_ROOMY_BYTES = 120_000  # a heap of 128 KB, less what the collector itself takes

if MICROPYTHON:
    TICKS_PERIOD = time.ticks_add(0, -1) + 1  # 2**30 on every port so far; ask, do not assume

    def ticks_ms() -> int:
        return time.ticks_ms()

    async def sleep_ms(ms: int) -> None:
        await asyncio.sleep_ms(ms)

    async def wait_for_ms(awaitable: "Awaitable[Any]", ms: int) -> "Any":
        """Wait at most ``ms``; raises asyncio.TimeoutError."""
        return await asyncio.wait_for_ms(awaitable, ms)

    def make_durable(file: "Any") -> None:
        # VfsLfs2, VfsFat and the unix port's VfsPosix all map flush() to their sync call.
        file.flush()

    def print_exception(error: BaseException) -> None:
        sys.print_exception(error)

    def listen_to_ctrl_c(wanted: bool) -> None:
        """Whether Ctrl-C on the prompt interrupts the program."""
        import micropython

        if hasattr(micropython, "kbd_intr"):
            micropython.kbd_intr(_CTRL_C if wanted else -1)

    def keep_heap_compact() -> None:
        """Collect after every few KB, not only when the heap is full.

        A full sweep of garbage lets long-lived objects settle among it, all over the heap;
        afterwards 50 KB may be free and no 5 KB of it in one piece.
        """
        gc.threshold(_COLLECT_EVERY_BYTES if heap_is_roomy() else _COLLECT_OFTEN_BYTES)

    def heap_is_roomy() -> bool:
        """Whether 12 KB may be set aside for public-key work (board-guide.md, Memory)."""
        return gc.mem_free() + gc.mem_alloc() >= _ROOMY_BYTES

    def new_event_loop() -> None:
        """Forget the tasks a Ctrl-C left behind, so that asyncio.run() works again."""
        asyncio.new_event_loop()

    def mem_free() -> int:
        """Bytes free on the heap after a collection."""
        gc.collect()
        return gc.mem_free()

    def unix_address(path: str) -> "Any":
        # The unix port passes the octets of struct sockaddr_un to bind(2) as they are.
        return struct.pack("H", 1) + path.encode() + b"\0"

    async def accept(listener: "Any") -> "Any":
        """The next connection of a non-blocking listener."""
        while True:
            try:
                return listener.accept()[0]
            except OSError as error:
                if error.args[0] != _EAGAIN:
                    raise
            await asyncio.sleep_ms(_ACCEPT_POLL_MS)

    class SocketStream:
        """A connected socket's two verbs on this runtime's event loop."""

        def __init__(self, sock: "Any") -> None:
            sock.setblocking(False)
            self._sock = sock
            self._reader = asyncio.StreamReader(sock)
            self._writer = asyncio.StreamWriter(sock, {})

        async def readinto(self, buffer: bytearray) -> int:
            return await self._reader.readinto(buffer)

        async def write(self, data: bytes) -> None:
            self._writer.write(data)
            await self._writer.drain()

        def close(self) -> None:
            self._sock.close()

else:
    import signal
    import traceback

    TICKS_PERIOD = 1 << 30

    def ticks_ms() -> int:
        return int(time.monotonic() * 1000) % TICKS_PERIOD

    async def sleep_ms(ms: int) -> None:
        await asyncio.sleep(ms / 1000)

    async def wait_for_ms(awaitable: "Awaitable[Any]", ms: int) -> "Any":
        """Wait at most ``ms``; raises asyncio.TimeoutError."""
        # Not asyncio.wait_for: that of 3.11 swallows a cancellation which comes in the same
        # turn of the loop as the result.
        async with asyncio.timeout(ms / 1000):
            return await awaitable

    def make_durable(file: "Any") -> None:
        file.flush()
        os.fsync(file.fileno())

    def print_exception(error: BaseException) -> None:
        traceback.print_exception(error)

    def listen_to_ctrl_c(wanted: bool) -> None:
        """Whether Ctrl-C (SIGINT) interrupts the program."""
        signal.signal(signal.SIGINT, signal.default_int_handler if wanted else signal.SIG_IGN)

    def keep_heap_compact() -> None:
        """Nothing to do: CPython counts references."""

    def heap_is_roomy() -> bool:
        """CPython's heap grows."""
        return True

    def new_event_loop() -> None:
        """Nothing to do: every asyncio.run() of CPython makes its own."""

    def mem_free() -> int:
        """Bytes free on the heap; -1 where the runtime has no fixed heap (CPython)."""
        return -1

    def unix_address(path: str) -> "Any":
        return path

    async def accept(listener: "Any") -> "Any":
        """The next connection of a non-blocking listener."""
        return (await asyncio.get_running_loop().sock_accept(listener))[0]

    class SocketStream:
        """A connected socket's two verbs on this runtime's event loop."""

        def __init__(self, sock: "Any") -> None:
            sock.setblocking(False)
            self._sock = sock

        async def readinto(self, buffer: bytearray) -> int:
            return await asyncio.get_running_loop().sock_recv_into(self._sock, buffer)

        async def write(self, data: bytes) -> None:
            await asyncio.get_running_loop().sock_sendall(self._sock, data)

        def close(self) -> None:
            self._sock.close()


def restart() -> None:
    """Start again from nothing: a hardware reset where there is one, else leave the process."""
    try:
        import machine
    except ImportError:
        raise SystemExit(RESTART_CODE)
    if not hasattr(machine, "reset"):  # the unix port
        raise SystemExit(RESTART_CODE)
    machine.reset()


def machine_name() -> str:
    """What the runtime says it runs on, for ``status()``."""
    return getattr(sys.implementation, "_machine", sys.platform)
