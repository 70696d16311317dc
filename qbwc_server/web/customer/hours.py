"""Hours of a period on both sides, before payroll: as a page, on paper, and as CSV.

Rule: the page does not grow with the company. Its days, its rows and the entries below
a reason are bounded, and what is more is counted there and is in the CSV, part by part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from flask import Blueprint, Response, request

from qbwc_server.companies.registry import Company
from qbwc_server.standing import hours, hours_report, periods
from qbwc_server.standing.completeness import Group
from qbwc_server.standing.hours import Hours
from qbwc_server.standing.hours_report import By, Report, Sum
from qbwc_server.standing.periods import NotAPeriod, Period
from qbwc_server.storage.database import company_reading
from qbwc_server.web import csv_file
from qbwc_server.web.customer.site import Site
from qbwc_server.words import hours as hour_words
from qbwc_server.words import questions

MOST_DAYS: Final = 92
"""A quarter: what a page shows."""
MOST_READ: Final = 10_000
"""Entries for one page, which are two or three seconds of a server's time."""
AT_ONCE: Final = 31
"""Days that are read at once for a file."""
MOST_IN_FILE: Final = 3_660
MOST_ROWS: Final = 200
MOST_ENTRIES: Final = 50
_SHORTER: Final = "Please choose a shorter period, or download this one."
_TOO_MANY: Final = (
    f"These days have more than {MOST_READ:,} entries, which are too many for a page. "
    f"{_SHORTER}"
)
_SHORTER_FILE: Final = "Please choose a shorter period."
_HEADER: Final = (
    *("day", "person", "job", "item"),
    *("QuickBooks minutes", "QuickBooks hours", "Mosaic minutes", "Mosaic hours"),
    *("difference minutes", "difference hours"),
    *("reason", "why", "who acts", "what to do"),
    *("QuickBooks id", "Mosaic id", "number"),
)
_RECORD: Final = (
    "/records?need=needs_you&kind=time_entry&after={before}",
    "Show its record",
)
_OF_ENTRY: Final = {
    "conflict": ("/conflicts?after={before}", "Say which side is right"),
    **dict.fromkeys(("restored", "perhaps_known", "refused"), _RECORD),
}
"""Where the buttons of an entry are, and what the link there is called, by reason."""
_OF_REASON: Final = {
    "preview": ("/preview", "Look at the preview"),
    "late": ("/connect", "How to connect"),
    "stopped": ("/overview", "What the connection needs"),
    "person": ("/choices?list=people", "Say who it is in Mosaic"),
    "job": ("/choices?list=jobs", "Say what it is in Mosaic"),
    "item": ("/choices?list=items", "Say what it is in Mosaic"),
    "before_live": ("/questions", "Say it for all of them"),
}
"""Where the buttons for all entries of a reason are."""


_WHO: Final = {"customer": "you", "support": "our support", "nobody": "nobody"}
_SUMS: Final[dict[str, By]] = {"Person": "person", "Job": "job"}


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums of people or jobs: `rest` is of `more` that have no row on the page."""

    rows: Sequence[Sum]
    more: int
    rest: Sum | None


@dataclass(frozen=True, slots=True)
class Part:
    """A reason for a difference, with some of its lines and how many more there are."""

    group: Group
    lines: Sequence[Hours]
    more: int
    link: tuple[str, str] | None

    @property
    def has_own(self) -> bool:
        """Whether any line says more than its reason, or has buttons of its own."""
        told = self.group.happened
        return self.group.reason in _OF_ENTRY or any(
            one.why != told for one in self.lines
        )


def blueprint(site: Site) -> Blueprint:
    """Return GET hours and hours.csv below /setup/<token>."""
    pages = Blueprint("hours", __name__)

    @pages.get("/setup/<token>/hours")
    def page(token: str) -> Response:
        company = site.company(token)
        day = periods.today(site.clock(), company.offset_minutes)
        asked = None
        try:
            asked = _asked(day)
            shown = periods.at_most(asked, MOST_DAYS, _SHORTER)
        except NotAPeriod as error:
            return _refused(site, token, company, str(error), asked)
        report = _report(site, company, shown)
        if report is None:
            return _refused(site, token, company, _TOO_MANY, shown)
        return _told(site, token, company, shown, report)

    @pages.get("/setup/<token>/hours.csv")
    def file(token: str) -> Response:
        company = site.company(token)
        try:
            asked = _asked(periods.today(site.clock(), company.offset_minutes))
            asked = periods.at_most(asked, MOST_IN_FILE, _SHORTER_FILE)
        except NotAPeriod as error:
            return _refused(site, token, company, str(error), None)
        name = f"hours-{asked.first}-{asked.last}.csv"
        return csv_file.answer(name, _HEADER, map(_row, _lines(site, company, asked)))

    return pages


def _asked(day: date) -> Period:
    """Return the period that a request asks for; without one it is the last week."""
    said = request.args
    if ending := said.get("ending", ""):
        return periods.two_weeks(ending)
    first, last = said.get("from", ""), said.get("to", "")
    if not first and not last:
        return next(iter(periods.usual(day).values()))
    return periods.given(first, last)


def _report(site: Site, company: Company, shown: Period) -> Report | None:
    """Return what is told of a period, None if it has too many entries for a page."""
    first, last = shown.first, shown.last
    with company_reading(site.engine, company.id) as connection:
        days = (first.isoformat(), last.isoformat())
        if hours.are_more(connection, company.id, *days, than=MOST_READ):
            return None
        return hours_report.of(connection, company, first, last, site.clock())


def _lines(site: Site, company: Company, asked: Period) -> Iterator[Hours]:
    """Yield all lines of a period; years are not read into memory at once."""
    for at, part in enumerate(asked.parts(AT_ONCE)):
        days = (part.first.isoformat(), part.last.isoformat())
        with company_reading(site.engine, company.id) as connection:
            found = hours.of(connection, company, *days)
        # What could not be read has no day: it is in every period, and here once.
        yield from (one for one in found if at == 0 or one.day is not None)


def _refused(
    site: Site, token: str, company: Company, notice: str, too_long: Period | None
) -> Response:
    day = periods.today(site.clock(), company.offset_minutes)
    return site.page(
        "hours",
        token,
        company,
        status=400,
        active="hours",
        notice=notice,
        too_long=too_long,
        usual=periods.usual(day),
        period=None,
    )


def _told(
    site: Site, token: str, company: Company, shown: Period, report: Report
) -> Response:
    usual = periods.usual(periods.today(site.clock(), company.offset_minutes))
    return site.page(
        "hours",
        token,
        company,
        active="hours",
        notice="",
        too_long=None,
        usual=usual,
        period=shown,
        called=next((name for name, one in usual.items() if one == shown), None),
        report=report,
        sums={title: _sums(report, by) for title, by in _SUMS.items()},
        reasons=_parts(report),
        who=_WHO,
        do=hour_words.for_customer,
        entry_link=_OF_ENTRY.get,
    )


def _sums(report: Report, by: By) -> Sums:
    every = report.by(by)
    left = every[MOST_ROWS:]
    rest = Sum(
        None,
        sum(one.quickbooks_minutes for one in left),
        sum(one.mosaic_minutes for one in left),
        sum(one.unknown for one in left),
    )
    return Sums(every[:MOST_ROWS], len(left), rest if left else None)


def _parts(report: Report) -> list[Part]:
    """Return the reasons for differences, those first that keep hours from payroll."""
    of: dict[str, list[Hours]] = {}
    for one in report.differing:
        of.setdefault(one.reason, []).append(one)
    return [
        Part(
            group,
            of[group.reason][:MOST_ENTRIES],
            len(of[group.reason][MOST_ENTRIES:]),
            _OF_REASON.get(group.reason) if group.who_must_act == "customer" else None,
        )
        for group in report.groups
        if group.reason in of
    ]


def _row(one: Hours) -> Sequence[object]:
    """Return a line as a row of the file."""
    return (
        *(one.day, one.person, one.job, one.item),
        *_both(one.quickbooks_minutes),
        *_both(one.mosaic_minutes),
        *_both(one.difference),
        hour_words.hours(one.reason).happened,
        questions.for_customer(one.why),
        one.who_must_act,
        hour_words.for_customer(one.who_must_act, one.next_step),
        *(one.quickbooks_id, one.mosaic_id, one.record_id),
    )


def _both(minutes: int | None) -> tuple[object, object]:
    """Return minutes, and as hours: four places are enough to give them back."""
    return (None, None) if minutes is None else (minutes, round(minutes / 60, 4))
