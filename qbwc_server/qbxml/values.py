"""The values inside qbXML: durations, wall-clock times, booleans, text.

QuickBooks prints times as the host's wall clock with an offset that is the one of
January all year round, so the offset is wrong for half of the year in most places
(seen in real answers, where EditSequence and ListID hold the true Unix second).
Everything here therefore works on the wall-clock part alone.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_DURATION = re.compile(
    r"(?P<sign>[+-]?)PT(?=\d)(?:(?P<h>\d+)H)?(?:(?P<m>\d+)M)?(?:(?P<s>\d+)S)?",
    re.ASCII,
)
_MOST_DIGITS = 18
_WALL = re.compile(r"(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2}:\d{2}))?", re.ASCII)
_NOT_XML = re.compile(
    "[^\t\n\r\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
_FRACTION_SLASH = "\u2044"
_LETTERS_OF_1252 = {
    code: letter
    for code in range(0x80, 0xA0)
    if (letter := bytes([code]).decode("cp1252", "ignore"))
}
_MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"}


class InvalidValue(ValueError):
    """A text that is not a value of the qbXML type it should be."""


@lru_cache(maxsize=1000)
def minutes_from_duration(text: str) -> int:
    """Return the whole minutes of a qbXML timeinterval such as "PT8H30M0S".

    Hours over 24 and minutes over 59 are taken as they are. Seconds are rounded to
    the nearest minute, half a minute away from zero, because QuickBooks keeps none.

    Raises:
        InvalidValue: the text is not `[+-]PTnHnMnS` with at least one number.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None or len(text) > 3 * _MOST_DIGITS:
        raise InvalidValue(f"not a duration: {text[:40]!r}")
    hours, minutes, seconds = (int(match[part] or 0) for part in "hms")
    total = hours * 60 + minutes + (seconds + 30) // 60
    return -total if match["sign"] == "-" else total


def duration_from_minutes(minutes: int) -> str:
    """Return whole minutes as QuickBooks prints them: 510 -> "PT8H30M0S"."""
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else ''}PT{hours}H{rest}M0S"


def wall_clock(text: str) -> str:
    """Return the wall-clock part of a qbXML datetime, without its offset.

    "2026-07-01T10:00:00-05:00" -> "2026-07-01T10:00:00"; a date alone is the start of
    that day, as QuickBooks reads it. Texts of this form sort in time order.

    Raises:
        InvalidValue: the text does not start with a date.
    """
    match = _WALL.match(text.strip())
    if match is None:
        raise InvalidValue(f"not a datetime: {text[:40]!r}")
    return f"{match[1]}T{match[2] or '00:00:00'}"


def wall_clock_minus(wall: str, minutes: int) -> str:
    """Return a wall-clock text moved back by minutes, as QuickBooks takes it.

    A day that does not exist (real answers hold "2015-02-30") counts as the 28th, an
    hour that does not exist as the start of its day: never as later than it says.
    """
    try:
        return (wall_datetime(wall) - timedelta(minutes=minutes)).isoformat()
    except OverflowError:
        return wall_datetime(wall).isoformat()  # there is nothing before the year 1


def wall_datetime(wall: str) -> datetime:
    """Return a wall-clock text as a naive datetime; see `wall_clock_minus`."""
    text = wall_clock(wall)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text[:10] + "T00:00:00")
    except ValueError:
        pass
    try:
        month_start = datetime.fromisoformat(text[:8] + "01T00:00:00")
    except ValueError as error:
        raise InvalidValue(f"not a datetime: {wall[:40]!r}") from error
    day = min(int(text[8:10]), 28)
    return month_start + timedelta(days=max(day, 1) - 1)


def true_offset_minutes(wall: str, edit_sequence: str) -> int | None:
    """Return the host's real offset from UTC in minutes, or None if it cannot be known.

    EditSequence is the Unix second of the last edit in nearly every real record, so
    wall clock minus that second is the true offset, in quarters of an hour between
    -12 and +14 hours. Anything else means that the two tell of different moments.
    """
    if not (edit_sequence.isascii() and edit_sequence.isdigit()):
        return None
    try:
        as_if_utc = wall_datetime(wall).replace(tzinfo=UTC).timestamp()
    except InvalidValue:
        return None
    seconds = as_if_utc - int(edit_sequence[:_MOST_DIGITS])
    quarters = round(seconds / 900)
    if abs(seconds - quarters * 900) > 2 or not -48 <= quarters <= 56:
        return None
    return quarters * 15


def boolean(text: str) -> bool:
    """Return a qbXML boolean; QuickBooks prints true and false, 1 and 0 are legal."""
    if text in {"true", "1"}:
        return True
    if text in {"false", "0"}:
        return False
    raise InvalidValue(f"not a boolean: {text[:40]!r}")


def escape(text: str) -> str:
    """Return text as ASCII XML: markup and all beyond printable ASCII as entities.

    Raw characters above Latin-1 make QuickBooks refuse the whole message set with
    0x80040400, so everything outside U+0020..U+007E goes out as a decimal reference.
    Control characters, which QuickBooks does not take, are left out.
    """
    return "".join(
        _MARKUP.get(char) or (char if " " <= char <= "~" else f"&#{ord(char)};")
        for char in _NOT_XML.sub("", text)
    )


def letters(text: str) -> str:
    """Return text with the letters that QuickBooks means by its code page's numbers.

    `&#146;` is a control character by the rules of XML, and an apostrophe in
    Windows-1252, which a company file holds.
    """
    return text if text.isascii() else text.translate(_LETTERS_OF_1252)


def storable(text: str) -> str:
    """Return the nearest text that a company file can keep.

    A company file holds Windows-1252. Letters beyond it lose their accents, anything
    else beyond it becomes "?".
    """
    composed = unicodedata.normalize("NFC", _NOT_XML.sub("", text))
    return "".join(_nearest(char) for char in composed)


def _nearest(char: str) -> str:
    if _fits(char):
        return char
    if unicodedata.combining(char):
        return ""  # an accent that no letter of Windows-1252 can carry
    apart = unicodedata.normalize("NFKD", char).replace(_FRACTION_SLASH, "/")
    plain = "".join(part for part in apart if _fits(part))
    return plain or "?"


def _fits(char: str) -> bool:
    try:
        char.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


def believed(time: str, now: datetime) -> str:
    """Return the wall clock of a time, "" for one that no clock shows yet."""
    shown = wall(time)
    return shown if shown <= _latest_anywhere(now) else ""


@lru_cache(maxsize=100)
def _latest_anywhere(now: datetime) -> str:
    latest = (now.astimezone(UTC) + timedelta(hours=15)).replace(tzinfo=None)
    return latest.isoformat(timespec="seconds")


def wall(text: str) -> str:
    """Return the wall clock of a time, "" for what is none."""
    try:
        return wall_clock(text)
    except InvalidValue:
        return ""
