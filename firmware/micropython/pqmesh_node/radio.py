# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a node's plan makes of a link that others share: airtime, floors, the network's key.

Provisioning stored the plan (plan.py); a node on a shared link keeps it from its first frame on.
Imported where there is such a link only: a node on a cable pays nothing for it.
"""

from pqmesh.airtime.passage import Passage
from pqmesh.airtime.plan import RadioPlan
from pqmesh.compat import TYPE_CHECKING
from pqmesh.engine.floors import NEVER, Floors, Policy
from pqmesh.errors import Malformed, UsageError
from pqmesh.wire.resumption import HS_R

from . import plan as plans
from .settings import SettingsError

if TYPE_CHECKING:
    from typing import Any

    from pqmesh.limits import LinkProfile

    from .store import Store
    from .vault import Vault


class Radio:
    """One link's. ``ports``: what an Engine takes by name, besides what custody gives.

    :param profile: of the link
    :raises SettingsError: the stored plan cannot be kept
    """

    def __init__(self, store: "Store", vault: "Vault", profile: "LinkProfile") -> None:
        plan = _stored(store)
        rules = plan.get("floors", {})
        policy = Policy(rules.get("strangers", NEVER), rules.get("minimum", HS_R), {})
        self.ports: "dict[str, Any]" = {
            "floors": Floors(profile, policy),
            "network_key": vault.load(plans.NETWORK_KEY),
        }
        self._budget = None if "radio" not in plan else _checked(plan).budget()
        self._passage: "Passage | None" = None

    def passage(self, engine: "Any") -> "Passage | None":
        """A gate for a new engine; None: no radio is planned, nothing limits this link."""
        if self._budget is not None:
            self._passage = Passage(engine, self._budget)
        return self._passage

    def status(self, now_ms: int) -> "dict[str, int] | None":
        """On-time in ms, of how much in what window; and when what waits may go, 0: now."""
        if self._budget is None or self._passage is None:
            return None
        now_us = now_ms * 1000
        budget_us, window_us = self._budget.rule
        held_until = self._passage.held_until_us(now_us)
        return {
            "used_ms": self._budget.used_us(now_us) // 1000,
            "budget_ms": budget_us // 1000,
            "window_ms": window_us // 1000,
            "next_in_ms": 0 if held_until is None else (held_until - now_us + 999) // 1000,
            "dropped": self._passage.gate.dropped,
        }


def planned_profile(store: "Store") -> "LinkProfile":
    """The profile of the radio that the stored plan names.

    :raises SettingsError: there is none, or it cannot work
    """
    plan = _stored(store)
    if "radio" not in plan:
        raise SettingsError(
            "radio: this node has no radio plan; provision it over its cable first"
        )
    return _checked(plan).profile()


def _stored(store: "Store") -> "dict[str, Any]":
    try:
        return plans.load(store)
    except Malformed as error:
        raise SettingsError("the plan does not parse (%s); provision the node again" % error)


def _checked(plan: "dict[str, Any]") -> RadioPlan:
    radio = plan["radio"]
    planned = RadioPlan(
        radio.get("region", "GENERIC"),
        radio["hz"],
        radio["sf"],
        max(radio["bw"] * 1000, 7_800),
        radio["cr"] - 4,
        radio["permille"],
    )
    try:
        planned.profile()
    except UsageError as error:
        raise SettingsError("the radio plan cannot work: %s" % error)
    return planned
