# SPDX-License-Identifier: MIT OR Apache-2.0
"""ant-quic's frames on a connection: sent until acknowledged, taken when negotiated."""

from __future__ import annotations

from collections import deque
from typing import Any

from aioquic.quic.connection import EPOCHS, QuicReceiveContext
from aioquic.quic.packet_builder import QuicDeliveryState, QuicPacketBuilder
from aioquic.quic.recovery import QuicPacketSpace

from . import frames
from .buffer import Buffer, size_uint_var
from .configuration import PqConfiguration
from .connection_events import FrameReceived
from .sized import SizedConnection

MAX_QUEUED_FRAMES = 64
"""Custom frames waiting to be sent; one more is a bug of ours."""


class FramedConnection(SizedConnection):
    """Overrides ``_write_connection_limits``."""

    def __init__(self, *, configuration: PqConfiguration, **kwargs: Any) -> None:
        super().__init__(configuration=configuration, **kwargs)
        self._queued_frames: deque[frames.Frame] = deque()
        # The one name-mangled attribute this package reaches for.
        handlers = self._QuicConnection__frame_handlers  # type: ignore[attr-defined]
        for frame_type in frames.negotiated(configuration.parameters):
            handlers[frame_type] = (self._handle_custom_frame, EPOCHS("1"))

    def takes_frame(self, frame: frames.Frame) -> bool:
        """Whether the peer negotiated this kind of frame."""
        return frame.type in frames.negotiated(self.remote_parameters)

    def queue_frame(self, frame: frames.Frame) -> None:
        """Send a frame, and again until it is acknowledged.

        :raises ValueError: the peer has not negotiated it, or MAX_QUEUED_FRAMES wait
        """
        if not self.takes_frame(frame):
            raise ValueError(f"the peer does not take {type(frame).__name__}")
        if len(self._queued_frames) >= MAX_QUEUED_FRAMES:
            raise ValueError("too many frames wait to be sent")
        self._queued_frames.append(frame)

    def _handle_custom_frame(
        self, context: QuicReceiveContext, frame_type: int, buf: Buffer
    ) -> None:
        self._events.append(FrameReceived(frames.decode(frame_type, buf)))

    def _write_connection_limits(self, builder: QuicPacketBuilder, space: QuicPacketSpace) -> None:
        # aioquic calls this for each 1-RTT packet once the handshake is complete.
        super()._write_connection_limits(builder, space)
        while self._queued_frames:
            frame = self._queued_frames[0]
            body = frames.encode(frame)
            buf = builder.start_frame(
                frame.type,
                capacity=size_uint_var(frame.type) + len(body),
                handler=self._on_custom_delivery,
                handler_args=(frame,),
            )
            self._queued_frames.popleft()
            buf.push_bytes(body)

    def _on_custom_delivery(self, delivery: QuicDeliveryState, frame: frames.Frame) -> None:
        if delivery != QuicDeliveryState.ACKED:
            self._queued_frames.append(frame)
