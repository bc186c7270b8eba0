# SPDX-License-Identifier: MIT OR Apache-2.0
"""ML-DSA-65 of ``firmware/c_pqc`` as a shared library, with every mode and inner part in reach.

The CPython module ``pqc`` shows what a board sees; this shows the workspaces, the options
and the internal entry points that the standard's test sets need.
"""

import ctypes
import hashlib
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tools.build_cpython_pqc import C_PQC, ROOT, BuildError, compiler

PUBLIC, SIGNATURE, EXPANDED = 1952, 3309, 4032
OK, BAD_SIGNATURE, BAD_LENGTH, WORKSPACE, STOPPED = 0, -2, -4, -5, -6
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")

Poll = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)


class Options(ctypes.Structure):
    """`pqc_dsa_options` of pqc.h."""

    _fields_ = (("poll", Poll), ("arg", ctypes.c_void_p), ("check", ctypes.c_int))


class Private(ctypes.Structure):
    """`dsa_private` of dsa_internal.h."""

    _fields_ = (("seed", ctypes.c_char_p), ("expanded", ctypes.c_char_p))


class Message(ctypes.Structure):
    """`dsa_message` of dsa.h."""

    _fields_ = (
        ("mu", ctypes.c_char_p),
        ("message", ctypes.c_char_p),
        ("message_bytes", ctypes.c_size_t),
        ("context", ctypes.c_char_p),
        ("context_bytes", ctypes.c_size_t),
        ("internal", ctypes.c_int),
    )


def header_constants() -> dict[str, int]:
    """Return the plain numeric ``#define``s of pqc.h."""
    constants = {}
    for line in (C_PQC / "include" / "pqc.h").read_text().splitlines():
        words = line.split()
        if len(words) >= 3 and words[0] == "#define" and words[2].isdigit():
            constants[words[1]] = int(words[2])
    return constants


WS = header_constants()
KEYPAIR_MODES = (WS["PQC_DSA_KEYPAIR_WS_BYTES"], WS["PQC_DSA_KEYPAIR_FAST_WS_BYTES"])
SIGN_MODES = (WS["PQC_DSA_SIGN_WS_BYTES"], WS["PQC_DSA_SIGN_CACHED_WS_BYTES"])
VERIFY_MODES = (WS["PQC_DSA_VERIFY_WS_BYTES"], WS["PQC_DSA_VERIFY_FAST_WS_BYTES"])


def sources() -> list[Path]:
    """Return the library's own C files."""
    return sorted((C_PQC / "src").glob("*.c"))


def build(
    name: str, extra: list[Path], flags: tuple[str, ...], command: list[str] | None = None
) -> Path:
    """Compile the library and ``extra`` into ``build/dsa/<digest>/<name>``, once.

    ``command`` is the compiler, when not the usual one.

    :raises BuildError: no compiler, or the compiler's own message
    """
    files = [*sources(), *extra]
    compile_with = command or compiler()
    state = hashlib.sha256(repr((name, flags, compile_with)).encode())
    for path in [*files, *sorted(C_PQC.glob("*/*.h"))]:
        state.update(path.read_bytes())
    target = ROOT / "build" / "dsa" / state.hexdigest()[:16] / name
    if target.is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    arguments = ["-std=c11", *WARNINGS, *flags, *map(str, files), "-o", str(partial)]
    result = subprocess.run(
        [*compile_with, *arguments], capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        raise BuildError(f"the compiler refused firmware/c_pqc:\n{result.stderr}")
    partial.replace(target)
    return target


class Workspace:
    """An aligned buffer of exactly ``size`` bytes full of a pattern, with a guard behind it."""

    GUARD = b"\xc3" * 16

    def __init__(self, size: int) -> None:
        self.size = size
        self._memory = (ctypes.c_uint64 * (size // 8 + 4))()
        self._view = memoryview(self._memory).cast("B")
        self._view[:size] = b"\x5a" * size
        self._view[size : size + 16] = self.GUARD

    @property
    def arguments(self) -> tuple[ctypes.c_void_p, ctypes.c_size_t]:
        return ctypes.c_void_p(ctypes.addressof(self._memory)), ctypes.c_size_t(self.size)

    def content(self) -> bytes:
        """What the call left; raises AssertionError when it wrote beyond the end."""
        assert bytes(self._view[self.size : self.size + 16]) == self.GUARD
        return bytes(self._view[: self.size])


class Refused(Exception):
    """A call returned an error; ``status`` is the code, ``output`` what it left."""

    def __init__(self, status: int, output: bytes = b"") -> None:
        super().__init__(status)
        self.status = status
        self.output = output


class Library:
    """The functions of pqc.h and dsa_internal.h, taking and returning bytes."""

    def __init__(self, flags: tuple[str, ...] = ()) -> None:
        kernels = C_PQC / "tests" / "dsa_kernels.c"
        path = build(
            "libdsa.so", [kernels], ("-O2", "-g", "-fPIC", "-shared", "-DPQC_DSA_INTERNAL", *flags)
        )
        self.raw = ctypes.CDLL(str(path))

    def keypair(self, seed: bytes, ws: int = KEYPAIR_MODES[0]) -> bytes:
        return self._output(PUBLIC, self.raw.pqc_dsa_keypair, Workspace(ws), seed)

    def expand(self, seed: bytes) -> bytes:
        space = Workspace(SIGN_MODES[0])
        return self._output(EXPANDED, self.raw.pqc_dsa_expand_internal, space, seed)

    def sign(
        self,
        seed: bytes,
        message: bytes,
        context: bytes = b"",
        random: bytes = bytes(32),
        *,
        ws: int = SIGN_MODES[0],
        options: Options | None = None,
    ) -> bytes:
        pointer = ctypes.byref(options) if options is not None else None
        lengths = (message, ctypes.c_size_t(len(message)), context, ctypes.c_size_t(len(context)))
        arguments = (seed, *lengths, random, pointer)
        return self._output(SIGNATURE, self.raw.pqc_dsa_sign, Workspace(ws), *arguments)

    def sign_internal(
        self, key: Private, message: Message, random: bytes, ws: int = SIGN_MODES[0]
    ) -> bytes:
        arguments = (ctypes.byref(key), ctypes.byref(message), random, None)
        return self._output(SIGNATURE, self.raw.pqc_dsa_sign_internal, Workspace(ws), *arguments)

    def verify(
        self,
        public_key: bytes,
        message: bytes,
        signature: bytes,
        context: bytes = b"",
        ws: int = VERIFY_MODES[0],
    ) -> int:
        lengths = (message, ctypes.c_size_t(len(message)), context, ctypes.c_size_t(len(context)))
        space = Workspace(ws)
        status = self.raw.pqc_dsa_verify(public_key, *lengths, signature, *space.arguments)
        space.content()
        return int(status)

    def verify_internal(
        self, public_key: bytes, message: Message, signature: bytes, ws: int = VERIFY_MODES[0]
    ) -> int:
        space = Workspace(ws)
        return int(
            self.raw.pqc_dsa_verify_internal(
                public_key, ctypes.byref(message), signature, *space.arguments
            )
        )

    @staticmethod
    def _output(size: int, function: object, space: Workspace, *arguments: object) -> bytes:
        out = ctypes.create_string_buffer(b"\xa7" * (size + 16), size + 16)
        status = function(out, *arguments, *space.arguments)  # type: ignore[operator]
        space.content()
        assert out.raw[size:] == b"\xa7" * 16, "wrote beyond the output"
        if status != OK:
            raise Refused(status, out.raw[:size])
        return out.raw[:size]


@cache
def library(*flags: str) -> Library:
    """The library built with ``flags``; skips the test where there is no compiler."""
    try:
        compiler()
    except BuildError as error:
        pytest.skip(str(error))
    return Library(flags)
