"""Times as a company file has them: the PC's wall clock with January's offset.

Real answers show the wall clock right and the offset wrong for half of the year:
QuickBooks prints the offset its zone has in January all year round (for example
-05:00 in New York in July). A filter that carries an offset is read against that same
wrong one; a filter without offset is wall clock.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_FILTER: Final = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:T(\d{1,2})(?::(\d{1,2})(?::(\d{1,2})([+-]\d{1,2}:\d{1,2})?)?)?)?"
)


def wall(seconds: float, zone: str) -> str:
    """Return a Unix second as wall clock, "YYYY-MM-DDThh:mm:ss"."""
    moment = datetime.fromtimestamp(int(seconds), ZoneInfo(zone))
    return moment.replace(tzinfo=None).isoformat()


def seconds_of(wall_text: str, zone: str) -> int:
    """Return the Unix second of a wall clock; the first one where it comes twice."""
    moment = datetime.fromisoformat(wall_text).replace(tzinfo=ZoneInfo(zone))
    return int(moment.timestamp())


def printed(seconds: float, zone: str) -> str:
    """Return a Unix second as QuickBooks prints it, with January's offset."""
    text = wall(seconds, zone)
    return text + _offset_text(_january(int(text[:4]), zone))


def wall_of_filter(text: str, zone: str, *, end: bool = False) -> str:
    """Return the wall clock a datetime in a filter stands for.

    Args:
        text: A qbXML datetime; parts left out count as zero.
        zone: The company file's zone, for a text that carries an offset.
        end: Whether a date alone means the end of that day instead of its start.

    Raises:
        ValueError: There is no such day or time.
    """
    match = _FILTER.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    year, month, day, hour, minute, second = (
        int(part or 0) for part in match.groups()[:6]
    )
    if end and match[4] is None:
        hour, minute, second = 23, 59, 59
    moment = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - wall clock
    if match[7]:
        hours, minutes = match[7][1:].split(":")
        given = timedelta(hours=int(hours), minutes=int(minutes))
        given = -given if match[7].startswith("-") else given
        moment += _january(year, zone) - given
    return moment.isoformat()


def _january(year: int, zone: str) -> timedelta:
    moment = datetime(year, 1, 15, 12, tzinfo=UTC).astimezone(ZoneInfo(zone))
    return moment.utcoffset() or timedelta()


def _offset_text(offset: timedelta) -> str:
    minutes = int(offset.total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
