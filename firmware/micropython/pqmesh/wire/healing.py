# SPDX-License-Identifier: MIT OR Apache-2.0
"""The messages of HS-RK and HS-RP: resumptions that take in a fresh KEM secret.

HS-RK    R1  I->R   Heal 35 | HealKey 1,200, fragments of mode 3                1,235 octets
         R2  R->I   Healed, fragments of mode 3                                 1,124
HS-RP    R1  I->R   Heal 35 | HealCiphertext 1,104, fragments of mode 4         1,139
         R2  R->I   Resumed 0x83 (wire/resumption.py), one frame                   37
both     R3  I->R   the first data frame (wire/session.py), empty or not  13, 21 and more

Heal lies in the head fragment whole, so that a responder knows the peer before it opens a flow.
The first two octets of its nonce are the initiator's CID, as in Resume.
"""

from ..compat import const
from ..crypto import KEM_CIPHERTEXT_BYTES, KEM_PUBLIC_BYTES
from ..errors import Malformed, UnknownKind
from .fields import U8, U16, Fixed
from .handshake import HS_RK, MAC_BYTES, NONCE_BYTES, VERSION
from .layout import WireObject, decode_at, names
from .resumption import CID_BYTES, TICKET_BYTES

CHECK_BYTES = const(8)
HEALED_BYTES = const(1124)


class Heal(WireObject):
    """How R1 of HS-RK and HS-RP begins: wish to go on from a generation, and to heal.

    Version 1, in ``flags``. HealKey follows in HS-RK, HealCiphertext in HS-RP.

    Sender: the peer of an earlier session; ``check`` is made with a key of the generation and
        covers the other fields and both PeerIds in their roles.
    Replay: opens a flow, which the same message fills; a nonce that has been answered in this
        generation is not answered again, and the prekey it names is not spent before R3.
    Rate: an unknown ticket costs one look-up, a forged check one HMAC; a genuine one opens one
        flow in a bounded table.
    """

    LAYOUT = (
        ("ticket", Fixed(TICKET_BYTES)),  # names the generation to those who hold it
        ("nonce", Fixed(NONCE_BYTES)),  # its first two octets: where I wants frames
        ("flags", U8),  # zero(2) | version(3) | mode(3)
        ("index", U16),  # of R's one-time prekey; zero in HS-RK
        ("check", Fixed(CHECK_BYTES)),
    )
    FIELDS = names(LAYOUT)

    ticket: bytes
    nonce: bytes
    flags: int
    index: int
    check: bytes

    def mode(self) -> int:
        """HS_RK or HS_RP."""
        return self.flags & 7

    def cid(self) -> int:
        """Where the initiator wants frames of the session."""
        return int.from_bytes(self.nonce[:CID_BYTES], "big")


class HealKey(WireObject):
    """The rest of R1 of HS-RK: an encapsulation key of this handshake alone.

    Version 1, that of Heal.

    Sender: as Heal; ``mac`` is made with a key of the generation and covers all of R1.
    Replay: as Heal.
    Rate: one public-key step per genuine R1, in handle_timeout; the queue is bounded.
    """

    LAYOUT = (
        ("ephemeral_key", Fixed(KEM_PUBLIC_BYTES)),
        ("mac", Fixed(MAC_BYTES)),
    )
    FIELDS = names(LAYOUT)

    ephemeral_key: bytes
    mac: bytes


class HealCiphertext(WireObject):
    """The rest of R1 of HS-RP: a ciphertext to the one-time prekey that Heal names.

    Version 1, that of Heal.

    Sender: as HealKey.
    Replay: as Heal.
    Rate: as HealKey.
    """

    LAYOUT = (
        ("ciphertext", Fixed(KEM_CIPHERTEXT_BYTES)),
        ("mac", Fixed(MAC_BYTES)),
    )
    FIELDS = names(LAYOUT)

    ciphertext: bytes
    mac: bytes


class Healed(WireObject):
    """R2 of HS-RK: the responder has the same generation, and here is the fresh secret.

    Version 1, that of the Heal it answers.

    Sender: the responder; the MAC is made with a key of the new session over the transcript of
        both messages and both PeerIds.
    Replay: another R1 gives another transcript.
    Rate: taken only while an R1 of HS-RK of ours with this ``to`` is open, one at a time.
    """

    LAYOUT = (
        ("to", U16),  # the initiator's CID
        ("cid", U16),  # where the responder wants frames of the session
        ("nonce", Fixed(NONCE_BYTES)),
        ("ciphertext", Fixed(KEM_CIPHERTEXT_BYTES)),
        ("mac", Fixed(MAC_BYTES)),
    )
    FIELDS = names(LAYOUT)

    to: int
    cid: int
    nonce: bytes
    ciphertext: bytes
    mac: bytes


ALL = (Heal, HealKey, HealCiphertext, Healed)


def heal_flags(mode: int) -> int:
    """Return the ``flags`` of a Heal of this version."""
    return VERSION << 3 | mode


def decode_heal(octets: bytes, mode: int) -> Heal:
    """Parse the beginning of R1; what follows is not looked at.

    :param mode: that of the fragments it came in
    :raises Malformed: truncated, or an index where there is none
    :raises UnknownKind: a version we do not speak, or another mode than its fragments say
    """
    heal, _ = decode_at(Heal, memoryview(octets), 0)
    if heal.flags != heal_flags(mode):
        raise UnknownKind("healing of version and mode 0x%02x" % heal.flags)
    if mode == HS_RK and heal.index:
        raise Malformed("a prekey in HS-RK")
    return heal
