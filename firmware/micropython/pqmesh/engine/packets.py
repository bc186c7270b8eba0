# SPDX-License-Identifier: MIT OR Apache-2.0
"""The record layer of one session: sealed frames out, verified plaintexts in.

    nonce = iv XOR (0^7 || packet number(6))    AAD = session id(8) || packet number(6) || header

Packet numbers count from 0 per direction, go on across key epochs (ratchet.py) and are never
restored, so no nonce is used twice. The replay window is one for all epochs; it moves only after
a tag has been verified. Each key has limits: FRAMES_PER_KEY it may seal, FAILED_TAGS_PER_KEY
forgeries it may refuse (constrained-design 4.5). Both are answered by the next epoch.
"""

from ..compat import TYPE_CHECKING, const
from ..errors import BadTag, Exhausted
from ..wire.session import EPOCH_SHIFT, HEADER_BYTES, DataHeader
from .ratchet import Ratchet
from .replay import ReplayWindow

if TYPE_CHECKING:
    from ..crypto import Crypto
    from ..limits import LinkProfile
    from .hs_s import Outcome

_PACKET_BYTES = const(6)
_PACKETS = 1 << 48  # there are in one session: 8,900 years of 1,000 a second
_EPOCH_BITS = const(3)


class Packets:
    """Seals what we send and opens what the peer sent, under the keys of ``outcome``."""

    def __init__(self, crypto: "Crypto", link: "LinkProfile", outcome: "Outcome") -> None:
        self._crypto = crypto
        self._tag_bytes = link.tag_bytes
        self._session_id = outcome.session_id
        self._replay = ReplayWindow(link.replay_window)
        self.ratchet = Ratchet(outcome.send_chain, outcome.receive_chain)
        self.next_number = 0  # of the next packet we seal
        self.newest = False  # whether the last frame opened has the highest number so far

    def worn_out(self) -> bool:
        """Whether nothing can be sealed any more."""
        return self.ratchet.worn_out() or self.next_number >= _PACKETS

    def seal(self, kind: int, cid: int, plaintext: bytes, now: int) -> bytes:
        """Return the next frame to the peer. Not to be called once worn out."""
        self.ratchet.advance(now)
        epoch = self.ratchet.sending
        packet = self.next_number
        self.next_number += 1
        kind |= (epoch.number & _EPOCH_BITS) << EPOCH_SHIFT
        header = DataHeader(kind, cid, packet & 0xFFFF).encode()
        self.ratchet.sealed(len(plaintext), now)
        return header + self._crypto.seal(
            epoch.key,
            epoch.nonce(packet),
            self._aad(packet, header),
            plaintext,
            self._tag_bytes,
        )

    def open(self, header: DataHeader, frame: bytes, now: int) -> bytes:
        """Return the plaintext of a frame; its number is then used up.

        :raises Replayed: the number was used before, or is older than the window
        :raises Unexpected: of a key epoch that is over, or cannot have begun
        :raises BadTag: forged or spoilt; nothing has changed but the count of such
        :raises Exhausted: the key has been tried by too many forgeries, or there is no such number
        """
        packet = self._replay.expand(header.number)
        self._replay.check(packet)
        if packet >= _PACKETS:
            raise Exhausted("no packet has that number")
        epoch = self.ratchet.find(header.epoch(), packet, self._replay.highest)
        if epoch.spent():
            raise Exhausted("too many forged frames for this key")
        try:
            if len(frame) < HEADER_BYTES + self._tag_bytes:
                raise BadTag("no room for a tag")
            plaintext = self._crypto.open(
                epoch.key,
                epoch.nonce(packet),
                self._aad(packet, frame[:HEADER_BYTES]),
                frame[HEADER_BYTES:],
                self._tag_bytes,
            )
        except BadTag:
            self.ratchet.failed(epoch)
            raise
        self.newest = packet > self._replay.highest
        self._replay.accept(packet)
        self.ratchet.verified(epoch, packet, now)
        return plaintext

    def _aad(self, packet: int, header: bytes) -> bytes:
        return self._session_id + packet.to_bytes(_PACKET_BYTES, "big") + header
