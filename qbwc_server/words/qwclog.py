"""A customer's QWCLog.txt explained: which codes are in it, what they mean. Pure.

The log holds user names, tickets and, at its most verbose, whole answers of QuickBooks.
Nothing of that is kept: a finding is a moment, codes of a fixed table, and their words.

An entry is a line that begins with its time, and what follows until the next such line:
below a QBWC code stands its cause. The two are one thing that went wrong, which is told
by its cause, because that says what to do.

Rule 1: codes count only where Web Connector writes them: in a line that begins with its
time, in what it goes on to say of a QBWC code below it, or as the status of an answer
that it dumped. A note that says "QBWC1012" is none.
Rule 2: what cannot be read of a log is passed over. What has neither an entry nor the
head of a log is none, and is not said to be a good one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
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


_HEADS: Final = ("Timestamp format used:", "Log file initialized at")
"""How a log begins that has no entry yet."""
_QBWC_ERROR: Final = "QBWC1031"
"""It says only that something went wrong in a run; what, stands before it."""


class NoLog(ValueError):
    """What was sent is no log of Web Connector; its text says what it is."""


_EMPTY: Final = "That file is empty."
_OTHER_PROGRAM: Final = (
    "That is no text but a file of another program, such as a company file of "
    "QuickBooks."
)
_CONNECTION: Final = (
    "That is the connection file, which Web Connector opens, and not its log."
)
_TABLE: Final = "That is a table (CSV) and not Web Connector's log."
_TEXT: Final = (
    "That is a text but not Web Connector's log: there, lines begin with a day and a "
    "time, such as 20260302.14:00:00 UTC."
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that went wrong: its words, when last, and at how many moments.

    `codes` are Web Connector's own, where the words are of their cause. `last` is None
    where the log has no readable time before it.
    """

    words: Words
    last: datetime | None
    times: int
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Seen:
    """Where one thing was seen; what is said twice in a second is one."""

    words: Words
    moments: set[datetime | None] = field(default_factory=set)
    codes: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class _Entry:
    """What an entry says: codes of its first line, causes, statuses that it dumped."""

    at: datetime | None
    codes: list[Words] = field(default_factory=list)
    causes: list[Words] = field(default_factory=list)
    statuses: dict[str, Words] = field(default_factory=dict)

    def told(self) -> Iterator[tuple[Words, str]]:
        """Yield what went wrong by it, with the code of what is told by its cause."""
        for code in self.codes:
            cause = next((one for one in self.causes if one.id != code.id), None)
            yield (code, "") if cause is None else (cause, code.id)
        if not self.codes and self.causes:
            yield self.causes[0], ""
        for status in self.statuses.values():
            yield status, ""


def decode(data: bytes) -> str:
    """Return the text of a log in whichever encoding Windows wrote it."""
    data = data[-MOST_BYTES:] if data[:2] not in _MARKS else data[: 2 * MOST_BYTES]
    if data[:2] in _MARKS:
        return data[: len(data) // 2 * 2].decode("utf-16", "replace")[-MOST_BYTES:]
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def read(data: bytes) -> tuple[Finding, ...]:
    """Return what went wrong by the log that somebody sent.

    Raises:
        NoLog: it is none.
    """
    text = decode(data)
    if data[:2] not in _MARKS and b"\0" in data:
        raise NoLog(_OTHER_PROGRAM)
    if not text.strip("\ufeff \t\r\n"):
        raise NoLog(_EMPTY)
    if not _is_log(text):
        raise NoLog(_instead(text))
    return findings(text)


def _is_log(text: str) -> bool:
    lines = text.splitlines()
    return any(_LINE.match(one) or one.startswith(_HEADS) for one in lines)


def _instead(text: str) -> str:
    """Say what a text is that is no log."""
    if "<QBWCXML" in text:
        return _CONNECTION
    some = [one for one in text.splitlines()[:20] if one.strip()]
    for separator in ",;\t":
        if len(some) > 1 and all(separator in one for one in some):
            return _TABLE
    return _TEXT


def findings(text: str) -> tuple[Finding, ...]:
    """Return what went wrong by a log, the newest first and each thing once."""
    seen: dict[str, _Seen] = {}
    something = False
    for entry in _entries(text[-MOST_BYTES:]):
        for found, code in entry.told():
            says_only_that = found.id == _QBWC_ERROR
            if says_only_that and something:
                something = False
                continue
            something = not says_only_that
            kept = seen.setdefault(found.id, _Seen(found))
            kept.moments.add(entry.at)
            if code:
                kept.codes[code] = None
    told = [
        Finding(
            one.words,
            max((at for at in one.moments if at), default=None),
            len(one.moments),
            tuple(one.codes),
        )
        for one in seen.values()
    ]
    never = datetime.min.replace(tzinfo=UTC)
    return tuple(sorted(told, key=lambda one: one.last or never, reverse=True))


def _entries(text: str) -> Iterator[_Entry]:
    entry = _Entry(None)
    explains = False
    for line in text.splitlines():
        begun = _LINE.match(line)
        if begun is not None:
            yield entry
            entry = _Entry(_moment(begun[1], begun[2]) or entry.at)
            said = begun[3]
            entry.codes = [words.qwc_code(int(one)) for one in _CODE.findall(said)]
            entry.causes = list(_causes(said))
            # The cause of such a code has no time of its own; a dump has neither.
            explains = bool(entry.codes)
        elif line.lstrip().startswith("<"):
            explains = False
        elif explains:
            entry.causes += _causes(line)
        for status in _STATUS.findall(line):
            if int(status) >= _FIRST_WARNING:
                entry.statuses.setdefault(status, words.status(int(status)))
    yield entry


def _causes(said: str) -> Iterator[Words]:
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
