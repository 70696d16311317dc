"""What the address of a page of the console asks for.

A strange key is none; of what people type, it is said what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from flask import request

from qbwc_server.support import console
from qbwc_server.support.tables import NotThere
from qbwc_server.web.asked import whole

MOST_TEXT: Final = 100
_OF_LIST: Final = {"records": ("person", "job"), "exchanges": ("message",)}


def text(name: str) -> str:
    """Return a text that the address asks for, without what is around it."""
    return request.args.get(name, "").strip()[:MOST_TEXT]


def only_of(what: str) -> dict[str, Any]:
    """Return what `Filter` has of one list alone, as it was typed."""
    return {name: text(name) for name in _OF_LIST.get(what, ())}


def days() -> dict[str, str]:
    """Return the first and the last day that the address asks for, as typed."""
    return {name: text(name) for name in ("first", "last")}


def span(
    what: str, days: Mapping[str, str], offset: int, now: datetime
) -> dict[str, Any]:
    """Return what `Filter` has of days: of work, or by the clock of the computer.

    Messages are looked through until `now` where no last day is told.

    Raises:
        NotThere: what was typed is no day, or the last one comes first.
    """
    typed = {name: _day(days[name]) for name in ("first", "last") if days[name]}
    if len(typed) > 1 and typed["last"] < typed["first"]:
        raise NotThere("The last day comes before the first one: change one of them.")
    if what == "records":
        return {name: day.isoformat() for name, day in typed.items()}
    found: dict[str, Any] = {"until": now} if text("message") else {}
    for name, day, more in (("since", "first", 0), ("until", "last", 1)):
        if day in typed:
            there = datetime.combine(typed[day], datetime.min.time(), UTC)
            found[name] = there + timedelta(days=more, minutes=-offset)
    return found


def _day(typed: str) -> date:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        raise NotThere(f"{typed!r} is no day: write it as 2026-11-24.") from None


def key_of(name: str) -> int | None:
    """Return the key that a page goes on from; a strange one is none."""
    value = request.args.get(name, type=whole)
    return value if value is not None and 0 < value <= console.GREATEST else None
