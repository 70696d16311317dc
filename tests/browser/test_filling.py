"""What is looked at most: how far Mosaic is filled, and hours before payroll."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy.engine import Connection

from qbwc_server.companies import registry
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.browser.looking import Looking
from tests.browser.test_phone import Firm

_PEOPLE = ("Anna Berg", "Bo Dahl", "Carla Ruiz", "Dev Patel")
_JOBS = ("Harbor Hall:Roof", "Elm House:Garden", "Elm House:Kitchen")
_THERE, _TO_GO = 12_400, 6_248


class Filled(Firm):
    """A firm that has gone live, with two thirds of its time in Mosaic."""

    def _fill(self) -> None:
        with company_transaction(self.engine, self.company.id) as connection:
            registry.change(
                connection,
                self.company.id,
                mode="live",
                file_name="Thunderbird",
                offset_minutes=-300,
                last_seen_at=self.now,
                mosaic_read_at=self.now,
                mosaic_time_from="2016-01-01",
                host={"product": "QuickBooks Enterprise 24.0", "automatic_login": True}
                | {"personal_data": True},
            )
            self._read(connection)
            self._work(connection)
            self._calls(connection)
        self._run(self.now - timedelta(minutes=4), 0)

    def _share(self, keys: object) -> None:
        """Be the only company file of the team."""

    def _read(self, connection: Connection) -> None:
        lately: dict[str, Any] = {"begun_at": self.now.isoformat()}
        lately |= {"first": "2016-01-01", "last": "9999-12-31", "members": None}
        whole = {"company_id": self.company.id, "last_full_at": self.now}
        for kind in ("employee", "customer", "service_item"):
            connection.execute(tables.reading.insert(), {**whole, "kind": kind})
        time = {"reach": "2016-01-01", "begun_at": self.now}
        connection.execute(
            tables.reading.insert(), {**whole, "kind": "time_entry", **time}
        )
        of_mosaic = {"kind": "mosaic_time", "lately": [lately]}
        connection.execute(tables.reading.insert(), {**whole, **of_mosaic})

    def _work(self, connection: Connection) -> None:
        rows = [
            *self._named("employee", "employee", 7, _PEOPLE),
            *self._named("customer", "project", 80, _JOBS),
        ]
        friday = self.now.date() - timedelta(days=self.now.weekday() + 3)
        for number in range(_THERE + _TO_GO):
            day = (friday - timedelta(days=number // 20)).isoformat()
            rows.append(self._entry(number, day, is_there=number < _THERE))
        for start in range(0, len(rows), 5_000):
            connection.execute(tables.record.insert(), rows[start : start + 5_000])

    def _named(
        self, kind: str, data_type: str, first: int, names: tuple[str, ...]
    ) -> list[dict[str, Any]]:
        return [
            self._row(first + n, kind, name, mosaic_type=data_type, mosaic_id=first + n)
            for n, name in enumerate(names)
        ]

    def _row(self, number: int, kind: str, name: str, **values: Any) -> dict[str, Any]:
        return {
            "company_id": self.company.id,
            "id": number,
            "kind": kind,
            "name": name,
            "state": "in_sync",
            "quickbooks_id": f"Q-{number}",
            "quickbooks": {"name": name},
            "mosaic": None,
            "mosaic_type": None,
            "mosaic_id": None,
            "day": None,
            "reason": None,
            "created_at": self.now,
            "changed_at": self.now,
            **values,
        }

    def _entry(self, number: int, day: str, *, is_there: bool) -> dict[str, Any]:
        person, job = 7 + number % len(_PEOPLE), 80 + number % len(_JOBS)
        minutes = (60, 240, 480)[number % 3]
        here = {"date": day, "person": f"Q-{person}", "job": f"Q-{job}", "item": None}
        here |= {"class": None, "payroll_item": None, "notes": "", "billable": ""}
        there = {"date": day, "person": person, "job": [job, None], "item": None}
        there |= {"notes": "", "billable": False}
        # An hour of the last week that Mosaic has otherwise, and one it never had.
        differs = number == 5
        state = "in_sync" if is_there else "pending"
        if number in {5, 9}:
            state = {5: "conflict", 9: "refused"}[number]
        has = is_there and number != 9
        reason = "Mosaic refused it: the timesheet of that day is approved."
        return self._row(
            1_000 + number,
            "time_entry",
            f"{day} {_PEOPLE[number % len(_PEOPLE)]}",
            state=state,
            day=day,
            quickbooks={**here, "minutes": minutes},
            mosaic={**there, "minutes": minutes + 45 * differs} if has else None,
            mosaic_type="time_entry" if has else None,
            mosaic_id=1_000 + number if has else None,
            reason=reason if number == 9 else None,
        )

    def _calls(self, connection: Connection) -> None:
        """Have Mosaic have taken a write a second."""
        connection.execute(
            tables.mosaic_call.insert(),
            [
                {
                    "company_id": self.company.id,
                    "id": 100_000 + number,
                    "ref": f"r{number}",
                    "state": "done",
                    "operation": "create",
                    "data_type": "time_entry",
                    "fields": {},
                    "created_at": self._ago(400 - number),
                    "settled_at": self._ago(400 - number),
                }
                for number in range(400)
            ],
        )

    def _ago(self, seconds: int) -> datetime:
        return self.now - timedelta(seconds=seconds)


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """A firm that is being filled."""
    made = Filled(Path(tmp_path_factory.mktemp("filled")))
    yield made
    made.close()


@pytest.fixture
def page(browser: Browser, firm: Filled) -> Iterator[Page]:
    """A browser in which the link was opened."""
    context = browser.new_context(timezone_id="America/New_York")
    made = context.new_page()
    made.goto(firm.url)
    made.get_by_role("button", name="Open my page").click()
    expect(made.locator("nav.tabs").first).to_be_visible()
    yield made
    context.close()


def test_the_page_tells_how_far_mosaic_is_filled_and_until_when(
    page: Page, firm: Filled
) -> None:
    """In numbers that are separated, as a bar, and in the reader's own time."""
    page.goto(f"{firm.url}/overview")
    working = page.locator(".answers .first")
    expect(working).to_contain_text("Yes. Mosaic is being filled.")
    told = page.locator("section.filling")
    expect(told).to_contain_text(" are in Mosaic, all of them in about 1 hour")
    assert "12,4" in told.inner_text()
    bar = told.locator("progress")
    assert 0.6 < float(bar.evaluate("one => one.position")) < 0.7
    Looking(page).at("filling")


def test_hours_of_a_period_are_told_by_person_job_and_reason(
    page: Page, firm: Filled
) -> None:
    """Complete or not first; then the sums, and each difference with its entries."""
    page.goto(f"{firm.url}/hours")
    expect(page.get_by_text("Not complete for payroll yet.")).to_be_visible()
    expect(page.get_by_role("row", name="Anna Berg").first).to_be_visible()
    Looking(page).at("hours", whole=True)
