"""The download of all records: time in columns that can be added up and compared."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from werkzeug.test import Client

from qbwc_server.companies.registry import NewCompany
from qbwc_server.web.customer import downloads

pytestmark = pytest.mark.in_turn
NewCompanies = Callable[..., NewCompany]
COLUMNS = ("day", "person", "job", "item", "minutes", "billable", "as in")


def _rows(server: Client, company: NewCompany) -> list[dict[str, str]]:
    text = server.get(f"/setup/{company.setup_token}/records.csv").text
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def _time(server: Client, company: NewCompany) -> list[tuple[str, ...]]:
    return [
        tuple(row[name] for name in COLUMNS)
        for row in _rows(server, company)
        if row["kind"] == "time entry"
    ]


def here(**values: Any) -> dict[str, Any]:
    """Return an entry as QuickBooks has it."""
    known = {"date": "2026-03-02", "minutes": 90, "person": "E-1", "job": "J-1"}
    return {**known, "item": "I-1", "notes": "", "billable": "Billable", **values}


def there(**values: Any) -> dict[str, Any]:
    """Return an entry as Mosaic has it."""
    known = {"date": "2026-03-03", "minutes": 45, "person": 7, "job": [8, None]}
    return {**known, "item": 9, "notes": "", "billable": False, **values}


@pytest.fixture
def company(new_company: NewCompanies, put: Callable[..., int]) -> NewCompany:
    """A company with a person, a job and an item that are on both sides."""
    made = new_company()
    for kind, name, quickbooks_id, mosaic_type, mosaic_id in (
        ("employee", "Anna Berg", "E-1", "employee", 7),
        ("customer", "Elm:Garage", "J-1", "project", 8),
        ("service_item", "Design", "I-1", "standard_work_category", 9),
    ):
        both = {"mosaic_type": mosaic_type, "mosaic_id": mosaic_id}
        put(made.id, name, kind=kind, quickbooks_id=quickbooks_id, **both)
    return made


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (
            {"quickbooks": here(), "mosaic": there(), "mosaic_id": 5},
            (
                *("2026-03-02", "Anna Berg", "Elm:Garage", "Design", "90", "yes"),
                "QuickBooks",
            ),
        ),
        (
            {"quickbooks": here(billable="HasBeenBilled", job=None, item=None)},
            ("2026-03-02", "Anna Berg", "", "", "90", "billed", "QuickBooks"),
        ),
        (
            {"quickbooks": here(person="E-9", item="I-9", billable="")},
            ("2026-03-02", "E-9", "Elm:Garage", "I-9", "90", "no", "QuickBooks"),
        ),
        (
            {"mosaic": there(), "mosaic_id": 5, "quickbooks_id": None},
            ("2026-03-03", "Anna Berg", "Elm:Garage", "Design", "45", "no", "Mosaic"),
        ),
        (
            {"quickbooks": here(), "quickbooks_gone": True, "mosaic": there()},
            ("2026-03-03", "Anna Berg", "Elm:Garage", "Design", "45", "no", "Mosaic"),
        ),
        (
            {"quickbooks": here(), "restored": "missing"},
            ("2026-03-02", "Anna Berg", "Elm:Garage", "Design", "", "yes", ""),
        ),
        (
            {
                "quickbooks": here(),
                "quickbooks_gone": True,
                "mosaic": there(),
                "mosaic_gone": True,
                "state": "gone",
            },
            ("2026-03-02", "Anna Berg", "Elm:Garage", "Design", "", "yes", ""),
        ),
        ({"unread": "no Duration", "state": "refused"}, ("2026-03-02", *[""] * 6)),
    ],
)
def test_time_is_told_in_columns_as_the_side_has_it_that_has_it(
    server: Client,
    company: NewCompany,
    put: Callable[..., int],
    record: dict[str, Any],
    told: tuple[str, ...],
) -> None:
    """QuickBooks' before Mosaic's; what neither has any more adds nothing to a sum."""
    day = (record.get("quickbooks") or record.get("mosaic") or here())["date"]
    put(company.id, "2026-03-02 Anna Berg", kind="time_entry", day=day, **record)
    assert _time(server, company) == [told]


def test_minutes_of_the_file_add_up_to_what_quickbooks_has(
    server: Client, company: NewCompany, put: Callable[..., int]
) -> None:
    """Whoever sums what is as in QuickBooks has a report of QuickBooks."""
    for number in range(20):
        put(
            company.id,
            f"Time {number}",
            kind="time_entry",
            day="2026-03-02",
            quickbooks=here(minutes=number),
            mosaic=there(minutes=1000) if number % 3 else None,
            quickbooks_gone=number % 5 == 0,
        )
    rows = [one for one in _time(server, company) if one[-1] == "QuickBooks"]
    assert sum(int(one[4]) for one in rows) == sum(n for n in range(20) if n % 5)


def test_what_is_no_time_has_none_of_these_columns(
    server: Client, company: NewCompany
) -> None:
    """And both ids in columns of their own."""
    anna, *_ = _rows(server, company)
    assert [anna[name] for name in COLUMNS] == [""] * len(COLUMNS)
    ids = ("QuickBooks id", "Mosaic type", "Mosaic id")
    assert [anna[name] for name in ids] == ["E-1", "employee", "7"]


def test_time_is_read_in_parts(
    server: Client,
    company: NewCompany,
    put: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every entry comes once, in its order, however many parts there are."""
    monkeypatch.setattr(downloads, "_PART", 7)
    first = date(2026, 1, 1)
    days = [(first + timedelta(days=number)).isoformat() for number in range(30)]
    for day in days:
        put(company.id, day, kind="time_entry", day=day, quickbooks=here(date=day))
    assert [one[0] for one in _time(server, company)] == days
