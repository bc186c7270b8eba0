# SPDX-License-Identifier: MIT OR Apache-2.0
"""A NOR flash chip as a MicroPython block device whose power fails after so many octets."""

BLOCK_BYTES = 4096
_COUNT, _SIZE, _ERASE = 4, 5, 6  # MicroPython's vfs.AbstractBlockDev.ioctl


class PowerCut(Exception):
    """The world ends here; nothing after this point ran."""


class NorFlash:
    """An erase sets every bit of a block, a program only clears bits; both take time.

    ``cut``: octets that may still be erased or programmed before the power fails; None: it holds.
    ``changed`` counts them, so that a test can cut at every single one.
    """

    def __init__(self, blocks: int = 2, block_bytes: int = BLOCK_BYTES) -> None:
        self.octets = bytearray(b"\xff" * (blocks * block_bytes))
        self.cut: int | None = None
        self.changed = 0
        self.broken: set[str] = set()
        """Which of "read", "program" and "erase" fail with EIO."""

        self._block_bytes = block_bytes

    def readblocks(self, block: int, buffer: bytearray, offset: int = 0) -> None:
        self._fail("read")
        start = block * self._block_bytes + offset
        buffer[:] = self.octets[start : start + len(buffer)]

    def writeblocks(self, block: int, data: bytes, offset: int) -> None:
        self._fail("program")
        start = block * self._block_bytes + offset
        done = self._power(len(data))
        for at, octet in enumerate(data[:done], start):
            self.octets[at] &= octet
        self._check(done, len(data))

    def ioctl(self, operation: int, argument: int) -> int:
        if operation == _COUNT:
            return len(self.octets) // self._block_bytes
        if operation == _SIZE:
            return self._block_bytes
        if operation == _ERASE:
            self._fail("erase")
            start = argument * self._block_bytes
            done = self._power(self._block_bytes)
            self.octets[start : start + done] = b"\xff" * done
            self._check(done, self._block_bytes)
        return 0

    def _fail(self, operation: str) -> None:
        if operation in self.broken:
            raise OSError(5)

    def _power(self, wanted: int) -> int:
        done = wanted if self.cut is None else min(wanted, self.cut)
        self.changed += done
        if self.cut is not None:
            self.cut -= done
        return done

    def _check(self, done: int, wanted: int) -> None:
        if done < wanted:
            self.cut = None
            raise PowerCut
