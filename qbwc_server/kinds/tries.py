"""How often a write is tried that Mosaic fails on, and when. Pure.

A try is a write that the other side answered about this entry. What was not sent is
none, and what was not answered is a doubt, which is looked for. A failure of Mosaic's
own (5xx) is a try of the entry only if Mosaic takes other calls at the same time; else
Mosaic is not there, and that is nobody's try.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

MOST: Final = 5
"""Failures after which a person must act; each later try counts as the last again."""
PAUSES: Final = (
    timedelta(),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
)
"""Before each next try; the first one had the time in which it was looked for."""
MOST_IN_A_ROW: Final = 3
"""Writes of one pass that Mosaic may fail on one after the other. More of them in one
pass would tell nothing new, if it is writing as such that fails."""
FAILED: Final = "Mosaic fails on this one, and takes others. "


def is_about_the_entry(status: int | None, *, others_answered: bool) -> bool:
    """Tell whether a write failed because of what it was about.

    `status` is the HTTP status, None where there was no answer; `others_answered` is
    whether another call of the same team had an answer then.
    """
    return status is not None and status >= 500 and others_answered


def pause(failures: int) -> timedelta | None:
    """Return how long the next try waits, None if a person must act first."""
    if failures >= MOST:
        return None
    return PAUSES[failures - 1] if failures > 0 else timedelta()
