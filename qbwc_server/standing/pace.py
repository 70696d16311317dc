"""How far the first read of a kind is, and how long it still takes. Pure.

It is noted with the read's cursor at each page, and only told by whoever asks: so the
pages, which several processes make, tell the same.

Rule: the time left does not rise. A page that took longer than usual leaves what is
told as it is, until that is wrong by more than a half.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

_LONGEST: Final = timedelta(minutes=5)
"""A pause between two pages that is longer was none of reading."""
_NEARLY: Final = 0.99
"""As much as is told of a read that goes on."""
_WRONG_BY: Final = 2


def note(cursor: dict[str, Any], share: float | None, now: datetime) -> None:
    """Note with the cursor of a read how far a page has brought it.

    `share` is between 0 and 1, None where nobody knows; one that is less than what is
    noted is not believed. The cursor's `began` is when the read began.
    """
    before: Mapping[str, Any] = cursor.get("pace") or {}
    since = datetime.fromisoformat(before.get("at") or cursor["began"])
    worked = before.get("worked", 0.0) + _seconds(now - since)
    reached = max(before.get("share", 0.0), min(share or 0.0, _NEARLY))
    left = worked * (1 - reached) / reached if reached else None
    told = before.get("left")
    if told is not None and left is not None and told <= left <= _WRONG_BY * told:
        left = told
    cursor["pace"] = {
        "at": now.isoformat(),
        "worked": round(worked, 1),
        "share": reached,
        "left": left,
    }


def told(cursor: Mapping[str, Any] | None) -> tuple[float | None, timedelta | None]:
    """Return what share of a read is done, and the time that it still takes."""
    pace = (cursor or {}).get("pace")
    if not pace or not pace["share"]:
        return None, None
    left = pace["left"]
    return pace["share"], None if left is None else timedelta(seconds=round(left))


def of_list(cursor: Mapping[str, Any]) -> float | None:
    """Return the share of a list that was met, of as many as QuickBooks told."""
    return cursor["met"] / cursor["total"] if cursor.get("total") else None


def note_numbers(cursor: dict[str, Any], numbers: Sequence[int]) -> None:
    """Note how far back the entries of a page go, by their transaction numbers.

    The middle one counts: a vacation that was entered months ahead is no milestone.
    """
    if numbers:
        middle = int(statistics.median(numbers))
        cursor["lowest"] = min(cursor.get("lowest") or middle, middle)


def of_time(cursor: Mapping[str, Any], today: date) -> float | None:
    """Return the share of time that was read, going back slice by slice from today.

    QuickBooks numbers a file's transactions as they are entered, so the greatest number
    tells how many there are, whatever years they are of. Where the file is older than
    what is read of it, its days tell more.
    """
    if not cursor.get("from"):
        return None
    whole = (today - date.fromisoformat(cursor["start"])).days
    past = (today - date.fromisoformat(cursor["to"] or today.isoformat())).days
    by_days = past / whole if whole > 0 else 0.0
    greatest = cursor.get("number") or 0
    lowest = cursor.get("lowest") or greatest
    by_numbers = (greatest - lowest) / greatest if greatest else 0.0
    return min(1.0, max(by_days, by_numbers))


def _seconds(passed: timedelta) -> float:
    return max(min(passed, _LONGEST), timedelta()).total_seconds()
