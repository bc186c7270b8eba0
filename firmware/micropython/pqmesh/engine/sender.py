# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sends one handshake message: cuts it, bursts it, repeats what a SACK says is missing.

    SENDING --SACK, all here; or the answer begins--> WAITING (for the answer)
       |  ^                                              |
       |  +--- start over <------------------------------+  a POLL stayed unanswered:
       |                                                    the peer may have restarted
       +-- too many timeouts in a row --> given up

The last fragment of a burst asks for a SACK, which is due within ``link.sack_ms()``: it leaves
the peer before its public-key work begins. Where it does not come, a POLL asks again, at the
price of 8 octets; where that stays unanswered too, twice if the flow is known there, the head
alone does. The time begins when the question leaves the queue: it was put there before signatures
were made and bursts had their turn.

A peer is asked while its answer is awaited too, ever less often. It may be at work, so that
silence means nothing then; but if the answer was one frame and lost, it comes again.
"""

from ..compat import TYPE_CHECKING, const
from ..errors import BadTag, UsageError
from ..kdf import DOMAIN_FRAGMENT, DOMAIN_HEAD, DOMAIN_POLL, DOMAIN_SACK, domain_hash
from ..limits import MAX_FRAGMENTS
from ..wire.fragment import (
    FLAG_POLL,
    FLOW_BYTES,
    HASH_BYTES,
    HEAD_FIXED_BYTES,
    HEADER_BYTES,
    POLL,
    POLL_CHECK_BYTES,
    SACK,
    SACK_CHECK_BYTES,
    SALT_BYTES,
    Fragment,
    Poll,
    Sack,
    fragment_kind,
)
from .transmit import POLL_INDEX

if TYPE_CHECKING:
    from ..compat import Buffer
    from ..limits import LinkProfile
    from .repeater import Repeater
    from .stats import Stats, Tally
    from .transmit import TransmitQueue

_POLL_BYTES = const(8)
_NUDGES = const(8)  # the first comes after this part of the patience for an answer


def fragments_needed(size: int, mtu: int) -> int:
    """Return into how many fragments a message of ``size`` octets is cut.

    :raises UsageError: more than MAX_FRAGMENTS; the link is too narrow for this message
    """
    room = mtu - HEADER_BYTES
    for count in range(1, MAX_FRAGMENTS + 1):
        in_head = room - HEAD_FIXED_BYTES - HASH_BYTES * (count - 1)
        if in_head >= min(size, SALT_BYTES) and in_head + room * (count - 1) >= size:
            return count
    raise UsageError("a frame of %d bytes is too small for a message of %d" % (mtu, size))


def head_digest(kind: int, number: int, count: int, head: bytes) -> bytes:
    """Return the digest of a head fragment; its first four octets name the flow."""
    digest = domain_hash(DOMAIN_HEAD)
    digest.update(bytes((kind, number << 6, count)))
    digest.update(head)
    return digest.digest()


def fragment_hash(salt: "Buffer", index: int, payload: "Buffer") -> bytes:
    """Return the six octets that vouch for one fragment in the head's list."""
    digest = domain_hash(DOMAIN_FRAGMENT)
    digest.update(salt)
    digest.update(bytes((index,)))
    digest.update(payload)
    return digest.digest()[:HASH_BYTES]


def _check(domain: bytes, digest: bytes, clear: bytes, size: int) -> bytes:
    check = domain_hash(domain)
    check.update(digest)
    check.update(clear)
    return check.digest()[:size]


def make_sack(number: int, digest: bytes, bitmap: int) -> bytes:
    """Return the SACK of a flow whose head has ``digest``."""
    sack = Sack(SACK, number << 6, digest[:FLOW_BYTES], bitmap, bytes(SACK_CHECK_BYTES)).encode()
    clear = sack[:-SACK_CHECK_BYTES]
    return clear + _check(DOMAIN_SACK, digest, clear, SACK_CHECK_BYTES)


def verify_sack(sack: Sack, digest: bytes) -> None:
    """:raises BadTag: whoever made ``sack`` has not seen the head"""
    if sack.encode() != make_sack(sack.message >> 6, digest, sack.bitmap):
        raise BadTag("SACK of a flow its sender has not seen")


def make_poll(number: int, digest: bytes) -> bytes:
    """Return the POLL of a flow whose head has ``digest``."""
    poll = Poll(POLL, number << 6, digest[:FLOW_BYTES], bytes(POLL_CHECK_BYTES)).encode()
    clear = poll[:-POLL_CHECK_BYTES]
    return clear + _check(DOMAIN_POLL, digest, clear, POLL_CHECK_BYTES)


def verify_poll(poll: Poll, digest: bytes) -> None:
    """:raises BadTag: whoever made ``poll`` has not seen the head"""
    if poll.encode() != make_poll(poll.message >> 6, digest):
        raise BadTag("POLL of a flow its sender has not seen")


def hush(sender: "MessageSender | Repeater", link: "LinkProfile", now: int) -> None:
    """What may be its answer has been overheard: ask nothing before that can be over."""
    if sender.deadline is not None:
        quiet_until = now + link.sack_ms() + link.airtime_ms(link.mtu)
        sender.deadline = max(sender.deadline, quiet_until)


class MessageSender:
    """One handshake message under way. Holds the message itself and a head of one MTU.

    :raises UsageError: the message does not fit the link (fragments_needed)
    """

    def __init__(
        self, message: bytes, number: int, mode: int, link: "LinkProfile", tally: "Tally"
    ) -> None:
        self.number = number
        self.finished = False  # set by the owner: what is still queued is not sent
        self.complete = False  # every fragment is acknowledged
        self._kind = fragment_kind(mode)
        self._link = link
        self._tally = tally
        self._view = memoryview(message)
        self._room = link.mtu - HEADER_BYTES
        self._count = fragments_needed(len(message), link.mtu)
        self._in_head = min(
            self._room - HEAD_FIXED_BYTES - HASH_BYTES * (self._count - 1), len(message)
        )
        self._head = self._make_head()
        self.digest = head_digest(self._kind, number, self._count, self._head)
        self._acknowledged = 0
        self._heard = False  # a SACK has come since we last started over
        self._asked = 0  # how often a SACK was asked for alone, since the last one or a burst
        self._nudged = False  # a POLL is out that nothing depends on
        self._nudge_ms = link.answer_ms // _NUDGES  # until the next one
        self._timeouts = 0  # in a row
        self._complete_at = -1
        self._patient_until = 0  # while complete
        self._queued_at = 0  # when the last question was
        self._patience_ms = 0  # with it
        self._reckoned: "int | None" = None  # the deadline, if that question left unclocked
        self.deadline: "int | None" = None

    def stranger(self) -> bool:
        """Whether the peer has proved nothing: its airtime is limited."""
        return self._tally.stranger

    def start(self, tx: "TransmitQueue", now: int) -> None:
        """Send the first burst."""
        self._burst(tx, now)

    def on_sack(self, sack: Sack, tx: "TransmitQueue", now: int) -> None:
        """Take an acknowledgement, and send what it says is missing.

        :raises BadTag: its sender has not seen the head
        """
        verify_sack(sack, self.digest)
        known = sack.bitmap & ((1 << self._count) - 1)
        news = known & ~self._acknowledged
        if not news and not self._asked:
            return  # the network repeated it
        self._acknowledged |= known
        self._heard = True
        self._asked = 0
        self._timeouts = 0
        if self._acknowledged == (1 << self._count) - 1:
            self._wait(now, self._link.answer_ms)
        else:
            self._burst(tx, now)

    def answered(self, now: int) -> None:
        """The answer to this message has begun to arrive, so all of it is there."""
        self._acknowledged = (1 << self._count) - 1
        self._heard = True
        self._asked = 0
        self._timeouts = 0
        rest_ms = MAX_FRAGMENTS * self._link.airtime_ms(self._link.mtu)
        self._wait(now, self._link.answer_ms + rest_ms, rest_ms)

    def on_timeout(self, tx: "TransmitQueue", now: int, stats: "Stats") -> bool:
        """Do what is due at ``deadline``; returns False when the peer is given up."""
        if self.settle(now):
            return True
        if self.complete and now < self._patient_until:
            self._nudge(tx, now)
            return True
        self._timeouts += 1
        if self._timeouts > self._link.tries:
            return False
        stats.frames_retransmitted += 1
        if self._asked > (1 if self._heard else 0):
            self._start_over(tx, now)
            return True
        self._asked += 1
        self._await(tx.put_poll(self, now), now)
        return True

    def settle(self, now: int) -> bool:
        """Whether all that is due at ``deadline`` is to note that a question has left."""
        if self._reckoned is None:
            return False
        self.deadline = max(self._reckoned, now + self._patience_ms)
        self._reckoned = None
        return True

    def hurry(self, tx: "TransmitQueue", now: int) -> None:
        """The peer is there, but has not heard of this message: do not wait for the timer."""
        if not self._heard:
            self._start_over(tx, now)

    def was_here(self, moment: int) -> bool:
        """Whether the peer had acknowledged all of the message before ``moment``."""
        return self.complete and self._complete_at < moment

    def has(self, index: int) -> bool:
        """Whether fragment ``index`` has been acknowledged."""
        return bool(self._acknowledged >> index & 1)

    def wanted(self, index: int, poll: bool) -> bool:
        """Whether a frame that was queued is still to be sent; POLL_INDEX is a POLL."""
        if self.finished:
            return False
        if index == POLL_INDEX:
            return self._asked > 0 or self._nudged
        return not self.complete and (poll or not self.has(index))

    def frame_bytes(self, index: int) -> int:
        """Return the length of fragment ``index`` as a frame, or of a POLL."""
        return _POLL_BYTES if index == POLL_INDEX else HEADER_BYTES + len(self._payload(index))

    def frame(self, index: int, poll: bool) -> bytes:
        """Build fragment ``index``; ``poll`` asks for a SACK. Or a POLL alone."""
        if (poll or index == POLL_INDEX) and not self.complete:
            self._reckoned, self.deadline = self.deadline, self._queued_at
        if index == POLL_INDEX:
            self._nudged = False
            self._tally.sent += _POLL_BYTES
            return make_poll(self.number, self.digest)
        flags = self.number << 6 | (FLAG_POLL if poll else 0)
        flow = self.digest[:FLOW_BYTES]
        payload = self._payload(index)
        frame = Fragment(self._kind, flags, flow, index, self._count, payload).encode()
        self._tally.sent += len(frame)
        return frame

    def _make_head(self) -> bytes:
        out = bytearray(len(self._view).to_bytes(2, "big"))
        out.append(self._count - 1)
        salt = self._view[: min(SALT_BYTES, self._in_head)]
        for index in range(1, self._count):
            out.extend(fragment_hash(salt, index, self._payload(index)))
        out.extend(self._view[: self._in_head])
        return bytes(out)

    def _payload(self, index: int) -> "Buffer":
        if not index:
            return self._head
        begin = self._in_head + self._room * (index - 1)
        return self._view[begin : begin + self._room]

    def _burst(self, tx: "TransmitQueue", now: int) -> None:
        wanted = [index for index in range(self._count) if not self.has(index)]
        wanted = wanted[: self._link.burst]
        gone = now
        for index in wanted:
            gone = tx.put_fragment(self, index, index == wanted[-1], now)
        self._await(gone, now)

    def _start_over(self, tx: "TransmitQueue", now: int) -> None:
        """Nobody knows this flow: the head was lost, or the peer restarted.

        The head alone finds out which fragments are wanted, at the price of one frame.
        """
        self._acknowledged = 0
        self.complete = False
        self._heard = False
        self._asked = 1
        self._await(tx.put_fragment(self, 0, True, now), now)

    def _wait(self, now: int, patience_ms: int, rest_ms: int = 0) -> None:
        """All is there: expect the answer, of which ``rest_ms`` may be on its way."""
        if not self.complete:
            self._complete_at = now
        self.complete = True
        self._nudged = False
        self._reckoned = None
        self._patient_until = self.deadline = now + patience_ms
        self.deadline = min(now + rest_ms + self._nudge_ms, self._patient_until)

    def _nudge(self, tx: "TransmitQueue", now: int) -> None:
        self._nudged = True
        self._nudge_ms *= 2
        tx.put_poll(self, now)
        self.deadline = min(now + self._nudge_ms, self._patient_until)

    def _await(self, gone: int, now: int) -> None:
        """Expect a SACK soon after ``gone``; from the second timeout in a row on, ever later."""
        patience_ms = self._link.sack_ms() << max(self._timeouts - 1, 0)
        self._patience_ms = min(patience_ms, self._link.max_rto_ms)
        self._queued_at = now
        self._reckoned = None
        self.deadline = gone + self._patience_ms
