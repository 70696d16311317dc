"""The chart of the last month's runs: what an SVG needs to be drawn. Pure.

Colour is not all that tells: what went wrong is hatched, and a table says the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from qbwc_server.onboarding.company_status import Day

WIDTH: Final = 600
HEIGHT: Final = 120
_GAP: Final = 3
_LEAST: Final = 4
"""What the height stands for at least: one run is no tower."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One day: where its bar stands, and how high both of its parts are."""

    day: date
    runs: int
    troubled: int
    x: float
    width: float
    good: float
    bad: float

    @property
    def label(self) -> str:
        """The day in words."""
        wrong = f", {self.troubled} with trouble" if self.troubled else ""
        return (
            f"{self.day:%d %b}: {self.runs} run{'' if self.runs == 1 else 's'}{wrong}"
        )


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars for each day, the oldest first; `most` is what the height stands for."""

    bars: tuple[Bar, ...]
    most: int
    runs: int
    troubled: int
    width: int = WIDTH
    height: int = HEIGHT


def draw(days: Sequence[Day]) -> Chart:
    """Return the chart of days; the days are at least one."""
    most = max(_LEAST, *(day.runs for day in days))
    unit = HEIGHT / most
    step = WIDTH / len(days)
    bars = tuple(
        Bar(
            day.day,
            day.runs,
            day.troubled,
            x=round(place * step, 1),
            width=round(step - _GAP, 1),
            good=round((day.runs - day.troubled) * unit, 1),
            bad=round(day.troubled * unit, 1),
        )
        for place, day in enumerate(days)
    )
    runs, troubled = sum(d.runs for d in days), sum(d.troubled for d in days)
    return Chart(bars, most, runs, troubled)
