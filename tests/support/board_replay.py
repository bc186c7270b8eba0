# SPDX-License-Identifier: MIT OR Apache-2.0
"""A board's whole part in a handshake and an exchange, replayed: small enough for a board's heap.

Runs on MicroPython. ``board_record.py`` has written what the board began with and everything that
happened to it; the engine, its cryptography and its randomness are deterministic, so it says the
same again, and the digest of all it said shows that.

    folder/state   what the node holds: records of tag 1, length 2, octets
    folder/calls   what is done to its engine: kind 1, ms 4, length 2, octets
"""

import gc
import hashlib

from pqmesh.engine import Engine
from pqmesh.identity import Identity
from pqmesh.limits import BOARD, SERIAL_LINK
from pqmesh_node.crypto import BoardCrypto

CONNECT, HEAL, RECEIVE, TIMEOUT, SEND = b"CHRTS"


class Entropy:
    """The n-th draw is a hash of the name and n."""

    def __init__(self, name):
        self._name = name
        self._draws = 0

    def __call__(self, size):
        self._draws += 1
        out, block = b"", hashlib.sha256(b"%s %d" % (self._name, self._draws)).digest()
        while len(out) < size:
            out += block
            block = hashlib.sha256(block).digest()
        return out[:size]


class Board:
    """One engine, and a digest of everything it has said."""

    def __init__(self, side, crypto, tickets=None, keyring=None):
        identity = Identity(bytes([side + 1]) * 32, crypto)
        self.engine = Engine(
            identity,
            crypto,
            Entropy(b"board %d" % side),
            SERIAL_LINK,
            limits=BOARD,
            tickets=tickets,
            keyring=keyring,
        )
        self.digest = b""
        self.session = 0
        self.events = []

    def call(self, kind, now, data):
        """Do one thing to the engine, and take in what it says; returns its frames."""
        engine = self.engine
        if kind == RECEIVE:
            engine.receive(data, now)
        elif kind == TIMEOUT:
            engine.handle_timeout(now)
        elif kind == SEND:
            engine.send(self.session, data, now)
        else:
            engine.connect(now, data or None, kind == HEAL)
        event = engine.next_event()
        while event is not None:
            self.events.append(type(event).__name__)
            self.session = event.session
            event = engine.next_event()
        frames = []
        frame = engine.next_transmit()
        while frame is not None:
            self.digest = hashlib.sha256(self.digest + frame).digest()
            frames.append(frame)
            frame = engine.next_transmit()
        return frames


def records(path, head):
    """The records of a file, one at a time: (head, octets)."""
    with open(path, "rb") as file:
        while True:
            start = file.read(head + 2)
            if not start:
                return
            yield start[:head], file.read(int.from_bytes(start[head:], "big"))


def restored(folder, side, crypto):
    """The board as it was when the recording began."""
    from pqmesh.engine.tickets import MemoryTickets, Ticket

    tickets, keyring, public = MemoryTickets(1), None, b""
    for tag, data in records(folder + "/state", 1):
        if tag == b"t":
            tickets.save(Ticket.decode(data))
        elif tag == b"o":
            public = data
        elif tag == b"s":
            from pqmesh.credentials import own
            from pqmesh.credentials.keyring import Keyring, PeerState

            identity = Identity(bytes([side + 1]) * 32, crypto)
            keyring = Keyring(identity, crypto, 1)
            keyring.adopt(own.restore(identity.peer_id, public, data, lambda: None), True)
        else:
            keyring.restore(PeerState.decode(data))
    return Board(side, crypto, tickets, keyring)


def replay(folder, side, meter=None):
    """Do it all again, under a board's rules for small heaps; print what came of it.

    :param meter: called as meter(call, kind, now, data) in the place of call(kind, now, data)
    """
    gc.threshold(2048)  # as pqmesh_node.compat.keep_heap_compact in a heap that is not roomy
    board = restored(folder, side, BoardCrypto(False))
    for head, data in records(folder + "/calls", 5):
        arguments = head[0], int.from_bytes(head[1:], "big"), data
        if meter is None:
            board.call(*arguments)
        else:
            meter(board.call, *arguments)
    print(" ".join(board.events), board.digest.hex())
