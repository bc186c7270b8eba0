# SPDX-License-Identifier: MIT OR Apache-2.0
"""What is known of objects that came: which are here, which are no good, and who else has them."""

from ..compat import const
from .carousel import NEIGHBOURS

AGAIN_MS = const(600_000)  # before it is said once more that an object is here
BAD_HEADS = const(4)  # digests of heads that lied


class Known:
    """One object that came whole."""

    def __init__(self, object_id: bytes, digest: bytes) -> None:
        self.object_id = object_id
        self.digest = digest
        self.good = False  # the owner has accepted it
        self.say_at: "int | None" = None
        self.said_at: "int | None" = None
        self._heard: "list[bytes]" = []  # dtags that said it since we last meant to

    def plan(self, at: int, now: int) -> None:
        """Say at ``at`` that it is here, unless that was said lately."""
        lately = self.said_at is not None and now < self.said_at + AGAIN_MS
        if self.good and self.say_at is None and not lately:
            self.say_at = at

    def on_have(self, dtag: bytes, now: int) -> None:
        """Somebody else says it. When enough do, we need not."""
        if dtag not in self._heard:
            self._heard.append(dtag)
        if len(self._heard) >= NEIGHBOURS:
            self.said(now)

    def said(self, now: int) -> None:
        """It was said, by us or by enough others."""
        self.said_at = now
        self.say_at = None
        self._heard = []


class Library:
    """At most ``capacity`` objects; the oldest is forgotten, and then taken in once more."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._known: "list[Known]" = []
        self._liars: "list[bytes]" = []

    def find(self, object_id: bytes) -> "Known | None":
        """Return what is known of an object, or None."""
        for known in self._known:
            if known.object_id == object_id:
                return known
        return None

    def add(self, object_id: bytes, digest: bytes) -> Known:
        """Note an object that has come; until the owner accepts it, it is no good."""
        known = self.find(object_id)
        if known is None:
            known = Known(object_id, digest)
            if len(self._known) >= self._capacity:
                self._known.pop(0)
            self._known.append(known)
        return known

    def forget(self, object_id: bytes) -> None:
        """Know nothing of an object any more."""
        self._known = [known for known in self._known if known.object_id != object_id]

    def lied(self, head_digest: bytes) -> None:
        """Note the head of a flow that was not the object it said."""
        self._liars = (self._liars + [head_digest])[-BAD_HEADS:]

    def is_liar(self, head_digest: bytes) -> bool:
        """Whether that flow has been in vain before."""
        return head_digest in self._liars

    def due(self, now: int) -> "Known | None":
        """Return an object of which it is to be said now that it is here."""
        for known in self._known:
            if known.say_at is not None and known.say_at <= now:
                return known
        return None

    def moments(self) -> "list[int | None]":
        """Return when there will be something to say."""
        return [known.say_at for known in self._known]
