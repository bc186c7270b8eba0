# SPDX-License-Identifier: MIT OR Apache-2.0
"""A radio modem at the other end of a serial line: frames in, frames out, and their airtime.

The modem listens before it talks and queues what it cannot send yet (pqmesh_host.medium pretends
to be such a modem). It does not say when a frame has left, so that is reckoned here: whoever
sends waits as long as the frame is on the air.
"""

from .compat import TYPE_CHECKING, sleep_ms
from .serial import SerialLink

if TYPE_CHECKING:
    from pqmesh.limits import LinkProfile

    from .serial import Port


class ModemLink(SerialLink):
    """
    :param profile: of the radio (pqmesh.links): its mtu, and how long a frame takes
    """

    def __init__(self, port: "Port", profile: "LinkProfile") -> None:
        super().__init__(port, profile.mtu)
        self._profile = profile

    async def send(self, frame: bytes) -> None:
        """Hand one frame to the modem, and wait until it has left. As SerialLink.send."""
        await super().send(frame)
        await sleep_ms(self._profile.airtime_ms(len(frame)))
