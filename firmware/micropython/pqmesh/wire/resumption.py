# SPDX-License-Identifier: MIT OR Apache-2.0
"""The two messages of HS-R, each one frame: never cut, never acknowledged but by the next.

    R1  I->R  0x82 | ticket(8) | nonce(16) | version, mode(1) | mac(16)                 42 octets
    R2  R->I  0x83 | CID_I(2) | CID_R(2) | nonce(16) | mac(16)                          37
    R3  I->R  the first data frame (wire/session.py), empty or not           13 and more, or 21

The first two octets of R1's nonce are the initiator's CID: random as the rest is.
"""

from ..compat import const
from ..errors import UnknownKind
from .fields import U8, U16, Fixed
from .handshake import HS_RK, HS_RP, MAC_BYTES, NONCE_BYTES, VERSION
from .layout import WireObject, decode, names

RESUME = const(0x82)
RESUMED = const(0x83)
HS_R = const(2)  # the mode; engine/hs_r.py

TICKET_BYTES = const(8)
CID_BYTES = const(2)
RESUME_BYTES = const(42)
RESUMED_BYTES = const(37)
HEAL_BYTES = const(35)  # of wire/healing.py, for those who only have to know what fits
R1_BYTES = {HS_RK: 1235, HS_RP: 1139}  # whole messages; each mode has one length


class Resume(WireObject):
    """R1 of HS-R: wish to go on from a generation of the pair's resumption secret.

    Version 1, in ``flags``.

    Sender: the peer of an earlier session; the MAC is made with a key of that secret, and covers
        all the fields and both PeerIds in their roles.
    Replay: the responder's nonce is fresh, so a replay ends in a session without an R3. Dead as
        soon as the pair has moved on by one generation.
    Rate: an unknown ticket costs one look-up and draws nothing; a forged MAC costs one HMAC; a
        genuine one draws at most three Resumed, and one for each repeat of itself; the table of
        half-open ones is bounded.
    """

    LAYOUT = (
        ("kind", U8),
        ("ticket", Fixed(TICKET_BYTES)),  # names the generation to those who hold it
        ("nonce", Fixed(NONCE_BYTES)),  # its first two octets: where I wants frames
        ("flags", U8),  # zero(2) | version(3) | mode(3)
        ("mac", Fixed(MAC_BYTES)),
    )
    FIELDS = names(LAYOUT)

    kind: int
    ticket: bytes
    nonce: bytes
    flags: int
    mac: bytes

    def cid(self) -> int:
        """Where the initiator wants frames of the session."""
        return int.from_bytes(self.nonce[:CID_BYTES], "big")


class Resumed(WireObject):
    """R2 of HS-R: the responder has the same generation, and its keys are ready.

    Version 1, that of the Resume it answers.

    Sender: the responder; the MAC is made with a key of the new session over the transcript of
        both messages and both PeerIds.
    Replay: another Resume gives another transcript. The same one again, after it was taken,
        draws one empty frame, until the responder has been heard under the new keys.
    Rate: taken only while a Resume of ours with this ``to`` is open.
    """

    LAYOUT = (
        ("kind", U8),
        ("to", U16),  # the initiator's CID
        ("cid", U16),  # where the responder wants frames of the session
        ("nonce", Fixed(NONCE_BYTES)),
        ("mac", Fixed(MAC_BYTES)),
    )
    FIELDS = names(LAYOUT)

    kind: int
    to: int
    cid: int
    nonce: bytes
    mac: bytes


ALL = (Resume, Resumed)


def resume_flags() -> int:
    """Return the ``flags`` of a Resume of this version."""
    return VERSION << 3 | HS_R


def decode_resume(frame: bytes) -> Resume:
    """Parse R1.

    :raises Malformed: truncated, or bytes are left over
    :raises UnknownKind: a version or mode we do not speak
    """
    resume = decode(Resume, frame)
    if resume.flags != resume_flags():
        raise UnknownKind("resumption of version and mode 0x%02x" % resume.flags)
    return resume
