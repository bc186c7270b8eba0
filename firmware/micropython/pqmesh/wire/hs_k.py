# SPDX-License-Identifier: MIT OR Apache-2.0
"""The messages of HS-K, whole: wire/fragment.py cuts M1, M2 and the credential to the link's size.

HS-K      M1  I->R   front | KnownOffer 2,272, clear | sealed Introduction     64
          M2  R->I   KnownAnswer                                            2,204 octets
          M3  I->R   Confirm, a frame of its own                               19
          M4  R->I   an empty data frame (wire/session.py)                     13

front     on a shared link the Echo of HELLO and RETRY (wire/entry.py), on one with a single
          neighbour the Hello itself, and neither HELLO nor RETRY is sent before

Where R does not hold the initiator's credential (public key | epoch object | KEM leaf, 6,703
octets), between M1 and M2:

          R->I   NeedCredential, a frame of its own                            21
          I->R   CredentialPart 2 | sealed half, twice                  3,370 and 3,369

sealed    AES-256-CCM with a 16-octet tag
"""

from ..compat import const
from ..crypto import KEM_CIPHERTEXT_BYTES, KEM_PUBLIC_BYTES
from ..identity import PEER_ID_BYTES
from .fields import U8, U16, Fixed
from .handshake import MAC_BYTES, SEAL_TAG_BYTES
from .layout import WireObject, names

CONFIRM = const(0x86)
NEED_CREDENTIAL = const(0x87)

PART_1 = const(0)  # message numbers; M1 and M2 are those of every handshake, M3 is no message
PART_2 = const(3)

CREDENTIAL_BYTES = const(6703)  # public key 1952 | epoch object 3373 | KEM leaf 1378
_CREDENTIAL_ID_BYTES = const(8)


class KnownOffer(WireObject):
    """M1 of HS-K, its clear part behind the front: an ephemeral key, and a proof of interest.

    Version 1, of the Hello. A sealed Introduction follows.

    Sender: anybody who knows the responder's static key. Confirm proves who, by a key that only
        the holder of the initiator's static key can derive.
    Replay: draws another answer, with fresh ciphertexts, that its sender cannot confirm. On a
        shared link only within the life of the cookie.
    Rate: nothing is reassembled for a front that does not verify; one place less than there are
        half-open handshakes for strangers; one step of public-key work per handle_timeout.
    """

    LAYOUT = (
        ("ephemeral_key", Fixed(KEM_PUBLIC_BYTES)),
        ("ciphertext", Fixed(KEM_CIPHERTEXT_BYTES)),  # to the responder's static key
    )
    FIELDS = names(LAYOUT)

    ephemeral_key: bytes
    ciphertext: bytes


class Introduction(WireObject):
    """Who the initiator says it is, and under which of its keys. Only ever sealed, in M1.

    Version 1, that of the handshake. Params follow.

    Sender: as M1: it is a claim, until Confirm.
    Replay: sealed over the transcript of M1, which holds the nonce.
    Rate: as the message it is in.
    """

    LAYOUT = (
        ("peer_id", Fixed(PEER_ID_BYTES)),
        ("credential", Fixed(_CREDENTIAL_ID_BYTES)),
    )
    FIELDS = names(LAYOUT)

    peer_id: bytes
    credential: bytes


class KnownAnswer(WireObject):
    """M2 of HS-K, its clear part: two ciphertexts, to both of the initiator's keys.

    Version 1, that of the handshake. Params follow, in clear, and 16 octets of MAC over the
    transcript: the responder's key confirmation.

    Sender: the responder: the MAC needs the secret that M1 sent to its static key.
    Replay: another M1 gives another transcript, under which the MAC is wrong.
    Rate: taken only while an offer of ours with this ``to`` is open, one reassembly at a time.
    """

    LAYOUT = (
        ("to", U16),  # the first octets of the initiator's nonce
        ("cid", U16),  # where the responder wants frames of this session
        ("ephemeral_ciphertext", Fixed(KEM_CIPHERTEXT_BYTES)),
        ("static_ciphertext", Fixed(KEM_CIPHERTEXT_BYTES)),
    )
    FIELDS = names(LAYOUT)

    to: int
    cid: int
    ephemeral_ciphertext: bytes
    static_ciphertext: bytes


class Confirm(WireObject):
    """M3 of HS-K: the initiator's key confirmation. The responder stores nothing before it.

    Version 1, that of the handshake.

    Sender: the initiator: the MAC needs what M2 sent to its static key.
    Replay: the transcript holds the responder's ciphertexts: it verifies in this handshake only.
        The same one again draws the empty frame that answers it once more.
    Rate: taken only while an answer of ours with this ``to`` is open; one HMAC.
    """

    LAYOUT = (
        ("kind", U8),
        ("to", U16),  # the responder's cid
        ("mac", Fixed(MAC_BYTES)),
    )
    FIELDS = names(LAYOUT)

    kind: int
    to: int
    mac: bytes


class NeedCredential(WireObject):
    """R to I: I do not hold the credential that you name. Send it, and I will answer.

    Version 1, that of the handshake.

    Sender: the responder: the MAC needs the secret that M1 sent to its static key. So nobody
        else can make an initiator spend 7 KB of airtime.
    Replay: the transcript of M1 holds the nonce.
    Rate: taken only while an offer of ours with this ``to`` is open; one HMAC. The same one again
        changes nothing.
    """

    LAYOUT = (
        ("kind", U8),
        ("to", U16),  # the first octets of the initiator's nonce
        ("cid", U16),  # the responder's
        ("mac", Fixed(MAC_BYTES)),
    )
    FIELDS = names(LAYOUT)

    kind: int
    to: int
    cid: int
    mac: bytes


class CredentialPart(WireObject):
    """Half of the initiator's credential, its clear part. The sealed half follows.

    Version 1, that of the handshake.

    Sender: whoever sent M1; the credential inside is signed by the identity it is about.
    Replay: sealed over the transcript of M1, each half under a key of its own.
    Rate: taken only after a NeedCredential of ours, once each, one reassembly at a time.
    """

    LAYOUT = (("to", U16),)  # the responder's cid, of NeedCredential
    FIELDS = names(LAYOUT)

    to: int


KNOWN_OFFER_BYTES = const(1184 + 1088)
INTRODUCTION_BYTES = const(40)
SEALED_INTRODUCTION_BYTES = const(40 + 8 + 16)  # Introduction | Params | tag
KNOWN_ANSWER_BYTES = const(2 + 2 + 2 * 1088)
CONFIRM_BYTES = const(19)
NEED_CREDENTIAL_BYTES = const(21)
PART_FIXED_BYTES = const(2)

OFFER_BYTES = const(1184 + 1088 + 64)  # of M1 behind its front
ANSWER_BYTES = const(2 + 2 + 2 * 1088 + 8 + 16)  # of M2: KnownAnswer | Params | MAC
HALVES = (3352, 3351)  # of the credential: 17 fragments each at 222 octets; in one it needs 33

ALL = (KnownOffer, Introduction, KnownAnswer, Confirm, NeedCredential, CredentialPart)


def part_bytes(number: int) -> int:
    """Return the length of the message with half ``PART_1`` or ``PART_2`` of a credential."""
    return PART_FIXED_BYTES + HALVES[number == PART_2] + SEAL_TAG_BYTES
