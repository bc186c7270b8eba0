# SPDX-License-Identifier: MIT OR Apache-2.0
"""Writes down what two boards do to each other in one handshake, for ``board_replay.py``.

    micropython -X heapsize=2M board_record.py MODE FOLDER     (MODE: HS-S HS-K HS-R HS-RK)

Both engines and the real cryptography in one heap, which is large. Prints, per side, the line
that the replay must print.
"""

import os
import sys

from board_replay import CONNECT, HEAL, RECEIVE, SEND, TIMEOUT, Board, Entropy

from pqmesh.engine.tickets import MemoryTickets, Ticket
from pqmesh.identity import Identity
from pqmesh.limits import SERIAL_LINK
from pqmesh.wire.handshake import Params
from pqmesh_node.crypto import BoardCrypto

PAYLOAD = b"m" * 100


class Recorded:
    """One board, with what it began with and all that was done to it."""

    def __init__(self, folder, side, crypto, tickets, keyring, state):
        self.board = Board(side, crypto, tickets, keyring)
        path = f"{folder}/{side}"
        os.mkdir(path)
        with open(path + "/state", "wb") as file:
            for tag, data in state:
                file.write(tag + len(data).to_bytes(2, "big") + data)
        self.calls = open(path + "/calls", "wb")  # noqa: SIM115 (closed by run)
        self.incoming = []

    def call(self, kind, now, data=b""):
        self.calls.write(bytes([kind]) + now.to_bytes(4, "big") + len(data).to_bytes(2, "big"))
        self.calls.write(data)
        return self.board.call(kind, now, data)


def held(mode, crypto):
    """Per side: tickets, keyring, and how both are stored."""
    names = [Identity(bytes([side + 1]) * 32, crypto) for side in (0, 1)]
    sides = []
    if mode == "HS-K":
        return names, with_credentials(names, crypto)
    for side in (0, 1):
        tickets, state = MemoryTickets(1), []
        if mode != "HS-S":
            params = Params(4096, 8, 0, bytes(4)).encode()
            ticket = Ticket(names[1 - side].peer_id, bytes(range(32)), None, 0, params, 0, 0, 0)
            tickets.save(ticket)
            state = [(b"t", ticket.encode())]
        sides.append((tickets, None, state))
    return names, sides


def with_credentials(names, crypto):
    from pqmesh.credentials.keyring import PEER, Keyring
    from pqmesh.credentials.own import certify, plan

    stored = ([], [])

    def keep(side):
        def on_change(what, value):
            if what == PEER:
                stored[side].append((b"p", value.encode()))

        return on_change

    rings = [Keyring(names[side], crypto, 1, None, keep(side)) for side in (0, 1)]
    for side in (0, 1):
        own = certify(names[side], crypto, Entropy(b"epoch %d" % side), plan(1, 0))
        stored[side].append((b"o", own.public_part()))
        stored[side].append((b"s", bytes(own.secret_part())))
        rings[side].adopt(own)
    for side in (0, 1):
        rings[side].learn(rings[1 - side].credential(), crypto)
    return [(MemoryTickets(1), rings[side], stored[side]) for side in (0, 1)]


def run(mode, folder):
    crypto = BoardCrypto()
    names, sides = held(mode, crypto)
    ends = [Recorded(folder, side, crypto, *sides[side]) for side in (0, 1)]
    expect = b"" if mode == "HS-S" else names[1].peer_id
    now = 0
    said = False

    def hand_over(side, frames):
        ends[1 - side].incoming.extend(frames)

    hand_over(0, ends[0].call(HEAL if mode == "HS-RK" else CONNECT, now, expect))
    while now < 60_000:
        for side in (0, 1):
            while ends[side].incoming:
                frame = ends[side].incoming.pop(0)
                now += SERIAL_LINK.airtime_ms(len(frame))
                hand_over(side, ends[side].call(RECEIVE, now, frame))
            due = ends[side].board.engine.next_deadline()
            if due is not None and due <= now:
                hand_over(side, ends[side].call(TIMEOUT, now))
        if not said and all("Established" in end.board.events for end in ends):
            said = True
            for side in (0, 1):
                hand_over(side, ends[side].call(SEND, now, PAYLOAD))
        if all("Delivered" in end.board.events for end in ends):
            break
        if not (ends[0].incoming or ends[1].incoming):
            dues = [end.board.engine.next_deadline() for end in ends]
            now = max(now, min([due for due in dues if due is not None]))
    for end in ends:
        end.calls.close()
        print(" ".join(end.board.events), end.board.digest.hex())


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2])
