# SPDX-License-Identifier: MIT OR Apache-2.0
"""Makes a new node one of ours, over the cable: keys both ways, then a radio is enough."""

from .operator import Operator, Progress, ProvisionError
from .plan import Plan
from .runner import Result, provision

__all__ = ("Operator", "Plan", "Progress", "ProvisionError", "Result", "provision")
