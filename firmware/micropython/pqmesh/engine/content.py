# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a verified frame of a session says, parsed in one place before any of it is acted on."""

from ..compat import TYPE_CHECKING
from ..errors import Malformed
from ..wire.layout import decode_at
from ..wire.session import (
    CONTENT_MASK,
    CONTROL,
    FLAG_ACK,
    SEGMENT,
    AckBlock,
    SegmentHeader,
    decode_control,
)

if TYPE_CHECKING:
    from ..wire.layout import WireObject


class Content:
    """A verified frame, parsed: nothing about it has been acted on yet."""

    def __init__(self) -> None:
        self.ack: "AckBlock | None" = None
        self.segment: "SegmentHeader | None" = None
        self.data: memoryview = memoryview(b"")
        self.control: "WireObject | None" = None


def parse(kind: int, plaintext: bytes) -> Content:
    """Take a plaintext apart; ``kind`` is the frame's first octet.

    :raises Malformed: it does not end where its fields end
    :raises UnknownKind: a control of a later version
    """
    view = memoryview(plaintext)
    at = 0
    content = Content()
    if kind & FLAG_ACK:
        content.ack, at = decode_at(AckBlock, view, at)
    if kind & CONTENT_MASK == SEGMENT:
        content.segment, at = decode_at(SegmentHeader, view, at)
        content.data = view[at:]
    elif kind & CONTENT_MASK == CONTROL:
        content.control = decode_control(view, at)
    elif at != len(view):
        raise Malformed("%d bytes of no content" % (len(view) - at))
    return content
