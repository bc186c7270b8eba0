# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every parser of the QUIC side that is ours, and that of broadcasts, as one call for any bytes.

A target's ``run`` returns, or raises one of ``refusals``; anything else is a finding, and so is
an ``AssertionError``: whatever is taken must survive being written and read again.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from aioquic import tls
from aioquic.buffer import Buffer as AioBuffer
from aioquic.quic.connection import (
    QuicConnectionError,
    QuicConnectionState,
    QuicReceiveContext,
)

from pqmesh.errors import ProtocolError
from pqmesh.limits import BOARD_OBJECTS
from pqmesh.objects.source import Source, have
from pqmesh.wire.objects import EPOCH_OBJECT, OBJ_FETCH, ObjFetch
from pqmesh_host.quic import frames, messages, transport_parameters
from pqmesh_host.quic.buffer import Buffer, BufferReadError
from pqmesh_host.quic.fastpath import FastConnection
from pqmesh_host.quic.nat import aqcc
from pqmesh_host.quic.rawkey import SPKI_PREFIX, RawPublicKey
from pqmesh_host.quic.relay import wire
from pqmesh_host.quic.tls_client import ClientContext
from pqmesh_host.quic.tls_server import ServerContext
from support.broadcast import DTAG, Air, octets_of
from support.quic_pair import Pair, client, local_key, server

CORPUS = Path(__file__).parent / "corpus"
RELAY_LIMIT = 4096
RUNS_PER_CONNECTION = 500
FRAME_TYPES = sorted(
    kind for cls in (*frames.NAT_FRAMES, frames.ObservedAddress) for kind in cls.TYPES
)
PARAMETERS = {
    transport_parameters.NAT_TRAVERSAL: transport_parameters.varint(10),
    transport_parameters.RFC_NAT_TRAVERSAL: b"",
    transport_parameters.ADDRESS_DISCOVERY: transport_parameters.varint(2),
    transport_parameters.ACK_RECEIVE_V2: b"",
}


@dataclass(frozen=True)
class Target:
    """
    :param run: takes the input
    :param refusals: what it may raise
    :param seeds: inputs it takes, for a fuzzer to begin with
    """

    name: str
    run: Callable[[bytes], None]
    refusals: tuple[type[Exception], ...]
    seeds: Callable[[], list[bytes]]

    def check(self, data: bytes) -> bool:
        """Whether ``data`` was taken. What is neither taken nor properly refused is raised."""
        try:
            self.run(data)
        except self.refusals:
            return False
        return True

    def kept(self) -> Iterator[bytes]:
        """The inputs that are kept in the repository, each of which reaches something new."""
        for path in sorted((CORPUS / self.name).glob("*")):
            yield path.read_bytes()


# ant-quic's frames and transport parameters


def _frame(data: bytes) -> None:
    if not data:
        return
    kind = FRAME_TYPES[data[0] % len(FRAME_TYPES)]
    frame = frames.decode(kind, Buffer(data=data[1:]))
    again = frames.decode(frame.type, Buffer(data=frames.encode(frame)))
    assert again == frame


def _frame_seeds() -> list[bytes]:
    return [bytes((number,)) + bytes(range(1, 40)) for number in range(len(FRAME_TYPES))]


def _parameters(data: bytes) -> None:
    found = transport_parameters.decode(data)
    frames.negotiated(found)
    assert transport_parameters.decode(transport_parameters.encode(found)) == found
    transport_parameters.integer(found, transport_parameters.ADDRESS_DISCOVERY, 0)


# Whole streams: coordination, probes, ACK-v2, relay


def _coordination(data: bytes) -> None:
    message = aqcc.decode(data)
    assert aqcc.decode(aqcc.encode(message)) == message


def _coordination_seeds() -> list[bytes]:
    addresses = (("192.0.2.1", 9000), ("2001:db8::1", 9000))
    return [
        aqcc.encode(
            aqcc.Coordination(
                kind=kind,
                request_id=7,
                expires_at_unix_ms=1_700_000_000_000,
                initiator=bytes(32),
                target=bytes(range(32)),
                round=1,
                initiator_addresses=addresses if kind in ("Request", "Offer", "Accepted") else (),
                target_addresses=addresses if kind in ("Ready", "Accepted") else (),
                reason=sorted(aqcc.REASONS)[0] if kind == "Rejected" else None,
            )
        )
        for kind in ("Request", "Offer", "Ready", "Accepted", "Rejected")
    ]


def _stream(data: bytes) -> None:
    kind = messages.classify(data)
    if kind in (messages.Kind.PROBE, messages.Kind.PROBE_ANSWER):
        assert len(messages.probe_tag(data)) == messages.TAG_BYTES
    answer = messages.decode_ack_answer(data)
    if answer is not None:
        messages.describe_ack(*answer)
        assert messages.ack_answer(answer) == data


def _stream_seeds() -> list[bytes]:
    probe = messages.probe(bytes(16))
    return [probe, messages.answer_probe(probe), messages.ack_answer(messages.ACCEPTED), b"text"]


def _relay(data: bytes) -> None:
    reader = wire.FrameReader(RELAY_LIMIT)
    half = len(data) // 2
    for body in itertools.chain(reader.feed(data[1:half]), reader.feed(data[half:])):
        form = (wire.RelayRequest, wire.RelayResponse, wire.RelayedDatagram)[data[0] % 3]
        message = form.decode(body)
        assert form.decode(message.encode()[4:]) == message


def _relay_seeds() -> list[bytes]:
    address = ("192.0.2.1", 9000)
    return [
        b"\x00" + wire.RelayRequest(bind=True, host="::", port=0).encode(),
        b"\x01" + wire.RelayResponse(status=200, address=address).encode(),
        b"\x02" + wire.RelayedDatagram(address, b"datagram").encode(),
    ]


def _public_key(data: bytes) -> None:
    key = RawPublicKey(data)
    assert SPKI_PREFIX + key.raw == data
    assert len(key.peer_id) == 32


# TLS. The profile's own steps, and aioquic's message parsers below them.


def _output() -> dict[tls.Epoch, AioBuffer]:
    epochs = (tls.Epoch.INITIAL, tls.Epoch.HANDSHAKE, tls.Epoch.ONE_RTT)
    return {epoch: AioBuffer(capacity=16_384) for epoch in epochs}


def _server_context() -> ServerContext:
    context = ServerContext(key=local_key("server"), verify_peer=lambda key: True)
    context.handshake_extensions = [(tls.ExtensionType.QUIC_TRANSPORT_PARAMETERS, b"")]
    return context


def _client_context() -> tuple[ClientContext, bytes]:
    context = ClientContext(key=local_key("client"), verify_peer=lambda key: True)
    output = _output()
    context.handshake_extensions = [(tls.ExtensionType.QUIC_TRANSPORT_PARAMETERS, b"")]
    context.handle_message(b"", output)
    return context, output[tls.Epoch.INITIAL].data


def _tls_server(data: bytes) -> None:
    _server_context().handle_message(data, _output())


def _tls_client(data: bytes) -> None:
    context, _ = _client_context()
    context.handle_message(data, _output())


def _tls_seeds() -> tuple[bytes, bytes]:
    """What a client sends and what a server answers."""
    _, hello = _client_context()
    output = _output()
    _server_context().handle_message(hello, output)
    flight = output[tls.Epoch.INITIAL].data + output[tls.Epoch.HANDSHAKE].data
    return hello, flight


# A connection after its handshake: every frame there is, in one packet's plain text.


class _Established:
    """A server that has confirmed its client; made anew from time to time, and once it closes."""

    def __init__(self) -> None:
        self._left = 0
        self._pair: Pair

    def run(self, data: bytes) -> None:
        if self._left == 0:
            ours = server(cls=FastConnection, parameters=PARAMETERS)
            self._pair = Pair(client(parameters=PARAMETERS), ours)
            if not self._pair.run(self._pair.confirmed):
                raise RuntimeError("the handshake before the input failed")
            self._left = RUNS_PER_CONNECTION
        self._left -= 1
        end = self._pair.server
        context = QuicReceiveContext(
            epoch=tls.Epoch.ONE_RTT,
            host_cid=end.host_cid,
            network_path=end._network_paths[0],
            quic_logger_frames=None,
            time=self._pair.now,
            version=None,
        )
        try:
            if not end._take_stream_data(data):
                end._payload_received(context, data)
        finally:
            while end.next_event() is not None:
                pass
            if end._state is not QuicConnectionState.CONNECTED:
                self._left = 0


def _packet_seeds() -> list[bytes]:
    numbers = [bytes((kind,)) for kind in range(0x1F)]
    stream = bytes.fromhex("0a 02 04") + b"data"  # STREAM with a length, stream 2
    custom = [transport_parameters.varint(kind) + bytes(range(1, 30)) for kind in FRAME_TYPES]
    return [*(number + bytes(12) for number in numbers), stream, *custom]


# Broadcast objects: any frames, one after the other, into an exchange that offers and receives.


def _objects(data: bytes) -> None:
    """Frames behind two octets of length; the lowest bit of the first lets time pass."""
    air = Air(1)
    end = air.ends[0]
    end.offer(EPOCH_OBJECT, DTAG, octets_of(b"offered", 300), 0, own=False)
    air.run(1000)
    at = 0
    while at + 2 <= len(data):
        size = int.from_bytes(data[at : at + 2], "big")
        frame = data[at + 2 : at + 2 + size % 512]
        at += 2 + len(frame)
        with contextlib.suppress(ProtocolError):
            end.receive(frame, air.now)
        air.run(air.now + (10_000_000 if size & 0x8000 else 1))
    used = [one.cost for one in end._assemblies.open_flows]
    assert len(used) <= BOARD_OBJECTS.assemblies
    assert sum(used) <= BOARD_OBJECTS.assembly_bytes
    assert len(end._assemblies._waiting) <= BOARD_OBJECTS.waiting


def _objects_seeds() -> list[bytes]:
    sources = [Source(EPOCH_OBJECT, DTAG, octets_of(b"%d" % n, n), 222) for n in (300, 900)]
    flows = []
    for source in sources:
        while not source.step():
            pass
        flows.append([source.frame(index) for index in range(source.shape.shards + 1)])
    asked = [ObjFetch(OBJ_FETCH, flags, DTAG, bytes(8), 1, b"once").encode() for flags in (0, 64)]
    runs = [
        flows[0],
        flows[1][3:] + flows[1][:3],
        [*asked, have(sources[0].digest, DTAG), flows[0][0], have(sources[0].digest, DTAG)],
    ]
    return [b"".join(len(f).to_bytes(2, "big") + f for f in run) for run in runs]


TARGETS = {
    target.name: target
    for target in (
        Target("frames", _frame, (BufferReadError,), _frame_seeds),
        Target(
            "transport_parameters",
            _parameters,
            (ValueError,),
            lambda: [transport_parameters.encode(PARAMETERS)],
        ),
        Target("coordination", _coordination, (aqcc.InvalidCoordination,), _coordination_seeds),
        Target("streams", _stream, (), _stream_seeds),
        Target("relay", _relay, (wire.InvalidRelayMessage,), _relay_seeds),
        Target(
            "public_key", _public_key, (ValueError,), lambda: [local_key("client").public.spki]
        ),
        Target("tls_server", _tls_server, (tls.Alert,), lambda: [_tls_seeds()[0]]),
        Target("tls_client", _tls_client, (tls.Alert,), lambda: [_tls_seeds()[1]]),
        Target("objects", _objects, (), _objects_seeds),
        Target("packet", _Established().run, (QuicConnectionError,), _packet_seeds),
    )
}
