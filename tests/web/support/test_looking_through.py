"""Lists of the console by who worked, on what, and by what was said in messages."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from qbwc_server.companies.registry import NewCompany
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from qbwc_server.support import console, finding
from tests.conftest import Clock
from tests.web.support.conftest import Browser

NewCompanies = Callable[..., NewCompany]
_RECORDS = "/support/companies/1/records"
_MESSAGES = "/support/companies/1/exchanges"
_NOVEMBER = "first=2026-11-01&last=2026-11-30"


@pytest.fixture(autouse=True)
def _firms(engine: Engine, new_company: NewCompanies, clock: Clock) -> None:
    """Two companies in New York in which Maria and Leo work, and messages of weeks."""
    for name in ("Alice", "Bob"):
        one = new_company(name).id
        with company_transaction(engine, one) as connection:
            for row in _records():
                plain = {"company_id": one, "state": "in_sync"}
                moments = {"created_at": clock(), "changed_at": clock()}
                connection.execute(tables.record.insert(), plain | moments | row)
            for number, text in enumerate(("Bolt Mills", "Finn Family", "BOLT MILLS")):
                row = {"company_id": one, "id": 700 + number, "session_id": 1}
                row |= {"purpose": "work", "state": "answered", "request": text}
                row |= {"sent_at": clock() - timedelta(days=30 - 14 * number)}
                connection.execute(tables.exchange.insert(), row)
            company = tables.company.update().where(tables.company.c.id == one)
            connection.execute(company.values(offset_minutes=-300))


def _records() -> list[dict[str, Any]]:
    people = [(501, "Maria Santos", "80"), (502, "Leo Marsh", "81")]
    jobs = [(503, "Finn Family:Kitchen", "90"), (504, "Bolt Mills", "91")]
    rows: list[dict[str, Any]] = [
        {"id": number, "kind": kind, "name": name, "quickbooks_id": its}
        for kind, listed in (("employee", people), ("customer", jobs))
        for number, name, its in listed
    ]
    rows[0] |= {"mosaic_type": "employee", "mosaic_id": 55}
    for number, person, job, day in (
        (511, "80", "90", "2026-11-24"),
        (512, "80", "91", "2026-11-25"),
        (513, "81", "90", "2026-11-24"),
        (514, "80", "90", "2026-08-24"),
    ):
        rows.append(_time(number, person, job, day))
    there = {"person": 55, "job": [7, None], "date": "2026-11-26", "minutes": 60}
    only_mosaic: dict[str, Any] = {"kind": "time_entry", "name": "Maria"}
    only_mosaic |= {"mosaic_type": "time_entry", "mosaic_id": 9, "day": "2026-11-26"}
    return [*rows, {"id": 515, "mosaic": there, **only_mosaic}]


def _time(number: int, person: str, job: str, day: str) -> dict[str, Any]:
    own = {"date": day, "minutes": 60, "person": person, "job": job, "notes": ""}
    return {
        "id": number,
        "kind": "time_entry",
        "name": f"{day} somebody",
        "day": day,
        "quickbooks_id": f"T{number}",
        "parent_id": person,
        "quickbooks": own,
    }


def _found(browser: Browser, path: str) -> list[str]:
    page = browser.get(path)
    assert page.status_code == 200, page.text
    return re.findall(r'href="/support/(?:records|exchanges)/([\d-]+)"', page.text)


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ("person=mARIA", (515, 514, 512, 511)),
        ("person=santos&first=2026-11-25", (515, 512)),
        ("person=maria&state=in_sync&kind=time_entry", (515, 514, 512, 511)),
        ("person=maria&kind=customer", ()),
        (f"job=KITCHEN&{_NOVEMBER}", (513, 511)),
        (f"job=kitchen&person=leo&{_NOVEMBER}", (513,)),
        ("job=kitchen&first=2026-08-24&last=2026-11-23", (514,)),
        (f"job=nowhere&{_NOVEMBER}", ()),
    ],
)
def test_time_is_found_by_who_worked_and_on_what(
    bob: Browser, asked: str, numbers: tuple[int, ...]
) -> None:
    """Of this company alone, in whatever case, on both sides."""
    expected = [f"1-{number}" for number in numbers]
    assert _found(bob, f"{_RECORDS}?{asked}") == expected


def test_messages_are_looked_through_for_a_text(bob: Browser, clock: Clock) -> None:
    """Of this company, in days by the file's own clock, until now if none is told."""
    today = (clock() - timedelta(minutes=300)).date()

    def days(first: int, last: int | None = None) -> str:
        told = f"first={today - timedelta(days=first)}"
        return told if last is None else f"{told}&last={today - timedelta(days=last)}"

    assert _found(bob, f"{_MESSAGES}?message=bolt+mills&{days(30)}") == [
        *("1-702", "1-700")
    ]
    assert _found(bob, f"{_MESSAGES}?message=mills&{days(29)}") == ["1-702"]
    assert _found(bob, f"{_MESSAGES}?message=mills&{days(30, 3)}") == ["1-700"]
    assert _found(bob, f"{_MESSAGES}?message=nothing&{days(30)}") == []
    assert _found(bob, f"{_MESSAGES}?message=mills&state=lost&{days(30)}") == []


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (f"{_RECORDS}?person=nobody", "Nobody is called 'nobody'."),
        (f"{_RECORDS}?job=kitchen", "Tell the days as well, 92 at most."),
        (f"{_RECORDS}?job=kitchen&first=2026-11-24", "Tell the days as well"),
        (
            f"{_RECORDS}?job=kitchen&first=2026-08-01&last=2026-11-01",
            "Tell the days as well, 92 at most.",
        ),
        (f"{_RECORDS}?first=24.11.2026", "'24.11.2026' is no day: write it as 2026-"),
        (
            f"{_RECORDS}?first=2026-11-24&last=2026-11-23",
            "The last day comes before the first one: change one of them.",
        ),
        (f"{_MESSAGES}?first=2026-11-24&last=2026-11-23", "The last day comes before"),
        (
            f"{_MESSAGES}?message=x",
            "Tell from when on messages are looked through, 31 days at most.",
        ),
        (
            f"{_MESSAGES}?message=x&first=2026-10-01&last=2026-11-01",
            "Look through the messages of fewer days, 31 days at most.",
        ),
        (f"{_MESSAGES}?message=x&first=1999-01-01", "of fewer days, 31 days at most."),
    ],
)
def test_what_cannot_be_looked_for_is_said(bob: Browser, path: str, told: str) -> None:
    """In a sentence on the page, which keeps what was typed and shows no rows."""
    page = bob.get(path)
    assert page.status_code == 400
    text = unescape(page.text)
    assert told in text
    assert 'class="rows"' not in text
    assert "There is nothing like that" not in text
    assert path.partition("=")[2].partition("&")[0] in text


def test_of_very_many_who_are_called_so_more_of_the_name_is_asked_for(
    bob: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The company is known already."""
    monkeypatch.setattr(finding, "_MOST_PEOPLE", 1)
    page = bob.get(f"{_RECORDS}?person=m")
    assert page.status_code == 400
    assert "More than 1 are called so. Tell more of the name." in page.text
    assert _found(bob, f"{_RECORDS}?person=marsh") == ["1-513"]


def test_what_is_looked_for_goes_on_with_the_next_page(
    bob: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who worked, on what and which text are asked for there, too."""
    monkeypatch.setattr(console, "PAGE", 1)
    for path, numbers in (
        (f"{_RECORDS}?person=maria&job=i&{_NOVEMBER}", ["1-512", "1-511"]),
        (f"{_MESSAGES}?message=bolt&first=2026-01-31", ["1-702", "1-700"]),
    ):
        seen, following = [], path
        while following:
            seen += _found(bob, following)
            page = unescape(bob.get(following).text)
            following = "".join(re.findall(r'rel="next" href="([^"]+)"', page))
        assert seen == numbers


def test_only_a_list_that_has_it_is_asked_for_it(bob: Browser) -> None:
    """Elsewhere it is a strange word in an address, and changes nothing."""
    for what in ("jobs", "sessions", "calls", "audit"):
        path = f"/support/companies/1/{what}?person=x&job=x&message=x"
        assert bob.get(path).status_code == 200
