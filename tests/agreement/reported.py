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
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from qbwc_server import app
from qbwc_server.kinds.time_entry import in_hours
from qbwc_server.standing import hours_report
from qbwc_server.standing.hours_report import Report
from qbwc_server.storage.database import company_reading
from tests.agreement.real_hours import SIDES, Broken, Side
from tests.agreement.world import World
from tests.customer import Customer

Where = tuple[str | None, str | None]
"""A day and a person."""
FIRST = date(2026, 2, 23)
_WHO = {"customer", "support", "nobody"}
_ALL = re.compile(
    r'<tr class="total">.*?"QuickBooks">([\d:,]+)<.*?"Mosaic">([\d:,]+)<', re.S
)
_MINUTES = {"quickbooks": "QuickBooks minutes", "mosaic": "Mosaic minutes"}


def real(world: World, last: date) -> dict[Side, Counter[Where]]:
    """Return the minutes that each side of the company really has, by day and person."""
    found: dict[Side, Counter[Where]] = {side: Counter() for side in SIDES}
    for (side, _), values in world.hours.now().items():
        if FIRST.isoformat() <= values["day"] <= last.isoformat():
            found[side][values["day"], values["person"]] += values["minutes"]
    return found


def report(world: World, last: date) -> Report:
    """Return what is told of the hours until a day."""
    house = world.house
    company = house.stored()
    with company_reading(house.engine, company.id) as connection:
        return hours_report.of(connection, company, FIRST, last, house.clock())


def said(told: Report) -> dict[Side, Counter[Where]]:
    """Return the minutes of a report by day and person."""
    found: dict[Side, Counter[Where]] = {side: Counter() for side in SIDES}
    for one in told.lines:
        where = (one.day, one.person)
        found["quickbooks"][where] += one.quickbooks_minutes or 0
        found["mosaic"][where] += one.mosaic_minutes
    return found


def explained(told: Report) -> None:
    """See that differences have entries and reasons, which add up to them.

    Raises:
        Broken: one has none, or they do not.
    """
    apart = told.differing
    if sum(one.difference or 0 for one in apart) != told.total.difference:
        raise Broken(f"differences do not add up: {told.total}, {apart}")
    if {one.reason for one in apart} != {one.reason for one in told.groups} - {"same"}:
        raise Broken(f"a reason without entries: {told.groups}")
    for one in apart:
        if not one.why or not one.next_step or one.who_must_act not in _WHO:
            raise Broken(f"not explained: {one}")


def shown(world: World, told: Report, last: date) -> None:
    """See that page and CSV say the same sums as a report.

    Raises:
        Broken: one of them says another.
    """
    house = world.house
    # Histories are longer than a link is kept that nobody opens.
    settings = house.settings.model_copy(update={"page_link_days": 365})
    parts = app.Parts(settings, house.engine, house.keys, house.clock)
    browser, here = (
        Customer(app.pages(parts)),
        f"/setup/{house.company.setup_token}",
    )
    period = f"from={FIRST}&to={last}"
    total = told.total
    page = browser.get(f"{here}/hours?{period}").text
    sums = [in_hours(total.quickbooks_minutes), in_hours(total.mosaic_minutes)]
    if [list(one) for one in _ALL.findall(page)] != [sums, sums]:
        raise Broken(f"the page says {_ALL.findall(page)}, the report {sums}")
    text = browser.get(f"{here}/hours.csv?{period}").text.removeprefix("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text)))
    added = {
        side: sum(int(row[name] or 0) for row in rows)
        for side, name in _MINUTES.items()
    }
    if added != {
        "quickbooks": total.quickbooks_minutes,
        "mosaic": total.mosaic_minutes,
    }:
        raise Broken(f"the CSV adds up to {added}, the report to {total}")


@dataclass
class Reported:
    """Holds the report to both sides again and again; `held` counts how often."""

    world: World
    held: Counter[str] = field(default_factory=Counter)
    _was: dict[Side, Mapping[Any, Any]] = field(default_factory=dict)
    _since: dict[Side, datetime] = field(default_factory=dict)

    def look(self, act: str = "") -> None:
        """See that the report is right, as of what it says.

        Raises:
            Broken: it is not.
        """
        now = self.world.house.clock()
        last = now.date()
        there = real(self.world, last)
        for side in SIDES:
            if self._was.get(side) != self._all(side):
                self._was[side], self._since[side] = self._all(side), now
        told = report(self.world, last)
        explained(told)
        self.held["explained", len(told.differing) > 0] += 1
        says = said(told)
        as_of = {"quickbooks": told.quickbooks_at, "mosaic": told.mosaic_at}
        for side in SIDES:
            at = as_of[side]
            if at is None or at <= self._since[side]:
                continue
            if side == "mosaic" and self.world.hidden:
                continue
            self.held[side] += 1
            if +says[side] != +there[side]:
                raise Broken(
                    f"{act}: {side} has {+there[side]}, the report says "
                    f"{+says[side]} as of {at}, changed {self._since[side]}"
                )

    def _all(self, side: Side) -> Mapping[Any, Any]:
        now = self.world.hours.now()
        return {place: one for place, one in now.items() if place[0] == side}
