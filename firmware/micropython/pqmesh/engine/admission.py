# SPDX-License-Identifier: MIT OR Apache-2.0
"""Who is admitted after proving its name, and what a refusal is called."""

from ..compat import TYPE_CHECKING
from ..identity import short
from ..wire.session import REASON_FULL, REASON_REFUSED

if TYPE_CHECKING:
    from collections.abc import Callable

_REFUSALS = {
    REASON_REFUSED: "the peer does not admit us",
    REASON_FULL: "the peer has no room for another session",
}


def refusal_text(reason: int) -> str:
    """Say what a Close in place of the handshake's end means."""
    return _REFUSALS.get(reason, "the peer closed, reason %d" % reason)


def objection(
    peer_id: bytes, expect: "bytes | None", trust: "Callable[[bytes], bool] | None"
) -> "str | None":
    """Say why a proved peer is not admitted, or None.

    :param expect: the PeerId that must be there; None takes any
    :param trust: the owner's answer; None admits all
    """
    if expect is not None and peer_id != expect:
        return "wrong identity: %s is there, %s is expected" % (short(peer_id), short(expect))
    if trust is not None and not trust(peer_id):
        return "identity %s is not trusted here" % short(peer_id)
    return None
