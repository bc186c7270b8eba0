# SPDX-License-Identifier: MIT OR Apache-2.0
"""Stock aioquic and qh3 under the loads of `benchmarks.quic`; their asyncio APIs are the same.

They authenticate the server alone, by a P-256 certificate nobody checks, over X25519 or, for
qh3, X25519MLKEM768: less work in a handshake than ours does. Their configuration is theirs
but for windows as large as ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import importlib
import ssl
import tempfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .quic_load import (
    ACKNOWLEDGE,
    REPORT_EVERY,
    Ask,
    Kind,
    Ledger,
    Load,
    Meter,
    Outcome,
    Progress,
    count_report,
    last_reports,
    paced_datagrams,
)

WINDOW_BYTES = 16 * 1024 * 1024
AHEAD_BYTES = 1 << 20
AHEAD_DATAGRAMS = 32
"""Handed over before the event loop gets its turn: neither API has back-pressure."""


class Stack:
    """The modules of one of the two packages."""

    def __init__(self, name: str) -> None:
        self.asyncio: Any = importlib.import_module(f"{name}.asyncio")
        self.configuration: Any = importlib.import_module(f"{name}.quic.configuration")
        self.events: Any = importlib.import_module(f"{name}.quic.events")


async def serve(load: Load, pipe: Connection) -> None:
    """Say where we listen, carry the load, answer when asked."""
    stack = Stack(load.stack)
    config = stack.configuration.QuicConfiguration(is_client=False, **_settings(load))
    with tempfile.TemporaryDirectory() as folder:
        config.load_cert_chain(*_certificate(Path(folder)))
    ledger = Ledger()
    server = await stack.asyncio.serve(
        "127.0.0.1", 0, configuration=config, create_protocol=_server_protocol(stack, load, ledger)
    )
    pipe.send(server._transport.get_extra_info("sockname")[:2])
    await ledger.answer(pipe)


async def drive(load: Load, address: tuple[str, int], ask: Ask) -> Outcome:
    """The client's side."""
    return await _CLIENTS[load.kind](Stack(load.stack), load, address, ask)


def _server_protocol(stack: Stack, load: Load, ledger: Ledger) -> type[Any]:
    """A protocol that counts what the load's units are."""

    class Counting(stack.asyncio.QuicConnectionProtocol):  # type: ignore[misc, name-defined]
        def quic_event_received(self, event: Any) -> None:
            if isinstance(event, stack.events.HandshakeCompleted):
                ledger.arrived += load.kind in (Kind.HANDSHAKES, Kind.CONNECTIONS)
            elif isinstance(event, stack.events.DatagramFrameReceived):
                ledger.arrived += 1
                if ledger.arrived % REPORT_EVERY == 0:
                    self._quic.send_datagram_frame(count_report(ledger.arrived))
                    self.transmit()
            elif isinstance(event, stack.events.StreamDataReceived) and event.end_stream:
                ledger.arrived += 1
                if ledger.arrived == load.count:
                    _send_message(self, ACKNOWLEDGE)

    return Counting


def _connect(
    stack: Stack, load: Load, address: tuple[str, int], on_event: Callable[[Any], None]
) -> Any:
    config = stack.configuration.QuicConfiguration(is_client=True, **_settings(load))
    config.verify_mode = ssl.CERT_NONE
    config.server_name = "localhost"

    class Client(stack.asyncio.QuicConnectionProtocol):  # type: ignore[misc, name-defined]
        def quic_event_received(self, event: Any) -> None:
            on_event(event)

    return stack.asyncio.connect(*address, configuration=config, create_protocol=Client)


async def _send_streams(stack: Stack, load: Load, address: tuple[str, int], ask: Ask) -> Outcome:
    acknowledged = asyncio.Event()

    def on_event(event: Any) -> None:
        if isinstance(event, stack.events.StreamDataReceived) and event.end_stream:
            acknowledged.set()

    message, ahead = bytes(load.size), max(1, AHEAD_BYTES // load.size)
    async with _connect(stack, load, address, on_event) as client:
        await client.ping()
        meter = Meter()
        for n in range(load.count):
            while not _send_message(client, message):  # noqa: ASYNC110 - no signal of credit
                await asyncio.sleep(0.001)
            if n % ahead == 0:
                await asyncio.sleep(0)
        await acknowledged.wait()
        return meter.outcome(await ask())


async def _send_datagrams(stack: Stack, load: Load, address: tuple[str, int], ask: Ask) -> Outcome:
    progress = Progress()

    def on_event(event: Any) -> None:
        if isinstance(event, stack.events.DatagramFrameReceived):
            progress.told(event.data)

    async with _connect(stack, load, address, on_event) as client:
        await client.ping()
        handed = 0

        async def send(payload: bytes) -> None:
            nonlocal handed
            client._quic.send_datagram_frame(payload)
            handed += 1
            if handed % AHEAD_DATAGRAMS == 0:
                client.transmit()
                await asyncio.sleep(0)

        meter = Meter()
        await paced_datagrams(load, send, progress)
        client.transmit()
        await last_reports(load, progress)
        return meter.outcome(await ask())


async def _shake_hands(stack: Stack, load: Load, address: tuple[str, int], ask: Ask) -> Outcome:
    meter = Meter()
    for _ in range(load.count):
        async with _connect(stack, load, address, _ignore):
            pass
    return meter.outcome(await ask())


async def _hold_connections(
    stack: Stack, load: Load, address: tuple[str, int], ask: Ask
) -> Outcome:
    meter = Meter()
    async with contextlib.AsyncExitStack() as held:
        for _ in range(load.count):
            await held.enter_async_context(_connect(stack, load, address, _ignore))
        return meter.outcome(await ask())


def _ignore(event: Any) -> None:
    """What arrives on these connections is of no interest."""


_CLIENTS = {
    Kind.STREAMS: _send_streams,
    Kind.DATAGRAMS: _send_datagrams,
    Kind.HANDSHAKES: _shake_hands,
    Kind.CONNECTIONS: _hold_connections,
}


def _send_message(protocol: Any, data: bytes) -> bool:
    """Send one; False when the peer's stream credit is used up (qh3 raises, aioquic queues)."""
    quic = protocol._quic
    try:
        stream = quic.get_next_available_stream_id(is_unidirectional=True)
        quic.send_stream_data(stream, data, True)
    except ValueError:
        return False
    protocol.transmit()
    return True


def _settings(load: Load) -> dict[str, Any]:
    return {
        "max_data": WINDOW_BYTES,
        "max_stream_data": WINDOW_BYTES,
        "alpn_protocols": ["bench"],
        "max_datagram_size": load.datagram_bytes,
        "max_datagram_frame_size": 65_535,
    }


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
