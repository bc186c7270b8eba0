# SPDX-License-Identifier: MIT OR Apache-2.0
"""The two ends of a QUIC transfer, each in a process of its own, for `benchmarks.quic`.

Every stack carries the same load: `total` bytes as messages of `size`, one unidirectional
stream each, from the client to the server, which counts them and says when all are there.
CPU is user plus system time of both processes: the figure that survives a busy machine.
"""

from __future__ import annotations

import asyncio
import datetime
import importlib
import multiprocessing
import ssl
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pqmesh.identity import Identity
from pqmesh_host.crypto import HostCrypto
from pqmesh_host.quic.endpoint import QuicEndpoint
from pqmesh_host.quic.limits import QuicLimits

STACKS = ("pqmesh", "pqmesh-plain", "pqmesh-mtu", "aioquic", "qh3")
"""Ours at 1,200 bytes, without its fast path, and as it is by default, on whatever loopback
carries (8,952 bytes); stock aioquic and qh3 through their asyncio APIs."""

LIMIT_S = 120.0
ACKNOWLEDGE = b"all of it"


class StackFailed(Exception):
    """A stack did not carry its load; says how it failed."""


@dataclass(frozen=True)
class Load:
    """What one run carries."""

    stack: str
    total: int
    size: int
    datagram_bytes: int = 1200

    @property
    def messages(self) -> int:
        return self.total // self.size


@dataclass(frozen=True)
class Outcome:
    """What one run took, in seconds."""

    wall_s: float
    cpu_s: float


def run(load: Load) -> Outcome:
    """Carry one load between two fresh processes.

    :raises StackFailed: it did not arrive
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=_serve, args=(load, theirs), daemon=True)
    server.start()
    try:
        address = _hear(ours, server)
        try:
            wall, cpu = asyncio.run(_client(load, address))
        except Exception as error:  # a foreign stack may raise anything
            raise StackFailed(f"{load.stack}: {type(error).__name__}: {error}") from error
        ours.send("report")
        return Outcome(wall, cpu + _hear(ours, server))
    finally:
        server.terminate()
        server.join()


def _hear(pipe: Connection, server: SpawnProcess) -> Any:
    """The server's next word; RuntimeError when it dies or says nothing in time."""
    deadline = time.monotonic() + LIMIT_S
    while not pipe.poll(0.1):
        if not server.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the server process does not answer")
    return pipe.recv()


def available(stack: str) -> bool:
    """Whether the packages of a stack are installed."""
    return stack != "qh3" or importlib.util.find_spec("qh3") is not None


def _serve(load: Load, pipe: Connection) -> None:
    serve = _serve_ours if load.stack.startswith("pqmesh") else _serve_stock
    asyncio.run(serve(load, pipe))


async def _client(load: Load, address: tuple[str, int]) -> tuple[float, float]:
    client = _client_ours if load.stack.startswith("pqmesh") else _client_stock
    async with asyncio.timeout(LIMIT_S):
        return await client(load, address)


async def _report(pipe: Connection, started_cpu: Callable[[], float]) -> None:
    """Answer the client's question about our CPU time, whenever it comes."""
    await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
    pipe.send(time.process_time() - started_cpu())


def _identity(name: bytes) -> Identity:
    return Identity(HostCrypto().sha256(name), HostCrypto())


def _limits(load: Load) -> QuicLimits:
    return QuicLimits(
        datagram_bytes=load.datagram_bytes,
        discover_mtu=load.stack == "pqmesh-mtu",
        fast_path=load.stack != "pqmesh-plain",
    )


async def _serve_ours(load: Load, pipe: Connection) -> None:
    async with QuicEndpoint.open(
        _identity(b"server"), host="127.0.0.1", limits=_limits(load)
    ) as endpoint:
        pipe.send(endpoint.local_address)
        peer = await endpoint.accept()
        before = time.process_time()
        for _ in range(load.messages):
            await peer.recv()
        await peer.send(ACKNOWLEDGE)
        await _report(pipe, lambda: before)


async def _client_ours(load: Load, address: tuple[str, int]) -> tuple[float, float]:
    message = bytes(load.size)
    async with QuicEndpoint.open(
        _identity(b"client"), host="127.0.0.1", limits=_limits(load)
    ) as endpoint:
        peer = await endpoint.connect(address)
        return await _timed(lambda: _send_ours(peer, message, load.messages))


async def _send_ours(peer: Any, message: bytes, count: int) -> None:
    for _ in range(count):
        await peer.send(message)
    await peer.recv()


async def _timed(work: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    await work()
    return time.perf_counter() - wall, time.process_time() - cpu


# Stock aioquic and qh3, whose asyncio APIs are the same.


def _stock(load: Load) -> tuple[Any, Any, Any]:
    name = load.stack
    return tuple(
        importlib.import_module(f"{name}.{part}")
        for part in ("asyncio", "quic.configuration", "quic.events")
    )


def _protocol(load: Load, done: Callable[[], None]) -> type[Any]:
    """A protocol that counts finished streams and bytes on them."""
    stock, _, events = _stock(load)

    class Counting(stock.QuicConnectionProtocol):
        finished = 0

        def quic_event_received(self, event: Any) -> None:
            if isinstance(event, events.StreamDataReceived) and event.end_stream:
                self.finished += 1
                if self.finished == load.messages:
                    done()
                    self.send(ACKNOWLEDGE)

        def send(self, data: bytes) -> None:
            quic = self._quic
            stream = quic.get_next_available_stream_id(is_unidirectional=True)
            quic.send_stream_data(stream, data, True)
            self.transmit()

    return Counting


async def _serve_stock(load: Load, pipe: Connection) -> None:
    stock, configuration, _ = _stock(load)
    config = configuration.QuicConfiguration(is_client=False, **_settings(load))
    with tempfile.TemporaryDirectory() as folder:
        config.load_cert_chain(*_certificate(Path(folder)))
    started: list[float] = []
    protocol = _protocol(load, lambda: None)

    def create(*args: Any, **kwargs: Any) -> Any:
        started.append(time.process_time())
        return protocol(*args, **kwargs)

    server = await stock.serve("127.0.0.1", 0, configuration=config, create_protocol=create)
    pipe.send(server._transport.get_extra_info("sockname")[:2])
    await _report(pipe, lambda: started[0])


async def _client_stock(load: Load, address: tuple[str, int]) -> tuple[float, float]:
    stock, configuration, events = _stock(load)
    config = configuration.QuicConfiguration(is_client=True, **_settings(load))
    config.verify_mode = ssl.CERT_NONE
    config.server_name = "localhost"
    acknowledged = asyncio.Event()

    class Client(_protocol(load, lambda: None)):  # type: ignore[misc]
        def quic_event_received(self, event: Any) -> None:
            if isinstance(event, events.StreamDataReceived) and event.end_stream:
                acknowledged.set()

    async with stock.connect(*address, configuration=config, create_protocol=Client) as client:
        await client.ping()
        return await _timed(lambda: _send_stock(client, load, acknowledged))


async def _send_stock(client: Any, load: Load, acknowledged: asyncio.Event) -> None:
    # Neither API has back-pressure: hand over a window's worth, then let the loop work.
    message, ahead = bytes(load.size), max(1, (1 << 20) // load.size)
    for n in range(load.messages):
        while not _sent(client, message):  # noqa: ASYNC110 - neither API signals credit
            await asyncio.sleep(0.001)
        if n % ahead == 0:
            await asyncio.sleep(0)
    await acknowledged.wait()


def _sent(client: Any, message: bytes) -> bool:
    """Send one; False when the peer's stream credit is used up (qh3 raises, aioquic queues)."""
    try:
        client.send(message)
    except ValueError:
        return False
    return True


def _settings(load: Load) -> dict[str, Any]:
    window = 16 * 1024 * 1024
    common = {"max_data": window, "max_stream_data": window, "alpn_protocols": ["bench"]}
    return {**common, "max_datagram_size": load.datagram_bytes}


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A classical certificate and key on disk, as both stacks want them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(1).not_valid_before(now)
    builder = builder.not_valid_after(now + datetime.timedelta(days=1))
    builder = builder.add_extension(
        x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False
    )
    certificate = builder.sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    chain, private = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(certificate.public_bytes(pem))
    private.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return chain, private
