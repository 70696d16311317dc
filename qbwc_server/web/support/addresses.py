"""What the address of a page of the console asks for; a strange value is none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from flask import request

from qbwc_server.support import console
from qbwc_server.web.asked import whole

MOST_TEXT: Final = 100


def day(name: str) -> str:
    """Return a day that the address asks for; a strange one is none."""
    try:
        return date.fromisoformat(request.args.get(name, "")).isoformat()
    except ValueError:
        return ""


def span(what: str, days: Mapping[str, str], offset: int) -> dict[str, Any]:
    """Return what `Filter` has of days: of work, or by the clock of the computer."""
    if what == "records":
        return dict(days)
    span: dict[str, Any] = {}
    for name, day, more in (("since", "first", 0), ("until", "last", 1)):
        if days[day]:
            there = datetime.fromisoformat(days[day]).replace(tzinfo=UTC)
            span[name] = there + timedelta(days=more, minutes=-offset)
    return span


def key_of(name: str) -> int | None:
    """Return the key that a page goes on from; a strange one is none."""
    value = request.args.get(name, type=whole)
    return value if value is not None and 0 < value <= console.GREATEST else None
