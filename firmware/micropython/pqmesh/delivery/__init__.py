# SPDX-License-Identifier: MIT OR Apache-2.0
"""Messages that survive a session: kept until Delivered, taken once however often sent."""

from .inbox import Inbox
from .outbox import Outbox

__all__ = ("Inbox", "Outbox")
