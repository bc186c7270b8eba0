# SPDX-License-Identifier: MIT OR Apache-2.0
"""The key epochs of one session: which keys are alive, and when the next ones take over.

    key = D(CK, "key")    iv = D(CK, "iv", "", 13)    CK' = D(CK, "ck")        per direction

An epoch's chain key is gone as soon as its three children exist, so live memory opens this epoch
and what follows, never what went before. A frame carries the low two bits of its epoch.

The two directions keep step, as in QUIC (RFC 9001, section 6). We go on to epoch n + 1 only when
the peer has been heard in n, and we follow at once when it is heard one ahead. So:

    |ours - theirs| <= 1        the peer's next frame is of an epoch in ours - 1 .. ours + 1

Two bits tell these and one older apart. Any number of lost frames, and any time of silence, leave
both sides within that distance: a side that is not heard is not left behind, its peer waits.

Keys that the peer has not used yet are derived once and kept: those of the epoch we wait for when
we begin ours, those of one epoch more when a frame first claims it. So forgeries of the two bits
cost one derivation per epoch, however many there are.
"""

from ..compat import TYPE_CHECKING, const
from ..crypto import AEAD_NONCE_BYTES
from ..errors import Unexpected
from ..kdf import LABEL_CHAIN, LABEL_IV, LABEL_KEY, derive
from ..limits import (
    FAILED_TAGS_PER_KEY,
    FRAMES_PER_KEY,
    LATE_FRAMES,
    LATE_MS,
    REKEY_BYTES,
    REKEY_FRAMES,
    REKEY_MS,
)
from ..wipe import wipe

if TYPE_CHECKING:
    from ..compat import Buffer

_BITS = const(3)  # of an epoch's number that are on the wire
_BEFORE = const(3)  # the epoch before this one, modulo four


class Epoch:
    """One direction's AEAD key and nonce base in one epoch, and the chain key of the next."""

    def __init__(self, number: int, chain: "Buffer") -> None:
        self.number = number
        self.key: "Buffer" = bytearray(derive(chain, LABEL_KEY))
        self.failed_tags = 0
        self._iv = bytearray(derive(chain, LABEL_IV, b"", AEAD_NONCE_BYTES))
        self._next = bytearray(derive(chain, LABEL_CHAIN))

    def nonce(self, packet: int) -> bytes:
        """Return the nonce of one packet number."""
        return (int.from_bytes(self._iv, "big") ^ packet).to_bytes(AEAD_NONCE_BYTES, "big")

    def following(self) -> "Epoch":
        """Return the epoch after this one."""
        return Epoch(self.number + 1, self._next)

    def spent(self) -> bool:
        """Whether the key has been tried by as many forgeries as it bears."""
        return self.failed_tags >= FAILED_TAGS_PER_KEY

    def threatened(self) -> bool:
        """Whether half of them have come: early enough to be gone when the rest do."""
        return self.failed_tags >= FAILED_TAGS_PER_KEY // 2

    def erase(self) -> None:
        """Overwrite the secrets. The epoch must not be used any more."""
        wipe(self.key, self._iv, self._next)


class Ratchet:
    """The epochs of both directions. Packet numbers go on across them; nothing restarts."""

    def __init__(self, send_chain: bytes, receive_chain: bytes) -> None:
        self.sending = Epoch(0, send_chain)
        self._current = Epoch(0, receive_chain)  # the newest one the peer was heard in
        self._previous: "Epoch | None" = None  # kept a while, for frames that come late
        self._ahead: "list[Epoch]" = []  # derived, not heard yet; the next one first
        self._first_packet = 0  # smallest number heard in the current epoch
        self._heard_frames = 0  # in the current epoch
        self._previous_until = 0
        self._sealed_frames = 0  # in our epoch
        self._sealed_bytes = 0
        self._began_at: "int | None" = None  # when our epoch sealed its first frame

    # Sending

    def advance(self, now: int) -> None:
        """Go on to the next epoch where one is due and the peer has followed to this one."""
        due = self._sealed_frames >= REKEY_FRAMES or self._sealed_bytes >= REKEY_BYTES
        if not due and self._began_at is not None:
            due = now - self._began_at >= REKEY_MS
        if due:
            self.step()

    def step(self) -> bool:
        """Go on to the next epoch; False: the peer has not been heard in this one yet."""
        if self._current.number < self.sending.number:
            return False
        self._step()
        self._derive(1)
        return True

    def sealed(self, octets: int, now: int) -> None:
        """Count a frame of ours towards the next step."""
        self._sealed_frames += 1
        self._sealed_bytes += octets
        if self._began_at is None:
            self._began_at = now

    def worn_out(self) -> bool:
        """Whether our key has sealed all it may: the peer has not followed for 2^20 frames."""
        return self._sealed_frames >= FRAMES_PER_KEY

    # Receiving

    def find(self, bits: int, packet: int, highest: int) -> Epoch:
        """Return the epoch that a frame claims by its two bits.

        :param packet: its number
        :param highest: the highest number accepted so far
        :raises Unexpected: an honest peer sends no such frame; nothing was computed
        """
        ahead = (bits - self._current.number) & _BITS
        if not ahead:
            return self._current
        if ahead == _BEFORE:
            if self._previous is None or packet >= self._first_packet:
                raise Unexpected("a frame of an epoch that is over")
            return self._previous
        if self._current.number + ahead > self.sending.number + 1 or packet < highest:
            raise Unexpected("a frame of an epoch that cannot have begun")
        return self._derive(ahead)

    def verified(self, epoch: Epoch, packet: int, now: int) -> None:
        """A frame of ``epoch`` is genuine. Follow the peer, and erase what is over."""
        if epoch is self._previous:
            return
        if epoch is not self._current:
            self._enter(epoch, packet, now)
        self._first_packet = min(self._first_packet, packet)
        self._heard_frames += 1
        if self._heard_frames >= LATE_FRAMES:
            self._forget_previous()

    def failed(self, epoch: Epoch) -> None:
        """A frame of ``epoch`` did not verify."""
        epoch.failed_tags += 1
        if epoch is self._previous and epoch.spent():
            self._forget_previous()

    def threatened(self) -> bool:
        """Whether forgeries wear out a key that the peer uses, or will use next."""
        return bool([key for key in [self._current] + self._ahead if key.threatened()])

    def handle_timeout(self, now: int) -> None:
        """Erase the previous epoch once its time is over."""
        if self._previous is not None and now >= self._previous_until:
            self._forget_previous()

    def next_deadline(self) -> "int | None":
        """Return when something is to be erased, or None."""
        return None if self._previous is None else self._previous_until

    def erase(self) -> None:
        """Overwrite every secret: the session has ended."""
        self._forget_previous()
        for epoch in [self.sending, self._current] + self._ahead:
            epoch.erase()
        self._ahead = []

    # Inside

    def _derive(self, ahead: int) -> Epoch:
        """Return the peer's epoch that many after its current one, derived at most once."""
        while len(self._ahead) < ahead:
            self._ahead.append((self._ahead[-1] if self._ahead else self._current).following())
        return self._ahead[ahead - 1]

    def _step(self) -> None:
        old = self.sending
        self.sending = old.following()
        old.erase()
        self._sealed_frames = 0
        self._sealed_bytes = 0
        self._began_at = None

    def _enter(self, epoch: Epoch, packet: int, now: int) -> None:
        self._forget_previous()
        line = [self._current] + self._ahead
        at = line.index(epoch)
        for skipped in line[: at - 1]:
            skipped.erase()
        self._previous = line[at - 1]
        self._previous_until = now + LATE_MS
        self._current = epoch
        self._ahead = line[at + 1 :]
        self._first_packet = packet
        self._heard_frames = 0
        if epoch.number > self.sending.number:
            self._step()

    def _forget_previous(self) -> None:
        if self._previous is not None:
            self._previous.erase()
        self._previous = None
