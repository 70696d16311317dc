"""The time of a plant: it passes by itself, and waiting can be skipped."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class SkippingClock:
    """The true time of a plant, in which hours can be skipped."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def __call__(self) -> datetime:
        """Return this moment."""
        return datetime.now(UTC) + timedelta(seconds=self.skipped)

    def seconds(self) -> float:
        """Return this moment as Unix time."""
        return time.time() + self.skipped

    def wait(self, seconds: float) -> None:
        """Let real time pass."""
        time.sleep(seconds)
