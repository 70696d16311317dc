"""How pages and downloads write moments, numbers, states and cells. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from qbwc_server.standing.who_must_act import MOST

_BLANK: Final = ("\t", "\r")
_FORMULA: Final = re.compile(
    r"(^|[;,|\t\r\n\"'])(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20])"
)
"""Where a formula begins, whatever separates cells where the file is opened."""


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
    """Return a cell of a CSV file of which no spreadsheet takes a part for a formula.

    Where Excel's separator is ";" it cuts our lines there, in the middle of a cell. A
    number is none, also one below zero: what is to be added up stays a number.
    """
    if isinstance(value, int | float):
        return str(value)
    text = "" if value is None else str(value)
    if text.startswith(_BLANK):
        text = f"'{text}"
    return _FORMULA.sub(r"\1'", text)
