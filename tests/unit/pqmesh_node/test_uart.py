# SPDX-License-Identifier: MIT OR Apache-2.0
"""The UART port over MicroPython's stream classes, here over stand-ins of the same shape.

tests/firmware runs it over real (emulated) UARTs.
"""

import asyncio

import pytest

from pqmesh_node.uart import UartPort


class Reader:
    """MicroPython's Stream.readinto: how many octets came, None or 0 when none did."""

    def __init__(self, uart: list[bytes | None]) -> None:
        self._uart = uart

    async def readinto(self, buffer: bytearray) -> int | None:
        piece = self._uart.pop(0)
        if piece is None:
            return None
        buffer[: len(piece)] = piece
        return len(piece)


class Writer:
    def __init__(self, uart: list[bytes | None], extra: dict) -> None:
        self.sent = b""
        self._held = b""

    def write(self, data: bytes) -> None:
        self._held += data

    async def drain(self) -> None:
        self.sent += self._held
        self._held = b""


@pytest.fixture
def streams(monkeypatch):
    monkeypatch.setattr(asyncio, "StreamReader", Reader)
    monkeypatch.setattr(asyncio, "StreamWriter", Writer)


async def test_reading_waits_through_empty_reads(streams):
    buffer = bytearray(8)
    count = await UartPort([None, b"", b"abc"]).readinto(buffer)
    assert bytes(buffer[:count]) == b"abc"


async def test_writing_is_drained(streams):
    port = UartPort([])
    await port.write(b"frame")
    assert port._writer.sent == b"frame"
