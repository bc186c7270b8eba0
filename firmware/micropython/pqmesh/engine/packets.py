# SPDX-License-Identifier: MIT OR Apache-2.0
"""The record layer of one session: sealed frames out, verified plaintexts in.

    nonce = iv XOR (0^7 || packet number(6))    AAD = session id(8) || packet number(6) || header

Packet numbers count from 0 per direction and are never restored, so no nonce is used twice. The
replay window moves only after a tag has been verified. Each key has limits: FRAMES_PER_KEY it
may seal, FAILED_TAGS_PER_KEY forgeries it may refuse (constrained-design 4.5).
"""

from ..compat import TYPE_CHECKING, const
from ..crypto import AEAD_NONCE_BYTES
from ..errors import BadTag, Exhausted
from ..kdf import LABEL_IV, LABEL_KEY, derive
from ..limits import FAILED_TAGS_PER_KEY, FRAMES_PER_KEY
from ..wire.session import HEADER_BYTES, DataHeader
from .replay import ReplayWindow

if TYPE_CHECKING:
    from ..crypto import Crypto
    from ..limits import LinkProfile
    from .hs_s import Outcome

_PACKET_BYTES = const(6)


class Key:
    """One direction's AEAD key and nonce base, from its chain key."""

    def __init__(self, chain: bytes) -> None:
        self.key = derive(chain, LABEL_KEY)
        self._iv = int.from_bytes(derive(chain, LABEL_IV, b"", AEAD_NONCE_BYTES), "big")

    def nonce(self, packet: int) -> bytes:
        """Return the nonce of one packet number."""
        return (self._iv ^ packet).to_bytes(AEAD_NONCE_BYTES, "big")


class Packets:
    """Seals what we send and opens what the peer sent, under the keys of ``outcome``."""

    def __init__(self, crypto: "Crypto", link: "LinkProfile", outcome: "Outcome") -> None:
        self._crypto = crypto
        self._tag_bytes = link.tag_bytes
        self._session_id = outcome.session_id
        self._send_key = Key(outcome.send_chain)
        self._receive_key = Key(outcome.receive_chain)
        self._replay = ReplayWindow(link.replay_window)
        self._failed_tags = 0
        self.next_number = 0  # of the next packet we seal

    def worn_out(self) -> bool:
        """Whether our key has sealed all the frames it may."""
        return self.next_number >= FRAMES_PER_KEY

    def under_attack(self) -> bool:
        """Whether the peer's key has been tried by more forgeries than it bears."""
        return self._failed_tags >= FAILED_TAGS_PER_KEY

    def seal(self, kind: int, cid: int, plaintext: bytes) -> bytes:
        """Return the next frame to the peer. Not to be called once worn out."""
        packet = self.next_number
        self.next_number += 1
        header = DataHeader(kind, cid, packet & 0xFFFF).encode()
        return header + self._crypto.seal(
            self._send_key.key,
            self._send_key.nonce(packet),
            self._aad(packet, header),
            plaintext,
            self._tag_bytes,
        )

    def open(self, header: DataHeader, frame: bytes) -> bytes:
        """Return the plaintext of a frame; its number is then used up.

        :raises Replayed: the number was used before, or is older than the window
        :raises BadTag: forged or spoilt; nothing has changed but the count of such
        :raises Exhausted: beyond what the peer's key may seal
        """
        packet = self._replay.expand(header.number)
        self._replay.check(packet)
        if packet >= FRAMES_PER_KEY:
            raise Exhausted("the peer's key is worn out")
        try:
            if len(frame) < HEADER_BYTES + self._tag_bytes:
                raise BadTag("no room for a tag")
            plaintext = self._crypto.open(
                self._receive_key.key,
                self._receive_key.nonce(packet),
                self._aad(packet, frame[:HEADER_BYTES]),
                frame[HEADER_BYTES:],
                self._tag_bytes,
            )
        except BadTag:
            self._failed_tags += 1
            raise
        self._replay.accept(packet)
        return plaintext

    def _aad(self, packet: int, header: bytes) -> bytes:
        return self._session_id + packet.to_bytes(_PACKET_BYTES, "big") + header
