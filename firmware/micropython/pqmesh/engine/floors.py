# SPDX-License-Identifier: MIT OR Apache-2.0
"""Below which mode nobody gets in, and which mode a connect takes (constrained-design 4.6).

    HS-R < HS-RP < HS-RK < HS-K < HS-S        by what still holds once a secret has leaked

    HS-R     at most 256 times, or 30 days, on one KEM secret
    HS-RP    | at most 90 days on one full handshake, and not once the peer has
    HS-RK    | certified new keys
    HS-K     with a peer whose credential we hold
    HS-S     with anybody, where the link can bear it: on a shared link not at all (NEVER), or
             where the whole of it is under a minute of airtime (FAST: LoRa at SF7 and SF8), or
             ALWAYS, if the operator says so
    minimum  whatever the operator asks of everybody, or of one peer

Each side holds every session against its own floors, whoever began it. When an attempt comes to
nothing, or the other side says that it cannot, the next one is stronger, never weaker: what an
attacker who drops and forges frames can bring about is work, and airtime, and no more.
"""

from ..compat import TYPE_CHECKING, const
from ..errors import UsageError
from ..identity import short
from ..record import Record
from ..wire.entry import ECHO_BYTES
from ..wire.handshake import HS_K, HS_RK, HS_RP, HS_S, MESSAGE_BYTES
from ..wire.resumption import HS_R
from .healing import full_due
from .sender import fragments_needed
from .tickets import worn_out

if TYPE_CHECKING:
    from ..limits import LinkProfile
    from .tickets import Ticket

_WEAKEST_FIRST = (HS_R, HS_RP, HS_RK, HS_K, HS_S)
MODE_NAMES = {HS_S: "HS-S", HS_K: "HS-K", HS_R: "HS-R", HS_RK: "HS-RK", HS_RP: "HS-RP"}

NEVER = const(0)  # HS-S on a shared link
FAST = const(1)
ALWAYS = const(2)
FAST_MS = const(60_000)  # airtime of a whole HS-S without loss


class Policy(Record):
    """What the operator decides about one link."""

    FIELDS = ("strangers", "minimum", "minimums")

    strangers: int  # NEVER, FAST or ALWAYS; a link with one neighbour does not ask
    minimum: int  # the weakest mode for everybody
    minimums: "dict[bytes, int]"  # and for some peers; what is weaker than ``minimum`` is no use


DEFAULT = Policy(NEVER, HS_R, {})


def strength(mode: int) -> int:
    """Return the rank of a mode, 0 for the weakest.

    :raises UsageError: there is no such mode
    """
    if mode not in _WEAKEST_FIRST:
        raise UsageError("no mode %d" % mode)
    return _WEAKEST_FIRST.index(mode)


def hs_s_ms(link: "LinkProfile") -> int:
    """Return the airtime of a whole HS-S without loss, its entry exchange not counted.

    :raises UsageError: it does not fit the link at all
    """
    frames = 0
    for size in MESSAGE_BYTES.values():
        frames += fragments_needed(size + ECHO_BYTES, link.mtu)
    return frames * link.airtime_ms(link.mtu)


class Floors:
    """The floors of one link.

    :raises UsageError: the policy names a mode that there is not
    """

    def __init__(self, link: "LinkProfile", policy: Policy = DEFAULT) -> None:
        for mode in [policy.minimum] + list(policy.minimums.values()):
            strength(mode)
        self._policy = policy
        self._strangers = _bears_hs_s(link, policy.strangers)

    def strangers(self) -> bool:
        """Whether HS-S may run on this link, which needs no credential of either side."""
        return self._strangers

    def minimum(self, peer_id: "bytes | None" = None) -> int:
        """Return the weakest mode that the operator allows with a peer, or with everybody."""
        policy = self._policy
        own = policy.minimum if peer_id is None else policy.minimums.get(peer_id, policy.minimum)
        return own if strength(own) > strength(policy.minimum) else policy.minimum

    def full_mode(self, peer_id: "bytes | None", known: bool) -> "int | None":
        """Return the full handshake to begin with a peer; None: none may be, see ``refusal``.

        :param known: whether valid credentials of the peer and of our own are at hand
        """
        return self._next(0, peer_id, known)

    def after(self, mode: int, peer_id: "bytes | None", known: bool) -> "int | None":
        """Return what to turn to when ``mode`` has come to nothing: a stronger one, or None."""
        return self._next(strength(mode) + 1, peer_id, known)

    def refusal(self, peer_id: "bytes | None", known: bool) -> str:
        """Say why ``full_mode`` has nothing to offer, where it has not."""
        if peer_id is None:
            return "HS-S with whoever is there is not for this link"
        if known:
            least = MODE_NAMES[self.minimum(peer_id)]
            return "%s must be met with %s, which is not for this link" % (short(peer_id), least)
        return "no credential of %s, and HS-S is not for this link" % short(peer_id)

    def objection(
        self,
        peer_id: bytes,
        mode: int,
        ticket: "Ticket | None" = None,
        now_s: int = 0,
        epoch: int = 0,
    ) -> "str | None":
        """Say why a session by ``mode`` is below the floor, or None.

        :param ticket: what the session goes on from, for the modes that do
        :param now_s: on the clock of the tickets; 0: not known
        :param epoch: of the peer's present credential; 0: none is known
        """
        least = self.minimum(peer_id)
        if strength(mode) < strength(least):
            return "%s is below %s" % (MODE_NAMES[mode], MODE_NAMES[least])
        if strength(mode) >= strength(HS_K):
            return None
        if ticket is None:
            return "%s goes on from nothing" % MODE_NAMES[mode]
        if full_due(ticket, now_s, epoch):
            return "a full handshake is due"
        if mode == HS_R and worn_out(ticket, now_s):
            return "HS-R has been gone on with for too long"
        return None

    def _next(self, rank: int, peer_id: "bytes | None", known: bool) -> "int | None":
        rank = max(rank, strength(self.minimum(peer_id)))
        if known and peer_id is not None and rank <= strength(HS_K):
            return HS_K
        if self._strangers and rank <= strength(HS_S):
            return HS_S
        return None


def _bears_hs_s(link: "LinkProfile", strangers: int) -> bool:
    if link.point_to_point or strangers == ALWAYS:
        return True
    if strangers != FAST:
        return False
    try:
        return hs_s_ms(link) < FAST_MS
    except UsageError:
        return False
