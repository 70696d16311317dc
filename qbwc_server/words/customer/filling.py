"""How far Mosaic is filled, in words for Web Connector's Status column. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta


def filling(
    there: int,
    total: int,
    ends_at: datetime | None,
    *,
    now: datetime,
    offset_minutes: int | None,
) -> str:
    """Say how much of what goes to Mosaic is there, and until when the rest is.

    `offset_minutes` is the company file's distance from UTC; where it is not known yet,
    how long it takes is told and not when it ends.
    """
    said = f"Mosaic has {there:,} of {total:,}"
    if ends_at is None:
        return f"{said}, the rest follows."
    if offset_minutes is None:
        return f"{said}, the rest in about {_length(ends_at - now)}."
    offset = timedelta(minutes=offset_minutes)
    return f"{said}, done about {clock_time(ends_at + offset, now + offset)}."


def clock_time(moment: datetime, now: datetime) -> str:
    """Return a moment of the days to come as people of the United States say it."""
    hour = f"{moment.hour % 12 or 12}"
    minute = f":{moment.minute:02}" if moment.minute else ""
    told = f"{hour}{minute} {'am' if moment.hour < 12 else 'pm'}"
    days = (moment.date() - now.date()).days
    if days == 0:
        return told
    if days == 1:
        return f"{told} tomorrow"
    return f"{told} on {moment:%A}" if days < 7 else f"{moment:%B} {moment.day}"


def _length(length: timedelta) -> str:
    minutes = max(1, round(length.total_seconds() / 60))
    if minutes < 120:
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    return f"{round(minutes / 60):,} hours"
