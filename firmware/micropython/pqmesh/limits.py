# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every bound of the package in one table: what a link can do, what a node can afford.

LinkProfile says what kind of link an engine serves; Limits says how much memory the node
gives it. Both are plain values: a board derives its own with ``replace(profile, mtu=...)``.
Times are integer milliseconds, sizes are bytes.
"""

from .compat import const
from .record import Record, replace

__all__ = (
    "BOARD",
    "BOARD_OBJECTS",
    "FAILED_TAGS_PER_KEY",
    "FRAMES_PER_KEY",
    "FULL_HANDSHAKE_AGE_S",
    "GATEWAY",
    "GATEWAY_OBJECTS",
    "LATE_FRAMES",
    "LATE_MS",
    "MAX_FRAGMENTS",
    "MAX_MESSAGE_BYTES",
    "RADIO_LINK",
    "REKEY_BYTES",
    "REKEY_FRAMES",
    "REKEY_MS",
    "RESUMPTIONS",
    "RESUMPTION_AGE_S",
    "SERIAL_LINK",
    "Limits",
    "LinkProfile",
    "ObjectLimits",
    "replace",
)

_SACK_BYTES = const(14)
_SLACK_MS = const(25)  # a peer's driver may look at its clock that late
MAX_FRAGMENTS = const(32)  # the SACK bitmap has 32 bits (constrained-design 4.1)
FRAMES_PER_KEY = const(1 << 20)  # the three limits of constrained-design 4.5: with 8-byte
FAILED_TAGS_PER_KEY = const(1 << 14)  # tags they keep the forgery advantage below 2^-50
REKEY_FRAMES = const(256)  # sealed, or
REKEY_BYTES = const(65_536)  # of plaintext, or
REKEY_MS = const(3_600_000)  # since the first of them: then the next frame has new keys (4.6)
LATE_FRAMES = const(8)  # of the new epoch: when so many have come, or
LATE_MS = const(120_000)  # after the first, the old epoch's keys are erased
MAX_MESSAGE_BYTES = const(4096)  # what every node accepts; a larger one needs the peer's word
RESUMPTIONS = const(256)  # on one KEM secret (constrained-design 4.6): HS-R does not heal
RESUMPTION_AGE_S = const(30 * 86_400)  # of that secret, for owners that can tell
FULL_HANDSHAKE_AGE_S = const(90 * 86_400)  # after which a resumption is not begun


class LinkProfile(Record):
    """One class of link, as the engine's timers and windows see it."""

    FIELDS = (
        "mtu",
        "tag_bytes",
        "bits_per_second",
        "octet_bits",
        "frame_ms",
        "turnaround_ms",
        "point_to_point",
        "burst",
        "window",
        "replay_window",
        "reorder_frames",
        "ack_every",
        "ack_delay_ms",
        "min_rto_ms",
        "max_rto_ms",
        "tries",
        "answer_ms",
        "handshake_ms",
        "keepalive_ms",
        "silence_ms",
    )

    mtu: int
    """Largest frame, before framing octets. At least 221 for HS-S (32 fragments)."""
    tag_bytes: int
    """Length of the AEAD tag of data frames: 8 on radio, 16 elsewhere."""
    bits_per_second: int
    """Nominal rate; paces the timers, promises nothing."""
    octet_bits: int
    """Bits on the line per octet: 10 on a UART (8N1), 8 elsewhere."""
    frame_ms: int
    """What every frame costs beside its octets: a preamble, keying up, the gap to the next."""
    turnaround_ms: int
    """From the last bit of a frame to the first of its answer, without crypto."""
    point_to_point: bool
    """Whether exactly one neighbour can be on the link: crossed connects then merge."""
    burst: int
    """Fragments of a handshake message sent before an acknowledgement is awaited, 1..32."""
    window: int
    """Segments in flight per session, 1..32."""
    replay_window: int
    """Packet numbers remembered per session: 64 on radio, 1024 on IP."""
    reorder_frames: int
    """A frame counts as lost once this many later ones are acknowledged."""
    ack_every: int
    """Segments after which an acknowledgement is sent at once."""
    ack_delay_ms: int
    """How long an acknowledgement may wait for company."""
    min_rto_ms: int
    """Floor of the retransmission timeout."""
    max_rto_ms: int
    """Ceiling of the retransmission timeout, also when backed off."""
    tries: int
    """Transmissions of one segment or one POLL before the peer counts as silent."""
    answer_ms: int
    """Patience for public-key work of the slowest peer, per handshake message."""
    handshake_ms: int
    """A handshake unfinished after this is given up. Also how long a responder keeps one."""
    keepalive_ms: int
    """Silence after which we ask whether the peer is there; 0 never asks."""
    silence_ms: int
    """Silence after which the session is lost; 0 never."""

    def airtime_ms(self, octets: int) -> int:
        """Time ``octets`` occupy the link, rounded up, at least 1 ms."""
        return 1 + self.frame_ms + octets * self.octet_bits * 1000 // self.bits_per_second

    def answer_due_ms(self, octets: int) -> int:
        """From the end of a frame to that of an answer of ``octets`` without public-key work."""
        exchange = 2 * self.turnaround_ms + self.airtime_ms(octets)
        return max(exchange + _SLACK_MS, self.min_rto_ms)

    def sack_ms(self) -> int:
        """How long to wait for a SACK: it leaves the peer before any public-key work begins."""
        return self.answer_due_ms(_SACK_BYTES)

    def initial_rto_ms(self) -> int:
        """The retransmission timeout before anything was measured: a frame each way, twice."""
        round_trip = 2 * self.airtime_ms(self.mtu) + 2 * self.turnaround_ms
        return min(max(2 * round_trip, 2 * self.min_rto_ms), self.max_rto_ms)

    def cookie_ms(self) -> int:
        """How long a responder makes cookies with one key: twice a handshake's time."""
        return 2 * self.handshake_ms

    def ping_again_ms(self) -> int:
        """From one unanswered Ping to the next: eight more fit in before ``silence_ms``."""
        return max((self.silence_ms - self.keepalive_ms) // 8, self.min_rto_ms)


SERIAL_LINK = LinkProfile(
    mtu=512,
    tag_bytes=16,
    bits_per_second=115_200,
    octet_bits=10,
    frame_ms=0,
    turnaround_ms=20,
    point_to_point=True,
    burst=8,
    window=8,
    replay_window=64,
    reorder_frames=1,
    ack_every=2,
    ack_delay_ms=20,
    min_rto_ms=150,
    max_rto_ms=2_000,
    tries=10,
    answer_ms=8_000,
    handshake_ms=60_000,
    keepalive_ms=10_000,
    silence_ms=30_000,
)

RADIO_LINK = LinkProfile(  # LoRa SF8, 125 kHz: constrained-design 2.1
    mtu=222,
    tag_bytes=8,
    bits_per_second=3_190,
    octet_bits=8,
    frame_ms=79,
    turnaround_ms=80,
    point_to_point=False,
    burst=32,
    window=8,
    replay_window=64,
    reorder_frames=1,
    ack_every=8,
    ack_delay_ms=500,
    min_rto_ms=1_000,
    max_rto_ms=60_000,
    tries=6,
    answer_ms=8_000,
    handshake_ms=120_000,
    keepalive_ms=0,
    silence_ms=0,
)


class Limits(Record):
    """What a node gives one engine, that is one link. Full tables refuse, they do not grow."""

    FIELDS = (
        "sessions",
        "half_open",
        "flows",
        "message_bytes",
        "queue_messages",
        "queue_bytes",
    )

    sessions: int
    """Established sessions; a new peer beyond it is refused."""
    half_open: int
    """Handshakes in progress. Full: a stale one gives way, else the newcomer waits."""
    flows: int
    """Handshake messages being reassembled, at most 6.4 KB each. Full: the stalest goes."""
    message_bytes: int
    """Largest message accepted from a peer; told to it in the handshake."""
    queue_messages: int
    """Messages waiting per session; beyond it ``send`` raises Busy."""
    queue_bytes: int
    """Bytes waiting per session; beyond it ``send`` raises Busy."""


BOARD = Limits(
    sessions=2,
    half_open=2,
    flows=2,
    message_bytes=MAX_MESSAGE_BYTES,
    queue_messages=8,
    queue_bytes=8_192,
)

GATEWAY = Limits(
    sessions=64,
    half_open=8,
    flows=8,
    message_bytes=65_535,
    queue_messages=64,
    queue_bytes=262_144,
)


class ObjectLimits(Record):
    """What a node gives the broadcast of objects on one link (pqmesh.objects)."""

    FIELDS = (
        "assemblies",
        "assembly_bytes",
        "object_bytes",
        "waiting",
        "offers",
        "offer_bytes",
        "remembered",
        "share_permille",
    )

    assemblies: int
    """Objects being received at once. Full: one without a shard gives way, else none does."""
    assembly_bytes: int
    """Memory of all of them together, decoding included; refused before it is allocated."""
    object_bytes: int
    """Longest object taken."""
    waiting: int
    """Fragments of one flow that may wait for its head, each at most a frame long."""
    offers: int
    """Objects held for others."""
    offer_bytes: int
    """Length of all of them together."""
    remembered: int
    """Objects known to be here, or to be no good, 80 octets each; the oldest is forgotten."""
    share_permille: int
    """Of any hour, how much of the channel may be used; 10 is a hundredth."""


BOARD_OBJECTS = ObjectLimits(
    assemblies=2,
    assembly_bytes=9_216,  # one credential, or two epoch objects
    object_bytes=6_912,
    waiting=8,
    offers=2,
    offer_bytes=10_240,
    remembered=8,
    share_permille=10,
)

GATEWAY_OBJECTS = ObjectLimits(
    assemblies=8,
    assembly_bytes=131_072,
    object_bytes=16_384,
    waiting=64,
    offers=16,
    offer_bytes=131_072,
    remembered=256,
    share_permille=10,
)
