"""A point in time by which something must be done. Every call that can wait takes one."""

from __future__ import annotations

import time


class Deadline:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds  # for messages: how long there was
        self._when = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._when - time.monotonic())
