"""A customer's QWCLog.txt explained: which codes are in it, what they mean. Pure.

The log holds user names, tickets and, at its most verbose, whole answers of QuickBooks.
Nothing of that is kept: a finding is a moment, a code of a fixed table, and its words.

Rule 1: codes count only where Web Connector writes them: in a line that begins with its
time, in what it goes on to say of a QBWC code below it, or as the status of an answer
that it dumped. A note that says "QBWC1012" is none.
Rule 2: what cannot be read is passed over; nothing is raised for any text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from qbwc_server import words
from qbwc_server.words import Words

_MARKS: Final = {b"\xff\xfe", b"\xfe\xff"}
MOST_BYTES = 5 * 1024 * 1024
"""Of a longer log the end is read: it is the newest."""
_LINE: Final = re.compile(r"(\d{8})\.(\d\d:\d\d:\d\d) UTC[ \t]*: (.*)")
_CODE: Final = re.compile(r"\bQBWC(\d{4})\b")
_HRESULT: Final = re.compile(r"\b0x8[0-9A-Fa-f]{7}\b")
_STATUS: Final = re.compile(r'<\w{1,60}Rs [^<>]*?\bstatusCode="(\d{1,5})"')
_FIRST_WARNING: Final = 500
_PHRASES: Final = (
    ("Unique OwnerID/FileID pair value required", words.qwc_code(1039)),
    ("is locked by another client", words.LOCKED),
    ("Could not establish trust relationship", words.qwc_code(1048)),
    ("The remote name could not be resolved", words.qwc_code(1012)),
    ("The underlying connection was closed", words.qwc_code(1012)),
    ("Could not start QuickBooks", words.hresult("0x80040408")),
    ("company data file is already open", words.hresult("0x8004040A")),
    ("modal dialog box", words.hresult("0x80040414")),
    ("has not accessed this QuickBooks company", words.hresult("0x80040418")),
    ("does not have permission to access this", words.hresult("0x8004041A")),
    ("is not allowed to log into this QuickBooks", words.hresult("0x8004041D")),
    ("is unable to log into this QuickBooks", words.hresult("0x80040430")),
)
"""What the log says in words where it gives no code; US editions write English."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that went wrong: its words, when last, and at how many moments.

    `last` is None where the log has no readable time before it.
    """

    words: Words
    last: datetime | None
    times: int


def decode(data: bytes) -> str:
    """Return the text of a log in whichever encoding Windows wrote it."""
    data = data[-MOST_BYTES:] if data[:2] not in _MARKS else data[: 2 * MOST_BYTES]
    if data[:2] in _MARKS:
        return data[: len(data) // 2 * 2].decode("utf-16", "replace")[-MOST_BYTES:]
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def findings(text: str) -> tuple[Finding, ...]:
    """Return what went wrong by a log, the newest first and each thing once."""
    moments: dict[str, tuple[Words, list[datetime | None]]] = {}
    for at, found in _seen(text[-MOST_BYTES:]):
        moments.setdefault(found.id, (found, []))[1].append(at)
    told = [
        Finding(found, max((one for one in at if one), default=None), len(set(at)))
        for found, at in moments.values()
    ]
    never = datetime.min.replace(tzinfo=UTC)
    return tuple(sorted(told, key=lambda one: one.last or never, reverse=True))


def _seen(text: str) -> Iterator[tuple[datetime | None, Words]]:
    at: datetime | None = None
    explains = False
    for line in text.splitlines():
        begun = _LINE.match(line)
        if begun is not None:
            at = _moment(begun[1], begun[2]) or at
            yield from ((at, found) for found in _in_line(begun[3]))
            # The cause of such a code has no time of its own; a dump has neither.
            explains = _CODE.search(begun[3]) is not None
        elif line.lstrip().startswith("<"):
            explains = False
        elif explains:
            yield from ((at, found) for found in _in_line(line))
        for status in _STATUS.findall(line):
            if int(status) >= _FIRST_WARNING:
                yield at, words.status(int(status))


def _in_line(said: str) -> Iterator[Words]:
    for number in _CODE.findall(said):
        yield words.qwc_code(int(number))
    for code in _HRESULT.findall(said):
        yield words.hresult(code)
    for phrase, found in _PHRASES:
        if phrase in said:
            yield found


def _moment(day: str, time: str) -> datetime | None:
    try:
        return datetime.strptime(f"{day} {time}", "%Y%m%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
