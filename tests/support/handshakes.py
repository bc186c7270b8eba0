# SPDX-License-Identifier: MIT OR Apache-2.0
"""What tests of handshakes ask of a Pair, and a stranger who begins and never finishes."""

from pqmesh.engine.events import Established
from pqmesh.engine.hs_s import Initiator
from pqmesh.engine.sender import MessageSender
from pqmesh.engine.session import OPEN
from pqmesh.engine.stats import Tally
from pqmesh.limits import SERIAL_LINK
from pqmesh.wire.handshake import M1, Params

from .model_crypto import CountingEntropy
from .simulation import CRYPTO, NAMES


def both_established(pair):
    """Whether both ends have said Established, ever."""
    return all(pair.of(side, Established) for side in (0, 1))


def same_session(pair):
    """Whether the newest session of both ends is one and the same."""
    newest = []
    for end in pair.ends:
        sessions = [session for session in end._sessions._sessions if session.state == OPEN]
        newest += [session._packets._session_id for session in sessions[-1:]]
    return len(newest) == 2 and newest[0] == newest[1]


def raw_m1(name=b"stranger", cid=1):
    """The frames of an M1 by somebody who will not go on."""
    stranger = Initiator(NAMES[1], CRYPTO, CountingEntropy(name), Params(1, 1, 0, bytes(4)))
    message = MessageSender(stranger.offer(cid), M1, 0, SERIAL_LINK, Tally())
    return [message.frame(index, False) for index in range(3)]


def offer(pair, side, name):
    """Deliver a stranger's M1; returns the error of its last fragment, or None."""
    return [pair.deliver(side, frame) for frame in raw_m1(name)][-1]
