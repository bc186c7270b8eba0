# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every figure this project states, one command each: `python -m benchmarks.<name>`.

    board       heap, stack and instructions of each mode on a board
    broadcast   frames until all listeners have an object, in virtual time
    handshake   HS-S between a board in QEMU and a gateway: bytes on the wire, time at 115200 baud
    latency     a mesh peer's command to the board and its answer, through the gateway over QUIC
    footprint   firmware sizes per rung, and the heap a session takes on a 32-bit board
    gateway     a gateway's cold start and resident memory
    link        time and octets to a session per mode, link and loss, in virtual time
    pqc         cycles, RAM and code size of the C crypto, per core
    quic        the QUIC endpoint beside aioquic and qh3: bulk, datagrams, messages, memory
    quic_handshake  what post-quantum cryptography costs a handshake, by provider
    quic_soak   whether 10,000 connections leave anything behind
    quic_flood  an established peer while strangers flood the endpoint with first packets
    quic_ant    bulk to, from and between real ant-quic nodes (after `make interop`)
    nat         who reaches whom behind which NAT, and how (needs root)

The boards of the benchmarks are the boards of the tests, so both measure the same thing.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
