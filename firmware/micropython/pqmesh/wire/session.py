# SPDX-License-Identifier: MIT OR Apache-2.0
"""Inside a session: the data frame, and what its ciphertext may hold."""

from ..compat import const

# Why a session was closed. 0..15 belong to the protocol, 16..255 to the application.
REASON_DONE = const(0)  # nothing more to say
REASON_REPLACED = const(1)  # the same peer opened a newer session; never sent, only reported
REASON_REFUSED = const(2)  # the responder does not admit the initiator
REASON_SHUTDOWN = const(3)  # the node is going down
REASON_FULL = const(4)  # no room for another session
