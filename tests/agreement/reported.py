"""What the hours report, its page and its CSV say, beside what both sides really have.

A side as of a moment shows what it had then. So it is held to what that side has now
wherever nothing has changed there since.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from qbwc_server import app
from qbwc_server.kinds.time_entry import in_hours
from qbwc_server.standing import hours_report
from qbwc_server.standing.hours_report import Report
from qbwc_server.storage.database import company_reading
from tests.agreement.house import House
from tests.agreement.real_hours import SIDES, Broken, Side
from tests.agreement.world import World
from tests.customer import Customer

Minutes = dict[Side, Counter[tuple[str | None, str | None]]]
"""Minutes of each side by day and person."""
FIRST = date(2026, 2, 23)
_WHO = {"customer", "support", "nobody"}
_TOTAL = re.compile(
    r'<tr class="total">.*?"QuickBooks">([\d:,]+)<.*?"Mosaic">([\d:,]+)<', re.DOTALL
)


class Reported:
    """Holds the report of a world to both sides, as often as it is asked to.

    `held` counts for each side how often that could be said, and how often anything
    differed.
    """

    def __init__(self, world: World) -> None:
        self.held: Counter[str] = Counter()
        self._world = world
        self._was: dict[Side, Mapping[Any, Any]] = {}
        self._since: dict[Side, datetime] = {}
        # Who has opened a link goes on with it, however long a history is.
        self._browsers = {one.company.id: _browser(one) for one in world.houses}

    def look(self) -> None:
        """See that the report is right, as of when it says.

        Not of two files of a team: meanwhile an hour may be nobody's there.
        Days alone are compared: whose an entry is changes silently where two people of
        QuickBooks are merged, until all of it is read again.

        Raises:
            Broken: it is not.
        """
        world = self._world
        if len(world.houses) > 1:
            return
        told, now = self._report(), world.house.clock()
        as_of = {"quickbooks": told.quickbooks_at, "mosaic": told.mosaic_at}
        real, says = self._real(), _minutes(told)
        self.held["differing"] += bool(told.differing)
        for side in SIDES:
            there = {one: it for one, it in world.hours.now().items() if one[0] == side}
            if self._was.get(side) != there:
                self._was[side], self._since[side] = there, now
            at = as_of[side]
            if at is None or at <= self._since[side]:
                continue
            # What Mosaic does not show just now is in the ledger, and in no read.
            if side == "mosaic" and world.hidden:
                continue
            self.held[side] += 1
            if _by_day(real, side) != _by_day(says, side):
                raise Broken(
                    f"{side} has {real[side]}, and as of {at} the report says "
                    f"{says[side]}"
                )

    def at_the_end(self) -> None:
        """See that report, page and CSV say what each side has, by day and person.

        Raises:
            Broken: one of them does not.
        """
        for house in self._world.each_file():
            told = self._report()
            real, says = self._real(), _minutes(told)
            if any(+real[side] != +says[side] for side in SIDES):
                raise Broken(f"both sides have {real}, the report says {says}")
            self._page_and_file(house, told)

    def _period(self) -> tuple[date, date]:
        return FIRST, self._world.house.clock().date()

    def _report(self) -> Report:
        house = self._world.house
        company = house.stored()
        with company_reading(house.engine, company.id) as connection:
            told = hours_report.of(connection, company, *self._period(), house.clock())
        _explained(told)
        return told

    def _real(self) -> Minutes:
        first, last = (one.isoformat() for one in self._period())
        found: Minutes = {side: Counter() for side in SIDES}
        for (side, _), values in self._world.hours.now().items():
            if first <= values["day"] <= last:
                found[side][values["day"], values["person"]] += values["minutes"]
        return found

    def _page_and_file(self, house: House, told: Report) -> None:
        # One that became a company in the middle of a history has a link that is new.
        browser = self._browsers.get(house.company.id) or _browser(house)
        first, last = self._period()
        here = f"/setup/{house.company.setup_token}"
        total = told.total
        both = (total.quickbooks_minutes, total.mosaic_minutes)
        page = browser.get(f"{here}/hours?from={first}&to={last}").text
        sums = tuple(map(in_hours, both))
        # One below the people, one below the jobs.
        if _TOTAL.findall(page) != [sums, sums]:
            raise Broken(f"the page says {_TOTAL.findall(page)}, the report {sums}")
        text = browser.get(f"{here}/hours.csv?from={first}&to={last}").text
        rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
        added = tuple(
            sum(int(row[f"{side} minutes"] or 0) for row in rows)
            for side in ("QuickBooks", "Mosaic")
        )
        if added != both:
            raise Broken(f"the CSV adds up to {added}, the report to {both}")


def _browser(house: House) -> Customer:
    settings = house.settings.model_copy(update={"page_link_days": 365})
    parts = app.Parts(settings, house.engine, house.keys, house.clock)
    browser = Customer(app.pages(parts))
    browser.get(f"/setup/{house.company.setup_token}/hours")
    return browser


def _minutes(told: Report) -> Minutes:
    found: Minutes = {side: Counter() for side in SIDES}
    for one in told.lines:
        where = (one.day, one.person)
        found["quickbooks"][where] += one.quickbooks_minutes or 0
        found["mosaic"][where] += one.mosaic_minutes
    return found


def _by_day(minutes: Minutes, side: Side) -> Counter[str | None]:
    found: Counter[str | None] = Counter()
    for (day, _), many in minutes[side].items():
        found[day] += many
    return +found


def _explained(told: Report) -> None:
    """See that differences have entries and reasons, which add up to them.

    Raises:
        Broken: one has none, or they do not.
    """
    apart = told.differing
    if sum(one.difference or 0 for one in apart) != told.total.difference:
        raise Broken(f"what differs does not add up to {told.total}: {apart}")
    if {one.reason for one in apart} != {one.reason for one in told.groups} - {"same"}:
        raise Broken(f"a reason has no entries: {told.groups}")
    for one in apart:
        said = one.why and one.next_step and one.who_must_act in _WHO
        if not said or one.reason == "unexplained":
            raise Broken(f"it is not said why this differs: {one}")
