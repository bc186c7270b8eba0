# SPDX-License-Identifier: MIT OR Apache-2.0
"""How a connect goes about it: which modes are tried in which order (constrained-design 4.6).

    a full handshake is due, and there is a way to do it     no mode of ours: it is theirs
    healing is due, or the owner asks for it                 HS-RP if a prekey is there, HS-RK
    otherwise                                                HS-R

What stays unanswered leads to the next, and the last to the full handshake. Healing is due a
little before the responder's floor, because each side counts for itself.
"""

from ..compat import TYPE_CHECKING, const
from ..errors import UsageError
from ..limits import FULL_HANDSHAKE_AGE_S, RESUMPTION_AGE_S, RESUMPTIONS
from ..wire.fragment import HASH_BYTES, HEAD_FIXED_BYTES, HEADER_BYTES
from ..wire.handshake import HS_RK, HS_RP
from ..wire.resumption import HEAL_BYTES, HS_R, R1_BYTES
from .sender import fragments_needed
from .tickets import age_s

if TYPE_CHECKING:
    from ..limits import LinkProfile
    from .tickets import Ticket

_EARLY = const(16)  # resumptions before the floor
_EARLY_S = const(86_400)


def heal_due(ticket: "Ticket", now_s: int) -> bool:
    """Whether the pair has gone on symmetric material for about as long as it may."""
    age = age_s(ticket.healed_s, now_s)
    return ticket.resumptions >= RESUMPTIONS - _EARLY or age >= RESUMPTION_AGE_S - _EARLY_S


def full_due(ticket: "Ticket", now_s: int, epoch: int) -> bool:
    """Whether a full handshake is due, by its age or because the peer's credential changed.

    :param epoch: of the peer's present credential; 0: none is known
    """
    changed = bool(epoch and ticket.epoch and epoch != ticket.epoch)
    return changed or age_s(ticket.full_s, now_s) >= FULL_HANDSHAKE_AGE_S


def fits(link: "LinkProfile", mode: int) -> bool:
    """Whether R1 of HS-RK or HS-RP can be sent over ``link``: all of Heal lies in its head."""
    try:
        count = fragments_needed(R1_BYTES[mode], link.mtu)
    except UsageError:
        return False
    room = link.mtu - HEADER_BYTES - HEAD_FIXED_BYTES - HASH_BYTES * (count - 1)
    return room >= HEAL_BYTES


def healing_modes(link: "LinkProfile", stocked: bool) -> "tuple[int, ...]":
    """Return the modes that heal, in the order they are tried. ``stocked``: with a prekey."""
    wanted = (HS_RP, HS_RK) if stocked else (HS_RK,)
    return tuple([mode for mode in wanted if fits(link, mode)])


def modes(
    ticket: "Ticket", now_s: int, heal: bool, healing: "tuple[int, ...]"
) -> "tuple[int, ...]":
    """Return the modes to try, where no full handshake is due; empty: it is, after all.

    :param heal: the owner asks for it
    :param healing: of healing_modes()
    """
    return healing if heal or heal_due(ticket, now_s) else (HS_R,)
