# SPDX-License-Identifier: MIT OR Apache-2.0
"""How handshakes get to M1: the entry exchange of both roles, as far as the link needs one.

    a shared link       HELLO and RETRY first (caller.py, entry.py); M1 begins with their echo, and
                        opens a flow only if its head shows the cookie
    a single neighbour  HS-S: nothing. HS-K: M1 begins with the Hello, and one for a key that we do
                        not have is answered with a RETRY that says so

What is settled here is bound into the transcript of the handshake, or fails with it.
"""

from ..compat import TYPE_CHECKING, const
from ..errors import Unexpected
from ..wire.entry import (
    CREDENTIAL_ID_BYTES,
    ECHO_BYTES,
    HELLO,
    HELLO_BYTES,
    MAX_MTU,
    NO_MODE,
    RETRY,
    RETRY_BYTES,
    decode_retry,
)
from ..wire.handshake import HS_K, HS_S, M1, MESSAGE_BYTES
from ..wire.hs_k import OFFER_BYTES
from .caller import Caller, NoCommonGround
from .entry import Doorman, admission_key
from .front import NO_FRONT, Front, front_of
from .hs_r import draw_nonce
from .straight import Straight

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..compat import Buffer
    from .context import Context
    from .entry import Entry, Keyring
    from .floors import Floors
    from .handshake import Handshake

_STAMP_STEP = const(32)  # hashes per handle_timeout, so that a board's loop lives


class Entrances(Straight):
    """The entry exchange of every handshake of one engine.

    :param keyring: whose KEM keys HS-K may use; None: no HS-K
    :param floors: whether strangers may begin HS-S here; None: where there is one neighbour only
    :param network_key: 32 octets that all nodes of a network share, or None: HELLO then shows
        that its sender has it, which spares it stamps and gives it the places kept for such
    """

    def __init__(
        self,
        context: "Context",
        keyring: "Keyring | None",
        floors: "Floors | None",
        network_key: "bytes | None",
    ) -> None:
        super().__init__(context, floors)
        self._shared = not context.link.point_to_point
        self._key = None if network_key is None else admission_key(network_key)
        keys = () if self._key is None else (self._key,)
        self.doorman = Doorman(context, keyring, floors, lambda: keys)

    def kinds(
        self, on_retry: "Callable[[bytes, int], None]"
    ) -> "dict[int, Callable[[bytes, int], None]]":
        """Return what takes each kind of frame that goes before M1."""
        return {HELLO: self.on_hello, RETRY: on_retry}

    def strangers(self) -> bool:
        """Whether HS-S may begin here between nodes that know no credential of each other."""
        return self.doorman.strangers()

    def front_bytes(self, mode: int) -> int:
        """Return how many octets of an M1 lie before its offer."""
        if self._shared:
            return ECHO_BYTES
        return HELLO_BYTES if mode == HS_K else 0

    def offer_bytes(self, mode: int) -> int:
        """Return the length of M1."""
        return self.front_bytes(mode) + (OFFER_BYTES if mode == HS_K else MESSAGE_BYTES[M1])

    # Initiator

    def call(self, handshake: "Handshake", now: int) -> bool:
        """Do what comes before our M1; returns True when M1 may go at once."""
        if not self._shared and handshake.mode == HS_S:
            handshake.front = NO_FRONT
            return True
        context = self._context
        peer = handshake.peer
        handshake.drawn = draw_nonce(handshake.cid, context.entropy)
        caller = Caller(
            context,
            handshake.mode,
            handshake.expect,
            bytes(CREDENTIAL_ID_BYTES) if peer is None else peer.credential_id,
            self._key,
            self._shared and handshake.mode != HS_S and self.strangers(),
            nonce=handshake.drawn,
        )
        handshake.caller = caller
        if self._shared:
            handshake.say(caller.hello, RETRY_BYTES, now)
            return False
        handshake.front = Front(caller.hello, b"", caller.hello, handshake.cid)
        return True

    def on_retry(self, handshake: "Handshake", frame: bytes, now: int) -> bool:
        """Take the RETRY that a handshake waits for; returns True when that is settled.

        :raises ProtocolError: it is not taken; another one may still come
        """
        caller = handshake.caller
        if caller is None:
            raise Unexpected("RETRY to no HELLO of ours")
        retry = decode_retry(frame)
        mode = retry.mode()
        if mode in (HS_K, HS_S) and retry.mtu < MAX_MTU and not self.fits(mode, retry.mtu):
            raise Unexpected("RETRY for frames of %d octets" % retry.mtu)
        try:
            settled = caller.on_retry(frame)
        except NoCommonGround as hint:
            handshake.hint = str(hint)
            raise
        handshake.tally.received += len(frame)
        handshake.touched_at = now
        if not settled:
            handshake.say(caller.hello, RETRY_BYTES, now)
            return False
        handshake.stop_sending()
        handshake.mode = mode
        if retry.mtu < MAX_MTU:
            handshake.limit_mtu(retry.mtu)
        return True

    def turns_down(self, frame: bytes) -> bool:
        """Whether a RETRY says that its sender cannot do what we wish.

        :raises ProtocolError: it is none
        """
        return decode_retry(frame).mode() == NO_MODE

    def ready(self, handshake: "Handshake") -> bool:
        """Work for the stamp that RETRY asks for; returns True when M1 may go."""
        caller = handshake.caller
        if caller is None or caller.entry is None:
            return False
        if caller.stamp is not None and not caller.stamp.step(_STAMP_STEP):
            return False
        handshake.front = front_of(caller.entry, caller.echo())
        return True

    # Responder

    def on_hello(self, frame: bytes, now: int) -> None:
        """Take HELLO, send RETRY, keep nothing.

        :raises ProtocolError: it is not for us, or there is nothing to talk about
        """
        if not self._shared:
            raise Unexpected("HELLO on a link that needs none")
        context = self._context
        retry = self.doorman.on_hello(frame, context.source, now)
        stranger = not decode_retry(retry).admitted()
        context.tx.put(retry, now, context.source, True, stranger)

    def admit(self, mode: int, m1: "Buffer", now: int) -> "Entry | None":
        """Check the front of M1, of which ``m1`` holds enough; None: it has none.

        :raises ProtocolError: nothing is to be kept of this M1
        """
        if self._shared:
            entry = self.doorman.admit(m1, self._context.source, now)
        elif mode == HS_S:
            return None
        else:
            hello = bytes(m1[:HELLO_BYTES])
            entry = self.doorman.greet(hello)
            if entry.mode == NO_MODE:
                context = self._context
                refusal = self.doorman.on_hello(hello, context.source, now)
                context.tx.put(refusal, now, context.source)
        if entry.mode != mode:
            raise Unexpected("M1 of another mode than was settled")
        return entry
