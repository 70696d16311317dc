"""Periods of days for which hours are asked, as payroll has them. Pure.

A week begins on Monday, as QuickBooks' own weekly timesheet does unless a firm says
otherwise; two weeks that end on any day are asked by that day, and the periods before
and after one are as long as it, so that a firm's own fortnight is found once.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Self

_DAY: Final = timedelta(days=1)
_HALF: Final = 15
_WRITTEN: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EARLIEST, _LATEST = date(2000, 1, 1), date(2099, 12, 31)


class NotAPeriod(ValueError):
    """What was asked for is no period; its text says why, for who asked."""


@dataclass(frozen=True, slots=True)
class Period:
    """The days from `first` to `last`, both of which are part of it."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    @property
    def before(self) -> Self | None:
        """The one of its kind that ends as it begins, None where time begins."""
        return self._beside(self.first - _DAY, is_before=True)

    @property
    def after(self) -> Self | None:
        """The one of its kind that begins as it ends, None where time ends."""
        return self._beside(self.last + _DAY, is_before=False)

    def _beside(self, next_day: date, *, is_before: bool) -> Self | None:
        if self in {_half(self.first), _month(self.first)}:
            of = _month if self == _month(self.first) else _half
            found = of(next_day)
        elif is_before:
            found = Period(self.first - timedelta(days=self.days), next_day)
        else:
            found = Period(next_day, self.last + timedelta(days=self.days))
        if found.first < _EARLIEST or found.last > _LATEST:
            return None
        return type(self)(found.first, found.last)

    def parts(self, most: int) -> list[Self]:
        """Return it in periods of at most so many days, in their order."""
        starts = range(0, self.days, most)
        return [
            type(self)(
                self.first + timedelta(days=at),
                min(self.last, self.first + timedelta(days=at + most - 1)),
            )
            for at in starts
        ]


def today(now: datetime, offset_minutes: int | None) -> date:
    """Return which day it is where the company file is; where nobody knows, in UTC."""
    return (now + timedelta(minutes=offset_minutes or 0)).date()


def usual(day: date) -> dict[str, Period]:
    """Return the periods that a bookkeeper asks for on a day, by their titles.

    The first is the last complete week.
    """
    this = _week(day)
    last = _week(this.first - _DAY)
    half, month = _half(day), _month(day)
    return {
        "Last week": last,
        "This week": this,
        "Last two weeks": Period(last.first - timedelta(days=7), last.last),
        "Last half month": _half(half.first - _DAY),
        "This half month": half,
        "Last month": _month(month.first - _DAY),
        "This month": month,
    }


def two_weeks(ending: str) -> Period:
    """Return the two weeks that end on a day.

    Raises:
        NotAPeriod: it is no day.
    """
    last = _day(ending)
    return _within(last - timedelta(days=13), last)


def given(first: str, last: str) -> Period:
    """Return the period between two days as forms write them: 2026-03-02.

    Raises:
        NotAPeriod: one of them is no day, or the last one is before the first.
    """
    begin, end = _day(first), _day(last)
    if end < begin:
        raise NotAPeriod(
            f"The last day, {end}, is before the first, {begin}. Please change one."
        )
    return _within(begin, end)


def at_most(period: Period, days: int, instead: str) -> Period:
    """Return a period that is not too long.

    Raises:
        NotAPeriod: it is; `instead` says what to do.
    """
    if period.days > days:
        raise NotAPeriod(
            f"{period.first} to {period.last} are {period.days:,} days, and at most "
            f"{days:,} are shown. {instead}"
        )
    return period


def _within(first: date, last: date) -> Period:
    if first < _EARLIEST or last > _LATEST:
        years = f"{_EARLIEST.year} and {_LATEST.year}"
        raise NotAPeriod(f"Please choose days between {years}.")
    return Period(first, last)


def _day(text: str) -> date:
    said = text.strip()
    if not said:
        raise NotAPeriod("Please choose both days, the first and the last.")
    try:
        # ISO 8601 also has days without dashes, and by weeks, which nobody means here.
        if _WRITTEN.fullmatch(said):
            return date.fromisoformat(said)
    except ValueError:
        pass
    raise NotAPeriod(
        f'"{said[:20]}" is no day. Please write it as 2026-03-02: year, month, day.'
    )


def _week(day: date) -> Period:
    first = day - timedelta(days=day.weekday())
    return Period(first, first + timedelta(days=6))


def _half(day: date) -> Period:
    whole = _month(day)
    if day.day <= _HALF:
        return Period(whole.first, day.replace(day=_HALF))
    return Period(day.replace(day=_HALF + 1), whole.last)


def _month(day: date) -> Period:
    last = monthrange(day.year, day.month)[1]
    return Period(day.replace(day=1), day.replace(day=last))
