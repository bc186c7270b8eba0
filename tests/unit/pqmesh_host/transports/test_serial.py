# SPDX-License-Identifier: MIT OR Apache-2.0
"""The serial provider on pseudo-terminals and sockets; every failure to open says what to do."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import socket
import tempfile
import tty
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from pqmesh.framing.hdlc import enframe
from pqmesh_host.transports import serial as subject
from pqmesh_host.transports.base import Link, LinkBroken, LinkUnavailable
from pqmesh_host.transports.serial import SerialProvider
from support.link_contract import LinkContract


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for a unix socket's 107 bytes."""
    folder = tempfile.mkdtemp()
    yield Path(folder)
    shutil.rmtree(folder)


@contextlib.contextmanager
def pseudo_terminal() -> Iterator[tuple[int, str]]:
    """The controlling side of a new pty, and the path of its device."""
    board, device = os.openpty()
    tty.setraw(device)
    path = os.ttyname(device)
    os.close(device)
    try:
        yield board, path
    finally:
        with contextlib.suppress(OSError):
            os.close(board)


def group_of(path: str) -> str:
    return Path(path).group()


async def pump(source: int, sink: int) -> None:
    """Carry octets from one pty to the other, as a null-modem cable does."""
    loop = asyncio.get_running_loop()
    arrived = asyncio.Event()
    os.set_blocking(source, False)
    loop.add_reader(source, arrived.set)
    try:
        while True:
            await arrived.wait()
            arrived.clear()
            with contextlib.suppress(BlockingIOError):
                os.write(sink, os.read(source, 1024))
    except OSError:
        return
    finally:
        loop.remove_reader(source)


class TestSerialPort(LinkContract):
    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[Link, Link]]:
        with pseudo_terminal() as (near, near_path), pseudo_terminal() as (far, far_path):
            self.pumps: list[asyncio.Task[None]] = []
            self.near = near
            left = SerialProvider(near_path, mtu=500)
            right = SerialProvider(far_path, mtu=500)
            try:
                async with left.open() as left_link, right.open() as right_link:
                    ways = ((near, far), (far, near))
                    self.pumps = [asyncio.create_task(pump(*way)) for way in ways]
                    yield left_link, right_link
            finally:
                await self.stop_pumps()

    async def stop_pumps(self) -> None:
        for task in self.pumps:
            task.cancel()
        await asyncio.gather(*self.pumps, return_exceptions=True)

    async def cut(self, left: Link, right: Link) -> None:
        await self.stop_pumps()
        os.close(self.near)


class TestUnixSocket(LinkContract):
    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[Link, Link]]:
        folder = tempfile.mkdtemp()
        address = f"{folder}/board.sock"
        async with (
            served(address) as peer,
            SerialProvider(f"unix://{address}", mtu=500, baud=4_000_000).open() as left,
        ):
            yield left, await peer
        shutil.rmtree(folder)


@contextlib.asynccontextmanager
async def served(address: str) -> AsyncIterator[asyncio.Future[Link]]:
    """A board's side of a unix socket, as a link."""
    peer: asyncio.Future[Link] = asyncio.get_running_loop().create_future()

    async def plugged(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        info = subject.LinkInfo(name="board", mtu=500, bits_per_second=4_000_000)
        peer.set_result(subject.StreamLink(reader, writer, info, paced=False))

    server = await asyncio.start_unix_server(plugged, address)
    async with server:
        yield peer
        if peer.done():
            await peer.result().aclose()


async def refusal(device: str) -> LinkUnavailable:
    with pytest.raises(LinkUnavailable) as caught:
        async with SerialProvider(device, mtu=500).open():
            pass
    return caught.value


async def test_a_missing_port_is_named_and_the_present_ones_listed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    error = await refusal(str(tmp_path / "ttyACM9"))
    assert "There is no serial port" in str(error)
    assert "ttyACM9" in str(error)
    assert "Plug the board in" in error.advice


async def test_a_busy_port_says_who_to_ask() -> None:
    with pseudo_terminal() as (_, path):
        async with SerialProvider(path, mtu=500).open():
            error = await refusal(path)
    assert "in use by another program" in str(error)
    assert f"fuser -v {path}" in error.advice


async def test_a_port_locked_by_another_program_is_busy() -> None:
    with pseudo_terminal() as (_, path):
        other = os.open(path, os.O_RDWR | os.O_NOCTTY)
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            assert "in use" in str(await refusal(path))
        finally:
            os.close(other)


async def test_a_busy_port_is_usable_again_after_it_is_closed() -> None:
    with pseudo_terminal() as (board, path):
        provider = SerialProvider(path, mtu=500)
        for _ in range(2):
            async with provider.open() as link:
                await link.send(b"hello")
                assert os.read(board, 100) == enframe(b"hello")


async def test_a_forbidden_port_names_the_group(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise subject.serial.SerialException(13, "could not open port: Permission denied")

    with pseudo_terminal() as (_, path):
        monkeypatch.setattr(subject.serial_asyncio_fast, "open_serial_connection", forbidden)
        error = await refusal(path)
        assert "may not use" in str(error)
        assert f"usermod -aG {group_of(path)}" in error.advice


async def test_a_regular_file_is_not_a_port_and_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("precious")
    assert "not a serial port" in str(await refusal(str(file)))
    assert file.read_text() == "precious"


async def test_a_null_device_is_not_a_port() -> None:
    assert "Cannot open the serial port" in str(await refusal(os.devnull))


async def test_an_emulated_board_that_is_not_running(short_folder: Path) -> None:
    error = await refusal(f"unix://{short_folder}/board.sock")
    assert "Start the emulated board" in error.advice
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = await refusal(f"socket://127.0.0.1:{unused.getsockname()[1]}")
    assert "Cannot reach socket://127.0.0.1" in str(error)


async def test_tcp_carries_frames() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with SerialProvider(f"socket://127.0.0.1:{port}", mtu=500).open() as link:
            await link.send(b"round trip")
            assert await link.receive() == b"round trip"
            with pytest.raises(LinkBroken):
                await link.receive()


@pytest.mark.parametrize(
    ("device", "paced"), [("socket://h:1", True), ("unix:///p", True), ("/dev/ttyACM0", False)]
)
def test_only_sockets_are_paced_unless_told(device: str, paced: bool) -> None:
    assert SerialProvider(device, mtu=500)._paced is paced
    assert SerialProvider(device, mtu=500, paced=not paced)._paced is not paced


async def test_a_socket_that_does_not_answer_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def never(*_: object, **__: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(subject.asyncio, "open_connection", never)
    monkeypatch.setattr(subject, "CONNECT_S", 0.01)
    error = await refusal("socket://192.0.2.1:5000")
    assert "does not answer" in str(error)
    assert "firewall" in error.advice


async def test_the_ports_of_this_machine_are_listed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Port:
        def __init__(self, device: str) -> None:
            self.device = device

    here = [Port("/dev/ttyUSB1"), Port("/dev/ttyACM0")]
    monkeypatch.setattr(subject.list_ports, "comports", lambda: here)
    error = await refusal(str(tmp_path / "ttyACM9"))
    assert "Ports here: /dev/ttyACM0, /dev/ttyUSB1." in error.advice
    monkeypatch.setattr(subject.list_ports, "comports", list)
    assert "no serial port at the moment" in (await refusal(str(tmp_path / "ttyACM9"))).advice


def test_a_port_whose_group_is_unknown_still_gets_advice(tmp_path: Path) -> None:
    assert "administrator" in subject._group_advice(str(tmp_path / "gone"))
