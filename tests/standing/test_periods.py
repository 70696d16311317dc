"""Periods as payroll has them: weeks, fortnights, halves of months and months."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from qbwc_server.standing import periods
from qbwc_server.standing.periods import NotAPeriod, Period


def _told(period: Period | None) -> str:
    return "" if period is None else f"{period.first} {period.last}"


@pytest.mark.parametrize(
    ("day", "title", "told"),
    [
        # A Wednesday, a Monday, a Sunday.
        ("2026-03-04", "Last week", "2026-02-23 2026-03-01"),
        ("2026-03-02", "Last week", "2026-02-23 2026-03-01"),
        ("2026-03-01", "Last week", "2026-02-16 2026-02-22"),
        ("2026-03-04", "This week", "2026-03-02 2026-03-08"),
        ("2026-03-04", "Last two weeks", "2026-02-16 2026-03-01"),
        ("2026-03-15", "This half month", "2026-03-01 2026-03-15"),
        ("2026-03-16", "This half month", "2026-03-16 2026-03-31"),
        ("2026-03-15", "Last half month", "2026-02-16 2026-02-28"),
        ("2026-03-16", "Last half month", "2026-03-01 2026-03-15"),
        ("2024-03-01", "Last month", "2024-02-01 2024-02-29"),
        ("2026-01-01", "Last month", "2025-12-01 2025-12-31"),
        ("2026-01-01", "This month", "2026-01-01 2026-01-31"),
    ],
)
def test_a_day_has_these_periods(day: str, title: str, told: str) -> None:
    """Weeks begin on Monday, halves of months on the first and the sixteenth."""
    assert _told(periods.usual(date.fromisoformat(day))[title]) == told


def test_what_is_shown_first_is_the_last_complete_week() -> None:
    """Whoever opens the page on a Monday morning pays for the week before."""
    assert next(iter(periods.usual(date(2026, 3, 2)))) == "Last week"


@pytest.mark.parametrize(
    ("period", "before", "after"),
    [
        (
            ("2026-03-02", "2026-03-08"),
            "2026-02-23 2026-03-01",
            "2026-03-09 2026-03-15",
        ),
        # A firm's own fortnight, from a Thursday.
        (
            ("2026-02-26", "2026-03-11"),
            "2026-02-12 2026-02-25",
            "2026-03-12 2026-03-25",
        ),
        (
            ("2026-03-01", "2026-03-15"),
            "2026-02-16 2026-02-28",
            "2026-03-16 2026-03-31",
        ),
        (
            ("2026-02-16", "2026-02-28"),
            "2026-02-01 2026-02-15",
            "2026-03-01 2026-03-15",
        ),
        (
            ("2026-03-01", "2026-03-31"),
            "2026-02-01 2026-02-28",
            "2026-04-01 2026-04-30",
        ),
        (("2000-01-01", "2000-01-31"), "", "2000-02-01 2000-02-29"),
        (("2099-12-25", "2099-12-31"), "2099-12-18 2099-12-24", ""),
    ],
)
def test_the_periods_beside_one_are_of_its_kind(
    period: tuple[str, str], before: str, after: str
) -> None:
    """A month is as long as it is, and two weeks are two weeks."""
    one = periods.given(*period)
    assert (_told(one.before), _told(one.after)) == (before, after)


def test_two_weeks_are_found_by_the_day_they_end_on() -> None:
    """Both days are part of them."""
    period = periods.two_weeks("2026-03-06")
    assert (_told(period), period.days) == ("2026-02-21 2026-03-06", 14)


@pytest.mark.parametrize(
    ("first", "last", "told"),
    [
        ("", "2026-03-08", "Please choose both days"),
        ("2026-03-02", " ", "Please choose both days"),
        ("3/2/2026", "2026-03-08", '"3/2/2026" is no day.'),
        ("2026-02-30", "2026-03-08", '"2026-02-30" is no day.'),
        ("20260302", "2026-03-08", '"20260302" is no day.'),
        ("2026-W10-1", "2026-03-08", '"2026-W10-1" is no day.'),
        ("2026-03-08", "2026-03-02", "The last day, 2026-03-02, is before the first"),
        ("1999-12-31", "2026-03-02", "Please choose days between 2000 and 2099."),
        ("2026-03-02", "9999-12-31", "Please choose days between 2000 and 2099."),
        ("x" * 70_000, "2026-03-02", f'"{"x" * 20}" is no day.'),
    ],
)
def test_what_is_no_period_is_said(first: str, last: str, told: str) -> None:
    """In a sentence, and as short as it was long."""
    with pytest.raises(NotAPeriod) as error:
        periods.given(first, last)
    assert told in str(error.value)
    assert len(str(error.value)) < 120


def test_two_weeks_that_end_on_no_day_are_said() -> None:
    """Also where they would begin before there are days."""
    for ending in ("soon", "2000-01-05", "9999-12-31"):
        with pytest.raises(NotAPeriod):
            periods.two_weeks(ending)


def test_a_period_that_is_too_long_is_refused_with_what_to_do() -> None:
    """With both numbers; the longest one is not."""
    quarter = periods.given("2026-07-01", "2026-09-30")
    assert periods.at_most(quarter, 92, "Take a shorter one.") == quarter
    with pytest.raises(
        NotAPeriod, match=r"are 92 days, and at most 91 are shown\. Tak"
    ):
        periods.at_most(quarter, 91, "Take a shorter one.")


def test_a_long_period_is_read_in_parts() -> None:
    """Each of its days is in one of them, once."""
    year = periods.given("2026-01-01", "2026-12-31")
    parts = year.parts(92)
    assert [one.days for one in parts] == [92, 92, 92, 89]
    assert _told(Period(parts[0].first, parts[-1].last)) == _told(year)
    assert parts[1].first.toordinal() == parts[0].last.toordinal() + 1


def test_a_day_begins_where_the_company_file_is() -> None:
    """It is Sunday in California while it is Monday in London."""
    now = datetime(2026, 3, 2, 3, tzinfo=UTC)
    assert periods.today(now, -480) == date(2026, 3, 1)
    assert periods.today(now, None) == date(2026, 3, 2)
