# SPDX-License-Identifier: MIT OR Apache-2.0
"""Progress lines on standard error. Standard output is kept for results (image paths)."""

import sys
import time

HEARTBEAT_S = 5.0


class Progress:
    """Says what a long step is doing: at its start, then every HEARTBEAT_S, then at its end."""

    def __init__(self, subject: str, quiet: bool = False) -> None:
        self._subject = subject
        self._quiet = quiet
        self._started = time.monotonic()
        self._last = self._started

    def about(self, subject: str) -> "Progress":
        """Progress of a step inside this one, under its own name."""
        return Progress(subject, self._quiet)

    def say(self, text: str) -> None:
        """Print one line now."""
        self._last = time.monotonic()
        if not self._quiet:
            print(f"[firmware] {self._subject}: {text}", file=sys.stderr, flush=True)

    def tick(self, text: str) -> None:
        """Print one line if nothing was said for HEARTBEAT_S."""
        if time.monotonic() - self._last >= HEARTBEAT_S:
            self.say(f"{text} ({self.elapsed_s:.0f} s)")

    @property
    def elapsed_s(self) -> float:
        """Seconds since this step began."""
        return time.monotonic() - self._started
