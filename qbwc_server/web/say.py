"""How pages and downloads write moments, numbers, states and cells. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from qbwc_server.standing import MOST

NEEDS: Final = {
    "needs_you": "Needs you",
    "on_its_way": "On its way",
    "waiting": "Waiting",
    "in_sync": "In sync",
    "left_out": "Left out",
}
_WAYS_OUT: Final = {
    "in_sync": "Nothing to do.",
    "pending": "Nothing to do: it is delivered by itself.",
    "unlinked": "Mend what the reason names; it then goes by itself.",
    "locked": "Nothing to do: it goes when the lock in QuickBooks is lifted.",
    "conflict": "Say which side is right, under Conflicts.",
    "do_not_link": "Nothing to do: a person took it out.",
    "refused": "Mend what the reason names; it is tried again by itself.",
    "gone": "Nothing to do: it was deleted and is kept for the history.",
}
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def way_out(kind: str, state: str) -> str:
    """Return who does what next about a record of a kind in a state."""
    if (kind, state) == ("time_entry", "unlinked"):
        return "Nothing to do here: it goes when what the reason names is linked."
    return _WAYS_OUT[state]


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago a moment is, or in how long it comes, in round words."""
    distance = now - moment
    if abs(distance) < timedelta(minutes=1):
        return "just now" if distance >= timedelta() else "in less than a minute"
    told = span(abs(distance))
    return f"{told} ago" if distance > timedelta() else f"in {told}"


def span(length: timedelta) -> str:
    """Return a length of time in its greatest unit: "5 minutes", "2 days"."""
    for unit, size in (
        ("day", timedelta(days=1)),
        ("hour", timedelta(hours=1)),
        ("minute", timedelta(minutes=1)),
    ):
        count = length // size
        if count >= 1:
            return f"{count:,} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"


def number(count: int) -> str:
    """Return a count, which stops at `MOST` + 1."""
    return f"more than {MOST:,}" if count > MOST else f"{count:,}"


def iso(moment: datetime) -> str:
    """Return a moment for programs."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc(moment: datetime) -> str:
    """Return a moment for people; the page's script turns it into their own time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def cell(value: object) -> str:
    """Return a cell of a CSV file that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
