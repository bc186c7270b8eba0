# SPDX-License-Identifier: MIT OR Apache-2.0
"""Two sessions with keys in hand, joined by hand."""

from pqmesh.engine.context import Context
from pqmesh.engine.hs_s import Outcome
from pqmesh.engine.session import Session
from pqmesh.limits import (
    BOARD,
    SERIAL_LINK,
    replace,
)
from pqmesh.wire.handshake import Params
from pqmesh.wire.session import decode_header
from support.model_crypto import CountingEntropy, ModelCrypto

CRYPTO = ModelCrypto()
LINK = replace(SERIAL_LINK, mtu=100, keepalive_ms=1000, silence_ms=3000)
SEGMENT = 100 - 5 - 6 - 2 - 16


class End:
    """One session and the context around it."""

    def __init__(self, side, link=LINK, limits=BOARD, peer=None):
        self.context = Context(None, CRYPTO, CountingEntropy(b"%d" % side), link, limits)
        chains = (b"\x01" * 32, b"\x02" * 32)
        params = peer or Params(4096, 8, 0, bytes(4))
        send, receive = chains[side], chains[1 - side]
        outcome = Outcome(b"peer", params, b"sessionx", send, receive, b"", b"")
        self.session = Session(self.context, 7, (side, 1 - side), outcome)

    def frames(self):
        out = []
        while (frame := self.context.tx.next()) is not None:
            out.append(frame)
        return out

    def events(self):
        seen, self.context.events[:] = list(self.context.events), []
        return seen

    def take(self, frame, now=0):
        self.session.take(self.session.open(decode_header(frame), frame, now), now)


class Two:
    """Two open ends; ``pass_on`` carries what is queued until nobody has more to say."""

    def __init__(self, link=LINK, **options):
        self.ends = (End(0, link, **options), End(1, link, **options))
        for end in self.ends:
            end.session.admit(0)

    def pass_on(self, now=0, lose=lambda side, frame: False):
        quiet = False
        while not quiet:
            quiet = True
            for side in (0, 1):
                for frame in self.ends[side].frames():
                    quiet = False
                    if not lose(side, frame):
                        self.ends[1 - side].take(frame, now)
