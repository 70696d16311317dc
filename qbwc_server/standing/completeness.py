"""Whether the hours of a period are complete for payroll, as of both reads. Pure.

Complete is what was read on both sides after the period was over, and where no hours
differ but those that a person or a setting said to leave. Nobody can promise more: time
may be entered for last week tomorrow, so the moments of both reads are told with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from qbwc_server.kinds.gate import Reading
from qbwc_server.kinds.time_entry import in_hours
from qbwc_server.standing.differences import DECIDED

_WESTMOST: Final = timedelta(hours=12)
"""Where it is not known where the company file is, the day ends there last."""
_ITSELF: Final = "Nothing to do: it is read with the next run."


@dataclass(frozen=True, slots=True)
class Missing:
    """Why hours are not complete: in a sentence, who must act, and what he does."""

    what: str
    who_must_act: str
    next_step: str


@dataclass(frozen=True, slots=True)
class Reads:
    """How far both sides were read.

    A side as of a moment shows what it had then; `..._from` is the first day that was
    read at all. `problem` is why QuickBooks' time cannot be read, `unused` counts
    answers of QuickBooks that our program could not use.
    """

    quickbooks_at: datetime | None = None
    quickbooks_from: str | None = None
    problem: str | None = None
    mosaic_at: datetime | None = None
    mosaic_from: str | None = None
    unused: int = 0
    tracks_time: bool = True


@dataclass(frozen=True, slots=True)
class Blame:
    """Who acts before anything is read or written, and what he does; else nobody."""

    who: str = "nobody"
    do: str = _ITSELF


@dataclass(frozen=True, slots=True)
class Group:
    """The hours that differ for one reason and one who acts on it."""

    reason: str
    happened: str
    who_must_act: str
    next_step: str
    entries: int
    quickbooks_minutes: int
    mosaic_minutes: int


def ends_at(last: date, offset_minutes: int | None) -> datetime:
    """Return when a day is over where the company file is."""
    midnight = datetime.combine(last + timedelta(days=1), time(), UTC)
    if offset_minutes is None:
        return midnight + _WESTMOST
    return midnight - timedelta(minutes=offset_minutes)


def mosaic_as_of(
    first: date,
    last: date,
    readings: Iterable[Reading],
    mosaic_from: str | None,
    now: datetime,
) -> datetime | None:
    """Return as of when Mosaic's days of a period are known, None if not all are.

    Days that are too old to be read again were read last when they became so.
    """
    whole = [one for one in readings if one.members is None and one.begun_at <= now]
    found: list[datetime] = []
    for day in _days(first, last):
        name = day.isoformat()
        on_it = [one.begun_at for one in whole if one.first <= name <= one.last]
        older = [
            one.begun_at - (date.fromisoformat(one.first) - day)
            for one in whole
            if mosaic_from is not None and mosaic_from <= name < one.first
        ]
        if not on_it and not older:
            return None
        found.append(max(on_it or older))
    return min(found, default=None)


def missing(
    last: date,
    over_at: datetime,
    reads: Reads,
    groups: Sequence[Group],
    *,
    first: date,
    blame: Blame,
    now: datetime,
) -> list[Missing]:
    """Return all that keeps a period from being complete, none if it is."""
    over = now >= over_at
    found = [*_not_read(first, over_at if over else None, reads, blame)]
    if not over:
        said = f"The period is not over: {last.isoformat()} has not ended there."
        found.insert(0, Missing(said, "nobody", "Nothing to do: ask again then."))
    if reads.unused:
        answers = "1 answer" if reads.unused == 1 else f"{reads.unused} answers"
        found.append(
            Missing(
                f"{answers} of QuickBooks could not be used by our program, and may "
                "hold hours.",
                "support",
                "Please look at it: `qbwc-server exchanges list --problem`.",
            )
        )
    found += [_differing(one) for one in groups if one.reason not in DECIDED]
    return found


def _not_read(
    first: date, over_at: datetime | None, reads: Reads, blame: Blame
) -> Iterator[Missing]:
    if not reads.tracks_time:
        yield Missing(
            "Time tracking is switched off in QuickBooks, so no time is read.",
            "customer",
            "Please switch it on: Edit > Preferences > Time & Expenses.",
        )
    elif reads.problem is not None:
        said = f"QuickBooks' time cannot be read: {reads.problem}"
        yield Missing(said, "support", "Please look at why; the customer was told.")
    for side, at, reached in (
        ("QuickBooks", reads.quickbooks_at, reads.quickbooks_from),
        ("Mosaic", reads.mosaic_at, reads.mosaic_from),
    ):
        told = None
        if reached is None:
            told = f"No time of {side} was read so far."
        elif reached > first.isoformat():
            told = f"Time of {side} is read from {reached} on only so far."
        elif at is None:
            told = f"Time of {side} was not read lately on these days."
        elif over_at is not None and at < over_at:
            told = f"Time of {side} was read last before the period was over."
        if told is not None:
            yield Missing(told, blame.who, blame.do)


def _differing(one: Group) -> Missing:
    entries = "1 entry" if one.entries == 1 else f"{one.entries} entries"
    here, there = in_hours(one.quickbooks_minutes), in_hours(one.mosaic_minutes)
    said = f"{entries}, {here} hours in QuickBooks, {there} in Mosaic: {one.happened}"
    return Missing(said, one.who_must_act, one.next_step)


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=at) for at in range((last - first).days + 1))
