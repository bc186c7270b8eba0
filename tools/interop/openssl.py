# SPDX-License-Identifier: MIT OR Apache-2.0
"""OpenSSL's own QUIC against ours: ``python -m tools.interop.openssl``.

OpenSSL 3.5 and later have QUIC, ML-KEM, ML-DSA and raw public keys. ``openssl s_client -quic``
does the whole profile (docs/decisions/0008) but for one thing: it insists on ALPN, which our
network does not use, so the server here agrees to one. There is no QUIC in ``s_server``, so
only this direction can be shown.

The program is the machine's own where that is new enough, else Debian trixie's, unpacked
under build/ and run with its own C library; apt checks its signatures.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from aioquic.quic import events
from aioquic.quic.packet import pull_quic_header

from pqmesh.identity import short
from pqmesh_host.quic.buffer import Buffer
from pqmesh_host.quic.configuration import PqConfiguration
from pqmesh_host.quic.connection import PqConnection
from pqmesh_host.quic.rawkey import LocalKey, RawPublicKey
from tools.firmware import apt
from tools.firmware.errors import FirmwareError
from tools.firmware.progress import Progress
from tools.interop.cell import check, identity
from tools.interop.install import BUILD, CannotInstall

SUITE = "trixie"
PACKAGES = ("openssl", "libssl3t64", "libc6", "libzstd1", "zlib1g")
OLDEST = (3, 5)
ALPN = "pqmesh-interop"
LIMIT_S = 15.0
PROFILE = ("-quic", "-alpn", ALPN, "-groups", "MLKEM768", "-sigalgs", "mldsa65")
RAW_KEYS = ("-enable_server_rpk", "-enable_client_rpk")


class Program:
    """A command line that runs OpenSSL, and the environment it needs."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.command = command
        self.environment = {**os.environ, **environment}

    def run(self, *arguments: str) -> str:
        """Run to the end; returns what it printed. CalledProcessError when it fails."""
        return subprocess.run(
            [*self.command, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    @property
    def version(self) -> tuple[int, ...]:
        """As in "OpenSSL 3.5.9 ..."."""
        found = re.search(r"OpenSSL (\d+)\.(\d+)\.(\d+)", self.run("version"))
        return tuple(int(part) for part in found.groups()) if found else (0,)


def find() -> Program:
    """The machine's OpenSSL if it is new enough, else one fetched into build/.

    :raises CannotInstall: neither is to be had
    """
    own = shutil.which("openssl")
    if own is not None:
        program = Program([own], {})
        if program.version >= OLDEST:
            return program
    return _unpacked(BUILD / "openssl")


def _unpacked(folder: Path) -> Program:
    root = folder / "root"
    if not (root / "usr/bin/openssl").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            apt.download_newest(PACKAGES, SUITE, folder, Progress("openssl"))
        except FirmwareError as error:
            raise CannotInstall(str(error)) from error
        for package in folder.glob("*.deb"):
            subprocess.run(["dpkg", "-x", str(package), str(root)], check=True)
    libraries = next((root / "usr/lib").glob("*-linux-gnu"))
    loader = next(libraries.glob("ld-linux-*.so.*"))
    command = [str(loader), "--library-path", str(libraries), str(root / "usr/bin/openssl")]
    modules, settings = libraries / "ossl-modules", root / "etc/ssl/openssl.cnf"
    return Program(command, {"OPENSSL_MODULES": str(modules), "OPENSSL_CONF": str(settings)})


class _AgreeingConnection(PqConnection):
    """Our server, agreeing to the application protocol OpenSSL insists on."""

    def _initialize(self, peer_cid: bytes) -> None:
        super()._initialize(peer_cid)
        self.tls._alpn_protocols = [ALPN]
        self.tls.alpn_negotiated = ALPN


class Server:
    """One connection of ours on loopback that echoes what comes on a stream."""

    def __init__(self, trust: Callable[[RawPublicKey], bool]) -> None:
        self.connection: PqConnection | None = None
        self.echoed = asyncio.Event()
        self.ended = asyncio.Event()
        self._trust = trust
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]

    async def run(self) -> None:
        """Serve until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with asyncio.timeout(0.02):
                    data, source = await loop.sock_recvfrom(self._socket, 65_535)
                self._take(data, source, loop.time())
            except TimeoutError:
                connection = self.connection
                timer = None if connection is None else connection.get_timer()
                if connection is not None and timer is not None and timer <= loop.time():
                    connection.handle_timer(loop.time())
            await self._answer(loop)

    def _take(self, data: bytes, source: Any, now: float) -> None:
        if self.connection is None:
            header = pull_quic_header(Buffer(data=data), host_cid_length=8)
            self.connection = _AgreeingConnection(
                configuration=PqConfiguration(is_client=False, key=LocalKey(identity())),
                verify_peer=self._trust,
                original_destination_connection_id=header.destination_cid,
            )
        self.connection.receive_datagram(data, source, now)

    async def _answer(self, loop: asyncio.AbstractEventLoop) -> None:
        connection = self.connection
        if connection is None:
            return
        while (event := connection.next_event()) is not None:
            if isinstance(event, events.StreamDataReceived) and event.data:
                connection.send_stream_data(event.stream_id, b"echo: " + event.data)
                self.echoed.set()
        for data, address in connection.datagrams_to_send(loop.time()):
            await loop.sock_sendto(self._socket, data, address)
        if connection._close_event is not None:
            self.ended.set()

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()


async def talk(
    program: Program, server: Server, until: asyncio.Event, *options: str
) -> tuple[str, int | None]:
    """Let s_client say a line to the server; returns its output and our close code."""
    command = [*program.command, "s_client", "-connect", f"127.0.0.1:{server.port}"]
    client = await asyncio.create_subprocess_exec(
        *(*command, *PROFILE, *options),
        env=program.environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    serving = asyncio.create_task(server.run())
    try:
        if client.stdin is not None:
            client.stdin.write(b"a line\n")
        async with asyncio.timeout(LIMIT_S):
            await until.wait()
        await asyncio.sleep(0.3)  # what was echoed is on its way
    finally:
        if client.returncode is None:
            client.terminate()
        printed, _ = await client.communicate()
        serving.cancel()
        server.close()
    closed = server.connection._close_event if server.connection else None
    return printed.decode(errors="replace"), closed.error_code if closed else None


def new_key(program: Program, folder: Path) -> tuple[str, ...]:
    """Make an ML-DSA-65 key; returns the options that make s_client use it."""
    key, certificate = str(folder / "key.pem"), str(folder / "certificate.pem")
    program.run("genpkey", "-algorithm", "ML-DSA-65", "-out", key)
    program.run("req", "-x509", "-new", "-key", key, "-subj", "/CN=pqmesh", "-out", certificate)
    return "-cert", certificate, "-key", key


async def both_prove_their_keys(program: Program, key: tuple[str, ...]) -> str:
    """The whole profile, and a stream there and back."""
    server = Server(lambda key: True)
    printed, _ = await talk(program, server, server.echoed, *RAW_KEYS, *key)
    peer = server.connection.peer_key if server.connection else None
    check(peer is not None, f"no key was proved: {printed[-300:]}")
    check("echo: a line" in printed, f"no echo in: {printed[-300:]}")
    check("Peer signature type: mldsa65" in printed, f"another signature in: {printed[-300:]}")
    return f"its PeerId is {short(peer.peer_id) if peer else '-'}, one stream echoed"


async def a_key_we_do_not_trust_is_refused(program: Program, key: tuple[str, ...]) -> str:
    """Our refusal reaches OpenSSL as the alert of RFC 8446."""
    server = Server(lambda key: False)
    _, code = await talk(program, server, server.ended, *RAW_KEYS, *key)
    check(code == 0x100 + 48, f"closed with {code}")
    return "alert 48 unknown_ca"


async def a_certificate_is_refused(program: Program, key: tuple[str, ...]) -> str:
    """A client that offers no raw public key is outside the profile."""
    server = Server(lambda key: True)
    _, code = await talk(program, server, server.ended, *key)
    check(code == 0x100 + 43, f"closed with {code}")
    return "alert 43 unsupported_certificate"


CELLS: tuple[Callable[[Program, tuple[str, ...]], Coroutine[Any, Any, str]], ...] = (
    both_prove_their_keys,
    a_key_we_do_not_trust_is_refused,
    a_certificate_is_refused,
)


def main() -> int:
    """Run every cell; returns 1 when one fails, 0 otherwise, also where there is no OpenSSL."""
    try:
        program = find()
    except CannotInstall as error:
        print(f"SKIPPED: no OpenSSL with QUIC: {error}", file=sys.stderr)
        return 0
    name = "OpenSSL " + ".".join(map(str, program.version))
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        key = new_key(program, Path(folder))
        for cell in CELLS:
            try:
                verdict, evidence = "pass", asyncio.run(cell(program, key))
            except Exception as error:  # noqa: BLE001 - the top of a task: every failure is a result
                verdict, evidence = "FAIL", f"{type(error).__name__}: {error}"
                failed = 1
            print(f"{name:14} {verdict:5} {cell.__name__.replace('_', ' '):40} {evidence}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
