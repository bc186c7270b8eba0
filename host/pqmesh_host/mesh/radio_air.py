# SPDX-License-Identifier: MIT OR Apache-2.0
"""The airtime of one radio link: one account for as long as the node runs, and what is said of it.

Every opening of the link has a gate of its own, for its own engine; what was sent before counts.
"""

from __future__ import annotations

import time

from pqmesh.airtime.passage import Passage
from pqmesh.airtime.plan import RadioPlan
from pqmesh.engine import Engine

from ..driver import now_us
from ..events import Event

SHORT_COMMAND_BYTES = 80
"""The frame of a short command: what must find airtime before one is taken."""


class RadioAir:
    """
    :param strangers: whether nodes without a credential of ours may be called here
    :raises pqmesh.errors.UsageError: the plan cannot work
    """

    def __init__(self, plan: RadioPlan, strangers: bool = False) -> None:
        self.strangers = strangers
        self.budget = plan.budget()
        self.where = f"{plan.region} {plan.band().name}"
        self._passage: Passage | None = None
        self._dropped = 0
        self._held_us = 0

    def passage(self, engine: Engine) -> Passage:
        """A gate for a new engine; the old one's is over."""
        if self._passage is not None:
            self._dropped += self._passage.gate.dropped
            self._held_us += self._passage.gate.held_us
        self._passage = Passage(engine, self.budget)
        return self._passage

    def wait_ms(self) -> int:
        """How long a short frame queued now would wait for airtime, rounded up."""
        now = now_us()
        held = None if self._passage is None else self._passage.held_until_us(now)
        possible = self.budget.next_possible_us(SHORT_COMMAND_BYTES, now)
        return (max(held or now, possible) - now + 999) // 1000

    def waiting_event(self, over: str, until_us: int) -> Event:
        """Frames wait for airtime until then."""
        wait_ms = (until_us - now_us() + 999) // 1000
        return Event(
            kind="airtime",
            over=over,
            text=f"{self.where}: {self.account()}; next possible {clock_in(wait_ms)}",
            details={"retry_in_ms": wait_ms, "next_possible_ms": _unix_ms_in(wait_ms)},
        )

    def account(self) -> str:
        """What was sent, and what may be, in words."""
        budget_us, window_us = self.budget.rule
        used_us = self.budget.used_us(now_us())
        return (
            f"{used_us / 1e6:.1f} s of {budget_us / 1e6:g} s in the last {window_us / 1e6:,.0f} s "
            "are used"
        )

    def status(self) -> dict[str, int | str]:
        """For the snapshot. Times in ms; ``next_in`` is 0 while nothing waits."""
        budget_us, window_us = self.budget.rule
        now = now_us()
        gate = None if self._passage is None else self._passage.gate
        held_until = None if self._passage is None else self._passage.held_until_us(now)
        return {
            "where": self.where,
            "used_ms": self.budget.used_us(now) // 1000,
            "budget_ms": budget_us // 1000,
            "window_ms": window_us // 1000,
            "next_in_ms": 0 if held_until is None else (held_until - now + 999) // 1000,
            "held_ms": (self._held_us + (gate.held_us if gate else 0)) // 1000,
            "dropped": self._dropped + (gate.dropped if gate else 0),
        }


def clock_in(wait_ms: int) -> str:
    """What this machine's clock will show in so many ms."""
    return time.strftime("%H:%M:%S", time.localtime(_unix_ms_in(wait_ms) / 1000))


def _unix_ms_in(wait_ms: int) -> int:
    return time.time_ns() // 1_000_000 + wait_ms
