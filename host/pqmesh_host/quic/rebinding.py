# SPDX-License-Identifier: MIT OR Apache-2.0
"""A server behind a NAT may move: the one exception to RFC 9000 §9 a peer-to-peer mesh needs.

"If a client receives packets from an unknown server address, the client MUST discard these
packets." Between peers, who dialled is chance, and either side's NAT may give it another
port. So a client looks at such a packet too. When it is authentic and the newest, its
address becomes a path that aioquic validates by PATH_CHALLENGE, and moves to only then.
"""

from __future__ import annotations

from typing import Any

from aioquic import tls
from aioquic.quic.connection import QuicConnection, QuicNetworkPath


class RebindingConnection(QuicConnection):
    """Overrides ``receive_datagram``. A server does all this by itself (RFC 9000 §9.3)."""

    def receive_datagram(self, data: bytes, addr: Any, now: float) -> None:
        """As aioquic's, for a client also from a new address once the handshake is confirmed."""
        known = any(path.addr == addr for path in self._network_paths)
        if known or not (self._is_client and self._handshake_confirmed):
            super().receive_datagram(data, addr, now)
            return
        space = self._spaces[tls.Epoch.ONE_RTT]
        newest, path = space.largest_received_packet, QuicNetworkPath(addr)
        self._network_paths.append(path)
        super().receive_datagram(data, addr, now)
        self._network_paths.remove(path)
        if space.largest_received_packet != newest:
            self._add_network_path(path)
        # Else it was forged, or a straggler: nobody is probed, and no path evicted, for it.
