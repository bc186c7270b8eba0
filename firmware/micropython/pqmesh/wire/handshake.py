# SPDX-License-Identifier: MIT OR Apache-2.0
"""The messages of the handshakes, whole: wire/fragment.py cuts them to the link's size.

HS-S      M1  I->R   Offer                                   1,206 octets, clear
          M2  R->I   Answer 1,110, clear | sealed Credential 5,301
          M3  I->R   Finish     2, clear | sealed Credential 5,301
          M4  R->I   an empty data frame (wire/session.py)       21

sealed    AES-256-CCM with a 16-octet tag
"""

from ..compat import const
from ..crypto import (
    DSA_PUBLIC_BYTES,
    DSA_SIGNATURE_BYTES,
    KEM_CIPHERTEXT_BYTES,
    KEM_PUBLIC_BYTES,
)
from .fields import U8, U16, Fixed
from .layout import WireObject, names

VERSION = const(1)
SUITE = const(1)  # ML-KEM-768, ML-DSA-65, HKDF-SHA256, AES-256-CCM
HS_S = const(0)  # modes; HS-R is 2 (wire/resumption.py)
HS_K = const(1)
HS_RK = const(3)
HS_RP = const(4)

M1 = const(1)
M2 = const(2)
M3 = const(3)

NONCE_BYTES = const(16)
MAC_BYTES = const(16)
SEAL_TAG_BYTES = const(16)


class Offer(WireObject):
    """M1 of HS-S: an ephemeral encapsulation key, and what the initiator can speak.

    Version 1.

    Sender: anybody; nothing is proved yet. M3 proves who sent it, because the transcript that
        M3 signs holds every octet of it.
    Replay: the responder's nonce and ciphertext are fresh, so a replay ends in a handshake
        that its sender cannot finish.
    Rate: the table of half-open handshakes; when it is full a newcomer waits until the stalest
        has been idle for a while. One public-key step per handle_timeout.
    """

    LAYOUT = (
        ("version", U8),
        ("mode", U8),
        ("suite", U8),
        ("flags", U8),  # zero in version 1
        ("cid", U16),  # where the initiator wants frames of this session
        ("nonce", Fixed(NONCE_BYTES)),
        ("ephemeral_key", Fixed(KEM_PUBLIC_BYTES)),
    )
    FIELDS = names(LAYOUT)

    version: int
    mode: int
    suite: int
    flags: int
    cid: int
    nonce: bytes
    ephemeral_key: bytes


class Answer(WireObject):
    """M2 of HS-S, its clear part: the responder's choice, nonce and ciphertext.

    Version 1. A sealed Credential of the responder follows.

    Sender: whoever saw M1; the Credential inside proves who, by a signature over the whole
        transcript and a MAC under the key that only the two can have.
    Replay: another M1 gives another transcript, under which the seal does not open.
    Rate: taken only while an Offer of ours with this ``to`` is open, one reassembly at a time.
    """

    LAYOUT = (
        ("to", U16),  # the Offer's cid
        ("cid", U16),  # where the responder wants frames of this session
        ("version", U8),
        ("suite", U8),
        ("nonce", Fixed(NONCE_BYTES)),
        ("ciphertext", Fixed(KEM_CIPHERTEXT_BYTES)),
    )
    FIELDS = names(LAYOUT)

    to: int
    cid: int
    version: int
    suite: int
    nonce: bytes
    ciphertext: bytes


class Finish(WireObject):
    """M3 of HS-S, its clear part. A sealed Credential of the initiator follows.

    Version 1, that of the handshake.

    Sender: the initiator; the Credential inside proves it by signature and MAC.
    Replay: the transcript holds the responder's nonce: it opens in this handshake only, and a
        handshake takes one.
    Rate: taken only while an Answer of ours with this ``to`` is open, one reassembly at a time.
    """

    LAYOUT = (("to", U16),)  # the Answer's cid
    FIELDS = names(LAYOUT)

    to: int


class Params(WireObject):
    """What a side is able to take, told to the peer under its signature.

    Version 1, that of the handshake.

    Sender: either side, inside its sealed Credential; covered by the transcript of the keys.
    Replay: as the Credential.
    Rate: once per handshake.
    """

    LAYOUT = (
        ("message_bytes", U16),  # the longest message it takes
        ("window", U8),  # segments it keeps beyond the next in order, 1..32
        ("capabilities", U8),  # zero in version 1
        ("reserved", Fixed(4)),  # sent as zero, not looked at
    )
    FIELDS = names(LAYOUT)

    message_bytes: int
    window: int
    capabilities: int
    reserved: bytes


class Credential(WireObject):
    """Who a side is, and the proof. Only ever sealed, inside M2 and M3.

    Version 1, that of the handshake. Params follow.

    Sender: either side: an ML-DSA-65 signature over the transcript and the PeerIds, and a MAC
        over its own name under a key of this handshake (SIGMA).
    Replay: transcript and key are of one handshake.
    Rate: as the message it is in.
    """

    LAYOUT = (
        ("public_key", Fixed(DSA_PUBLIC_BYTES)),
        ("signature", Fixed(DSA_SIGNATURE_BYTES)),
        ("mac", Fixed(MAC_BYTES)),
    )
    FIELDS = names(LAYOUT)

    public_key: bytes
    signature: bytes
    mac: bytes


PARAMS_BYTES = const(8)
OFFER_BYTES = const(1206)
ANSWER_BYTES = const(1110)
FINISH_BYTES = const(2)
CREDENTIAL_BYTES = const(5277)
SEALED_BYTES = const(5277 + 8 + 16)  # Credential | Params | tag

MESSAGE_BYTES = {  # of whole messages; in HS-S each has one length
    M1: OFFER_BYTES,
    M2: ANSWER_BYTES + SEALED_BYTES,
    M3: FINISH_BYTES + SEALED_BYTES,
}
ALL = (Offer, Answer, Finish, Credential, Params)
