# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which handshake input is legal when. Every transition of a handshake is here.

    initiator    START --CONNECT--> OFFERED --M2--> PROVED --CONFIRM--> OPEN
                   |                 ^  |  ^
                  CALL         CONNECT YIELD CONNECT    both sides connected; the other goes first
                   v                 |  v  |
                 CALLING ------------+ YIELDED          CALLING may yield too
    responder    START --M1--> ANSWERED --M3--> OPEN
                   |              ^
                  ASK -> ASKED -- M1                    HS-K: its credential is wanted first
    both         any but OPEN --FAIL--> FAILED

The table knows nothing of roles, crypto or time: it only answers "may this happen now, and
what are we afterwards?". docs/handshake.md draws it, and a test compares the two.
"""

from ..compat import const
from ..errors import Unexpected

START = const(0)
OFFERED = const(1)  # our M1 is out
YIELDED = const(2)  # our M1 lost against the peer's; we answer instead, or begin again
PROVED = const(3)  # M2 has proved the peer; our M3 is out
ANSWERED = const(4)  # our M2 is out
OPEN = const(5)
FAILED = const(6)
CALLING = const(7)  # our HELLO is out
ASKED = const(8)  # we hold M1, and have asked for the credential of who sent it

CONNECT = const(10)  # our owner, RETRY, or what makes us begin again
M1 = const(11)  # and that it can be answered
M2 = const(12)
M3 = const(13)
CONFIRM = const(14)  # the first frame under the session's keys: M4
YIELD = const(15)
FAIL = const(16)
CALL = const(17)  # our owner, on a link where HELLO goes first
ASK = const(18)

TRANSITIONS = {
    (START, CONNECT): OFFERED,
    (START, M1): ANSWERED,
    (START, CALL): CALLING,
    (START, ASK): ASKED,
    (CALLING, CONNECT): OFFERED,
    (CALLING, YIELD): YIELDED,
    (ASKED, M1): ANSWERED,
    (OFFERED, CONNECT): OFFERED,
    (OFFERED, M2): PROVED,
    (OFFERED, YIELD): YIELDED,
    (YIELDED, CONNECT): OFFERED,
    (YIELDED, CALL): CALLING,
    (PROVED, CONFIRM): OPEN,
    (ANSWERED, M3): OPEN,
    (START, FAIL): FAILED,
    (CALLING, FAIL): FAILED,
    (ASKED, FAIL): FAILED,
    (OFFERED, FAIL): FAILED,
    (YIELDED, FAIL): FAILED,
    (PROVED, FAIL): FAILED,
    (ANSWERED, FAIL): FAILED,
}


def advance(state: int, what: int) -> int:
    """Return the state after ``what`` happened in ``state``.

    :raises Unexpected: it must not happen there
    """
    after = TRANSITIONS.get((state, what))
    if after is None:
        raise Unexpected("handshake input %d in state %d" % (what, state))
    return after


def allows(state: int, what: int) -> bool:
    """Whether ``what`` may happen in ``state``."""
    return (state, what) in TRANSITIONS
