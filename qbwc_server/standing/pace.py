"""How far the first read of a kind is, and how long it still takes. Pure.

It is noted with the read's cursor at each page, and only told by whoever asks: so the
pages, which several processes make, tell the same.

Rule: the time left does not rise. A page that took longer than usual leaves what is
told as it is, until that is wrong by more than a half.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeVar

Left = TypeVar("Left", float, timedelta)
_LONGEST: Final = timedelta(minutes=5)
"""A pause between two pages that is longer was none of reading."""
_NEARLY: Final = 0.99
"""As much as is told of a read that goes on."""
_WRONG_BY: Final = 2
_SECONDS, _PART = 30.0, 0.25
"""The pace is that of so many seconds, and of such a part of the time so far."""
_FORGOTTEN: Final = 3.0
"""So many times as long, and a pace has nothing any more of what was then."""


def note(
    cursor: dict[str, Any], share: float | None, objects: int, now: datetime
) -> None:
    """Note with the cursor of a read how far a page with so many objects brought it.

    `share` is between 0 and 1, None where nobody knows; one that is less than what is
    noted is not believed.
    """
    before: Mapping[str, Any] | None = cursor.get("pace")
    reached = min(share or 0.0, _NEARLY)
    if before is None:
        # What was before the first page, its own way among them, tells no pace.
        cursor["pace"] = {
            "at": now.isoformat(),
            "worked": 0.0,
            "first": reached,
            "share": reached,
            "met": 0,
            "rate": None,
            "left": None,
        }
        return
    reached = max(before["share"], reached)
    passed = _seconds(now - datetime.fromisoformat(before["at"]))
    rate = before["rate"]
    if passed:
        speed = objects / passed
        long = _long(before["worked"])
        weight = 1.0 if rate is None else 1 - math.exp(-passed / long)
        rate = weight * speed + (1 - weight) * (rate or 0.0)
    pace = {
        "at": now.isoformat(),
        "worked": before["worked"] + passed,
        "first": before["first"],
        "share": reached,
        "met": before["met"] + objects,
        "rate": rate,
    }
    left, told = _left(pace), before["left"]
    if told is not None and left is not None:
        left = held(told, left)
    cursor["pace"] = {**pace, "left": told if left is None else left}


def held(told: Left, left: Left) -> Left:
    """Return the time left that is told after `told`: it rises only where it must."""
    return told if told <= left <= told * _WRONG_BY else left


def told(
    going: Mapping[str, Mapping[str, Any] | None],
    over: Sequence[Mapping[str, Any] | None],
    now: datetime,
) -> dict[str, tuple[float | None, timedelta | None]]:
    """Return of each read that goes on its share, and the time that it still takes.

    `going` are the cursors of these by kind, `over` those of reads that ended lately.
    Pages are read in turn: what ends last goes as fast as all together did before.
    """
    paces = {
        kind: cursor["pace"]
        for kind, cursor in going.items()
        if cursor and cursor.get("pace") and cursor["pace"]["share"]
    }
    lefts = {kind: pace["left"] for kind, pace in paces.items()}
    known = {kind: one for kind, one in lefts.items() if one is not None}
    freed = sum(_freed(cursor, now) for cursor in over)
    if known and (freed or len(known) > 1):
        last = max(known, key=lambda kind: known[kind])
        rate = sum(paces[kind]["rate"] for kind in known) + freed
        lefts[last] = sum(_to_come(paces[kind]) for kind in known) / rate
    return {
        kind: (paces[kind]["share"], None if left is None else _whole(left))
        for kind, left in lefts.items()
    }


def _freed(cursor: Mapping[str, Any] | None, now: datetime) -> float:
    """Return what the others gain by a read that is over, and do not show yet."""
    pace = (cursor or {}).get("pace")
    if not pace or not pace["rate"]:
        return 0.0
    passed = _seconds(now - datetime.fromisoformat(pace["at"])) / _long(pace["worked"])
    return float(pace["rate"]) * math.exp(-passed) if passed < _FORGOTTEN else 0.0


def _long(worked: float) -> float:
    """Return of how many seconds the pace is, by how long was read so far."""
    return max(_SECONDS, worked * _PART)


def _left(pace: Mapping[str, Any]) -> float | None:
    """Return the seconds that a read takes at its pace, None where it has none."""
    if not pace["rate"] or pace["share"] <= pace["first"]:
        return None
    return _to_come(pace) / float(pace["rate"])


def _to_come(pace: Mapping[str, Any]) -> float:
    """Return how many objects are to come, by how many the share so far has."""
    whole = pace["met"] / (pace["share"] - pace["first"])
    return float(whole * (1 - pace["share"]))


def _whole(seconds: float) -> timedelta:
    return timedelta(seconds=round(seconds))


def of_list(cursor: Mapping[str, Any]) -> float | None:
    """Return the share of a list that was met, of as many as QuickBooks told."""
    return cursor["met"] / cursor["total"] if cursor.get("total") else None


def note_numbers(cursor: dict[str, Any], numbers: Sequence[int]) -> None:
    """Note how far back the entries of a page go, by their transaction numbers.

    The middle one counts: a vacation that was entered months ahead is no milestone.
    """
    back: Mapping[str, Any] = cursor.get("back") or {"lowest": None}
    lowest = back["lowest"]
    # Where a slice begins, what was lowest is what it stands below.
    is_same = back.get("from") == cursor.get("from")
    above = back.get("above") if is_same else lowest
    if numbers:
        middle = int(statistics.median(numbers))
        lowest = middle if lowest is None else min(lowest, middle)
    cursor["back"] = {"from": cursor.get("from"), "above": above, "lowest": lowest}


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
    return min(1.0, max(by_days, _by_numbers(cursor)))


def _by_numbers(cursor: Mapping[str, Any]) -> float:
    greatest, back = cursor.get("number") or 0, cursor.get("back") or {}
    if not greatest or back.get("lowest") is None:
        return 0.0
    above = greatest if back["above"] is None else back["above"]
    met, remaining = cursor.get("met") or 0, cursor.get("remaining") or 0
    # The first page of a slice may have its oldest entries.
    of_slice = met / (met + remaining) if met else 1.0
    reached = above - (above - back["lowest"]) * of_slice
    return float((greatest - reached) / greatest)


def _seconds(passed: timedelta) -> float:
    return max(min(passed, _LONGEST), timedelta()).total_seconds()
