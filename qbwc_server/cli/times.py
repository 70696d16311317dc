"""Moments and days as people type them in commands."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import click

MOMENT: Final = click.DateTime(
    [
        *("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"),
        *("%Y-%m-%d %H:%M%z", "%Y-%m-%d %H:%M:%S%z", "%Y-%m-%dT%H:%M:%S%z"),
    ]
)
CLOCK: Final = "by the clock of --company's computer, else in UTC"


def in_utc(moment: datetime | None, offset_minutes: int | None) -> datetime | None:
    """Return a moment in UTC; one that tells no zone is of a clock so far from UTC."""
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=UTC) - timedelta(minutes=offset_minutes or 0)


class _Days(click.ParamType[Any]):
    """A day, or the first and the last of some: 2026-11-16..2026-11-22."""

    name = "day or day..day"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str | None, str | None]:
        first, dots, last = str(value).partition("..")
        try:
            days = [date.fromisoformat(one).isoformat() for one in (first, last) if one]
        except ValueError:
            self.fail(f"{value!r} is no day, nor day..day", param, ctx)
        if not days:
            self.fail(f"{value!r} names no day", param, ctx)
        if not dots:
            return days[0], days[0]
        return (days[0] if first else None, days[-1] if last else None)


DAYS: Final = _Days()
