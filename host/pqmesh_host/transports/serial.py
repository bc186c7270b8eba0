# SPDX-License-Identifier: MIT OR Apache-2.0
"""The serial provider: a real port, or a socket that stands in for one.

    /dev/ttyACM0, COM3        a serial port, opened exclusively (TIOCEXCL's advisory cousin, flock)
    socket://host:port        TCP, as emulators and ser2net offer it
    unix:///path/to/socket    a unix socket, as QEMU's ``-serial unix:...,server=on`` offers it

Every failure to open ends in LinkUnavailable with what to do about it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar

import serial
import serial_asyncio_fast
from serial.tools import list_ports

from ..config_values import is_socket, socket_address
from .base import LinkInfo, LinkUnavailable
from .stream import READ_BYTES, StreamLink

DEFAULT_BAUD = 115_200
CONNECT_S = 5.0

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class SerialProvider:
    """Opens one serial port, or one socket address in its place."""

    kind: ClassVar[str] = "serial"

    def __init__(
        self,
        device: str,
        *,
        mtu: int,
        baud: int = DEFAULT_BAUD,
        name: str = "",
        paced: bool | None = None,
    ) -> None:
        """
        :param device: a port's path or name, ``socket://host:port`` or ``unix:///path``
        :param mtu: largest frame in bytes; both ends must agree
        :param baud: bits per second, 8N1
        :param paced: None paces sockets and leaves real ports to their hardware
        """
        self.name = name or device
        self._device = device
        self._paced = is_socket(device) if paced is None else paced
        self._info = LinkInfo(name=self.name, mtu=mtu, bits_per_second=baud)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[StreamLink]:
        reader, writer = await self._connect()
        link = StreamLink(reader, writer, self._info, paced=self._paced)
        writer.transport.set_write_buffer_limits(high=self._info.mtu)
        try:
            yield link
        finally:
            await link.aclose()

    async def _connect(self) -> Streams:
        if is_socket(self._device):
            return await _connect_socket(self._device)
        return await _open_port(self._device, self._info.bits_per_second)


async def _connect_socket(device: str) -> Streams:
    address = socket_address(device)
    try:
        async with asyncio.timeout(CONNECT_S):
            if isinstance(address, str):
                return await asyncio.open_unix_connection(address, limit=READ_BYTES)
            return await asyncio.open_connection(*address, limit=READ_BYTES)
    except TimeoutError as error:
        raise LinkUnavailable(
            f"{device} does not answer.", "Check the host name, the port and the firewall."
        ) from error
    except OSError as error:
        raise LinkUnavailable(
            f"Cannot reach {device}: {error.strerror or error}.",
            "Start the emulated board or the serial server first, and check the address.",
        ) from error


async def _open_port(device: str, baud: int) -> Streams:
    _check_is_port(device)
    try:
        streams: Streams = await serial_asyncio_fast.open_serial_connection(
            url=device, baudrate=baud, exclusive=True, limit=READ_BYTES
        )
    except (serial.SerialException, ValueError) as error:
        raise _explain(device, error) from error
    return streams


def _check_is_port(device: str) -> None:
    """Refuse a regular file or a folder before pyserial puts a terminal's settings on it."""
    if os.name != "posix":
        return
    try:
        mode = Path(device).stat().st_mode
    except OSError as error:
        raise _explain(device, error) from error
    if not stat.S_ISCHR(mode):
        raise LinkUnavailable(
            f"{device} is not a serial port.",
            "Give a device such as /dev/ttyACM0, or socket://host:port for an emulated board.",
        )


def _explain(device: str, error: OSError | ValueError) -> LinkUnavailable:
    code = getattr(error, "errno", None)
    if code in (errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.ENOTDIR):
        return LinkUnavailable(
            f"There is no serial port {device}.", f"Plug the board in. {_ports_here()}"
        )
    if code in (errno.EAGAIN, errno.EBUSY):
        return LinkUnavailable(
            f"The serial port {device} is in use by another program.",
            f"Close it there (a terminal, mpremote, another gateway); `fuser -v {device}` shows "
            "who has it.",
        )
    if code in (errno.EACCES, errno.EPERM):
        return LinkUnavailable(f"You may not use the serial port {device}.", _group_advice(device))
    return LinkUnavailable(
        f"Cannot open the serial port {device}: {error}.",
        "Check the device and the baud rate in the configuration.",
    )


def _ports_here() -> str:
    ports = sorted(port.device for port in list_ports.comports())
    if not ports:
        return "This machine has no serial port at the moment."
    return f"Ports here: {', '.join(ports)}."


def _group_advice(device: str) -> str:
    try:
        owner = Path(device).group()
    except (OSError, KeyError):
        return "Ask the administrator for access."
    return (
        f"Join its group with `sudo usermod -aG {owner} $USER`, then log out and in again, "
        "or give the port to your user with a udev rule."
    )
