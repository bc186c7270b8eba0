# SPDX-License-Identifier: MIT OR Apache-2.0
"""One UDP socket with batched I/O: many datagrams per wake-up, runs per system call.

Linux's UDP_GRO joins arriving datagrams of one flow, UDP_SEGMENT sends a run of equal
ones in one call; both fall back to plain datagrams where the kernel or the route
refuses them. What the kernel cannot take now waits in a bounded queue, whose overflow
is dropped: QUIC treats it as loss.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from .errors import AddressUnavailable

SOL_UDP = 17
UDP_SEGMENT = 103
UDP_GRO = 104
IP_MTU_DISCOVER = 10
IPV6_MTU_DISCOVER = 23
PMTUDISC_PROBE = 3
GSO_MAX_SEGMENTS = 64
GSO_MAX_BYTES = 65_000
READ_BATCH = 32
MAX_BLOCKED_RUNS = 1024
MAX_PORT = 65_535

Address = Any
"""What the socket reports: (host, port), or (host, port, flow, scope) on IPv6."""

_NO_OFFLOAD = frozenset((errno.EIO, errno.EINVAL, errno.ENOPROTOOPT, errno.EOPNOTSUPP))


class UdpSocket:
    """Non-blocking, registered with the running loop between ``start`` and ``close``."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._gso = True
        self._gro = _enable_gro(sock)
        self._blocked: deque[tuple[list[bytes], int, Address]] = deque()
        self.last_error: OSError | None = None
        self.datagrams_in = 0
        self.datagrams_out = 0
        self.calls_in = 0
        self.calls_out = 0
        self.dropped_out = 0

    @property
    def family(self) -> socket.AddressFamily:
        """AF_INET or AF_INET6; the latter is dual-stack when bound to ``::``."""
        return self._sock.family

    @property
    def name(self) -> Address:
        """The bound address."""
        return self._sock.getsockname()

    def start(
        self, on_datagram: Callable[[bytes, Address, float], None], on_batch: Callable[[], None]
    ) -> None:
        """Deliver datagrams to ``on_datagram`` and call ``on_batch`` after each batch."""
        self._on_datagram = on_datagram
        self._on_batch = on_batch
        self._loop.add_reader(self._sock.fileno(), self._readable)

    def close(self) -> None:
        """Stop and release the socket. Idempotent."""
        if self._sock.fileno() < 0:
            return
        self._loop.remove_reader(self._sock.fileno())
        self._loop.remove_writer(self._sock.fileno())
        self._blocked.clear()
        self._sock.close()

    def send(self, datagrams: Iterable[tuple[bytes, Address]]) -> int:
        """Send datagrams in order; return how many bytes that were."""
        total = 0
        for run, size, address in _runs(datagrams, self._gso):
            total += sum(map(len, run))
            self.datagrams_out += len(run)
            self._send_run(run, size, address)
        return total

    def _readable(self) -> None:
        now = self._loop.time()
        for _ in range(READ_BATCH):
            try:
                data, ancillary, _, address = self._sock.recvmsg(65_535, socket.CMSG_SPACE(4))
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                # An ICMP error of an earlier send; it says nothing about later datagrams.
                self.last_error = error
                continue
            self.calls_in += 1
            size = _gro_size(ancillary) or len(data) or 1
            for at in range(0, len(data), size):
                self.datagrams_in += 1
                self._on_datagram(data[at : at + size], address, now)
        self._on_batch()

    def _send_run(self, run: list[bytes], size: int, address: Address) -> None:
        if self._blocked:
            self._enqueue(run, size, address)
            return
        try:
            self._transmit(run, size, address)
        except (BlockingIOError, InterruptedError):
            self._enqueue(run, size, address)
            self._loop.add_writer(self._sock.fileno(), self._writable)
        except OSError as error:
            if len(run) > 1 and error.errno in _NO_OFFLOAD:
                self._gso = False
                for datagram in run:
                    self._send_run([datagram], 0, address)
                return
            self.dropped_out += len(run)
            if error.errno != errno.EMSGSIZE:  # what an MTU probe is sent to find out
                self.last_error = error

    def _transmit(self, run: list[bytes], size: int, address: Address) -> None:
        self.calls_out += 1
        if len(run) == 1:
            self._sock.sendto(run[0], address)
            return
        segment = (SOL_UDP, UDP_SEGMENT, struct.pack("H", size))
        self._sock.sendmsg(run, [segment], 0, address)

    def _enqueue(self, run: list[bytes], size: int, address: Address) -> None:
        if len(self._blocked) >= MAX_BLOCKED_RUNS:
            self.dropped_out += len(run)
            return
        self._blocked.append((run, size, address))

    def _writable(self) -> None:
        self._loop.remove_writer(self._sock.fileno())
        waiting, self._blocked = self._blocked, deque()
        while waiting:
            self._send_run(*waiting.popleft())


def bind(host: str, port: int, buffer_bytes: int) -> socket.socket:
    """Open the socket; dual-stack when ``host`` is ``::``.

    :raises AddressUnavailable: with what to do about it
    """
    if not 0 <= port <= MAX_PORT:
        raise AddressUnavailable(f"port {port} does not exist: use 1 to {MAX_PORT}, or 0")
    try:
        family, _, _, _, name = socket.getaddrinfo(
            host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICHOST
        )[0]
    except (socket.gaierror, UnicodeError) as error:
        raise AddressUnavailable(
            f"{host!r} port {port} is not a local address: use an IP address, '::' for all"
        ) from error
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(host != "::"))
        _forbid_fragments(sock)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, buffer_bytes)
        sock.bind(name)
    except OSError as error:
        sock.close()
        raise AddressUnavailable(_bind_advice(host, port, error)) from error
    return sock


def _forbid_fragments(sock: socket.socket) -> None:
    """Set DF and ignore the kernel's own idea of the path MTU (RFC 9000 §14)."""
    options = [(socket.IPPROTO_IP, IP_MTU_DISCOVER)]
    if sock.family == socket.AF_INET6:
        options.append((socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER))
    for level, option in options:
        with contextlib.suppress(OSError):  # a system without it fragments, as before
            sock.setsockopt(level, option, PMTUDISC_PROBE)


def _bind_advice(host: str, port: int, error: OSError) -> str:
    what = f"cannot listen on {host} port {port}: {os.strerror(error.errno or 0)}"
    if error.errno == errno.EADDRINUSE:
        return f"{what}; stop the other program or choose another port (0 picks a free one)"
    if error.errno == errno.EACCES:
        return f"{what}; ports below 1024 need privileges, choose a higher one"
    return what


def _enable_gro(sock: socket.socket) -> bool:
    try:
        sock.setsockopt(SOL_UDP, UDP_GRO, 1)
    except OSError:
        return False
    return True


def _gro_size(ancillary: list[tuple[int, int, bytes]]) -> int:
    for level, kind, data in ancillary:
        if level == SOL_UDP and kind == UDP_GRO and len(data) >= 2:
            return int.from_bytes(data[:2], byteorder=_NATIVE)
    return 0


_NATIVE: Any = "little" if struct.pack("H", 1)[0] else "big"


def _runs(
    datagrams: Iterable[tuple[bytes, Address]], gso: bool
) -> Iterable[tuple[list[bytes], int, Address]]:
    """Group datagrams that one UDP_SEGMENT call can carry: same address, equal sizes,
    only the last of a run shorter."""
    run: list[bytes] = []
    size = total = 0
    to: Address = None
    for data, address in datagrams:
        fits = (
            gso
            and run
            and address == to
            and len(data) <= size
            and len(run[-1]) == size
            and len(run) < GSO_MAX_SEGMENTS
            and total + len(data) <= GSO_MAX_BYTES
        )
        if not fits:
            if run:
                yield run, size, to
            run, size, total, to = [], len(data), 0, address
        run.append(data)
        total += len(data)
    if run:
        yield run, size, to
