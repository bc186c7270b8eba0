# SPDX-License-Identifier: MIT OR Apache-2.0
"""Two sides of an entry exchange, and a keyring that knows one credential."""

from pqmesh.credentials.keyring import OwnKey
from pqmesh.engine.caller import Caller
from pqmesh.engine.context import Context
from pqmesh.engine.entry import Doorman
from pqmesh.limits import BOARD, RADIO_LINK
from pqmesh.wire.handshake import HS_K

from .model_crypto import CountingEntropy
from .simulation import CRYPTO, NAMES

CREDENTIAL = b"our cred"
ALICE, BOB = NAMES  # Alice calls, Bob answers


class OneKey:
    """A keyring with one KEM key of ours."""

    def own(self, credential_id):
        if credential_id != CREDENTIAL:
            return None
        return OwnKey(0, 1, bytes(64), bytes(1184), CREDENTIAL)


class Open:
    """Floors that let strangers in, or do not."""

    def __init__(self, answer=True):
        self.answer = answer

    def strangers(self):
        return self.answer


def context_of(identity, name, link=RADIO_LINK):
    return Context(identity, CRYPTO, CountingEntropy(name), link, BOARD)


def doorman(link=RADIO_LINK, keyring=OneKey, identity=BOB, **options):
    return Doorman(context_of(identity, b"bob", link), keyring and keyring(), **options)


def caller(mode=HS_K, peer_id=BOB.peer_id, credential=CREDENTIAL, link=RADIO_LINK, **options):
    return Caller(context_of(ALICE, b"alice", link), mode, peer_id, credential, **options)
