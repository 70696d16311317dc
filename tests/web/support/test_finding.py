"""The console finds what somebody says on the telephone, and lists what waits."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from sqlalchemy.engine import Engine

from qbwc_server.companies.registry import NewCompany
from qbwc_server.records import history
from qbwc_server.records.told import former
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from qbwc_server.support import console
from qbwc_server.web.support import over_all
from tests.conftest import Clock
from tests.jobs import jobs
from tests.web.support.conftest import Browser

NewCompanies = Callable[..., NewCompany]


@pytest.fixture(autouse=True)
def _firm(engine: Engine, new_company: NewCompanies, clock: Clock) -> None:
    """A company in New York in which Maria works."""
    one = new_company("Alice").id
    rows = (
        {"id": 501, "kind": "employee", "name": "Maria Santos", "quickbooks_id": "80"},
        {
            "id": 502,
            "kind": "time_entry",
            "name": "2026-11-24 Maria Santos 1:00",
            "day": "2026-11-24",
            "quickbooks_id": "T2",
            "parent_id": "80",
            "state": "conflict",
        },
    )
    with company_transaction(engine, one) as connection:
        for row in rows:
            plain = {"company_id": one, "created_at": clock(), "changed_at": clock()}
            kept = {"state": "in_sync", **plain, **row}
            connection.execute(tables.record.insert(), kept)
        company = tables.company.update().where(tables.company.c.id == one)
        file = r"C:\Books\Maple.qbw"
        connection.execute(company.values(offset_minutes=-300, file_path=file))


@pytest.mark.parametrize("text", ["mARIA", "maria 2026-11-24", "OLD-1", "1-9"])
def test_what_somebody_says_is_found(
    bob: Browser, engine: Engine, clock: Clock, text: str
) -> None:
    """A person, with a day her time; a TxnID of before; a record that was joined."""
    with company_transaction(engine, 1) as connection:
        former.keep(connection, 1, 502, [("quickbooks", "OLD-1")], clock())
        history.move(connection, 1, 9, clock(), to=502)
    page = bob.get(f"/support/search?find={text}").text
    assert ("/support/records/1-501" in page) is (text == "mARIA")
    assert ("/support/records/1-502" in page) is (text != "mARIA")
    assert "Nothing is called that" not in page


def test_what_is_found_stands_under_its_company_once(
    bob: Browser, engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """In whatever order the ways of looking bring it: now Alice's, Bob's, Alice's."""
    two = new_company("Bob").id
    for company_id, number, name in ((1, 601, "T2 x"), (two, 602, "T2 y")):
        row = {"company_id": company_id, "id": number, "kind": "customer"}
        row |= {"created_at": clock(), "changed_at": clock(), "state": "in_sync"}
        row |= {"name": name, "quickbooks_id": "T2" if company_id == two else "90"}
        with company_transaction(engine, company_id) as connection:
            connection.execute(tables.record.insert(), row)
    with company_transaction(engine, 1) as connection:
        former.keep(connection, 1, 501, [("quickbooks", "T2")], clock())
    page = bob.get("/support/search?find=T2").text
    for link in ("1-501", "1-502", "2-602"):
        assert page.count(f'href="/support/records/{link}"') == 1, link


def test_a_company_is_found_by_its_file(bob: Browser) -> None:
    """As the title of QuickBooks' window has it."""
    assert "/support/companies/1" in bob.get("/support/search?find=maple.QBW").text
    assert "Nothing is called that" in bob.get("/support/search?find=oak.qbw").text


def test_a_list_is_of_the_days_that_one_asks_for(
    bob: Browser, engine: Engine, clock: Clock
) -> None:
    """Of time the days of work; of jobs when they came, by the file's own clock."""
    with company_transaction(engine, 1) as connection:
        job = jobs.add(connection, 1, clock(), summary="Add it")
    there = (clock() - timedelta(minutes=300)).date()
    for path, link in (
        (f"jobs?first={there}&last={there}", f"/support/jobs/1-{job.id}"),
        ("records?first=2026-11-24&last=2026-11-24", "/support/records/1-502"),
    ):
        assert link in bob.get(f"/support/companies/1/{path}").text
    before = there - timedelta(days=1)
    for path in (f"jobs?first={before}&last={before}", "records?first=2026-11-25"):
        page = bob.get(f"/support/companies/1/{path}").text
        assert "There is nothing like that" in page


def test_what_waits_is_one_page_over_all_companies(bob: Browser) -> None:
    """One kind of it at a time; what there is not is no page."""
    assert "/support/records/1-502" in bob.get("/support/open?which=conflicts").text
    assert "Nothing waits like that" in bob.get("/support/open?which=failed").text
    assert bob.get("/support/open?which=nothing").status_code == 404


def test_what_waits_goes_on_with_the_next_page(
    bob: Browser, engine: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says how many more there are; a strange key is none."""
    monkeypatch.setattr(console, "PAGE", 2)
    with company_transaction(engine, 1) as connection:
        numbers = {jobs.into(connection, 1, clock(), "failed").id for _ in range(5)}
    path, seen, left = "/support/open?which=failed&after=x", [], []
    while path:
        page = unescape(bob.get(path).text)
        seen += [int(one) for one in re.findall(r'href="/support/jobs/1-(\d+)"', page)]
        left += re.findall(r"([\d,]+) more\.", page)
        path = "".join(re.findall(r'rel="next" href="([^"]+)"', page))
    assert seen == sorted(numbers)
    assert left == ["3", "1"]
    monkeypatch.setattr(over_all, "MOST", 2)
    assert "More than 2 more." in bob.get("/support/open?which=failed").text


def test_a_history_is_told_in_words_and_in_the_files_clock(
    bob: Browser, engine: Engine, clock: Clock
) -> None:
    """What is in it stands behind; who wants it opens it."""
    job = {"before": "Finn", "after": "Bolt"}
    detail = {"changed": {"job": job}, "txn_id": "T2"}
    with company_transaction(engine, 1) as connection:
        history.event(
            connection, 1, 502, at=clock(), what="moved", by="x", detail=detail
        )
    page = bob.get("/support/records/1-502").text
    assert "customer or job from Finn to Bolt; TxnID T2" in page
    there = clock() - timedelta(minutes=300)
    assert f"{there:%Y-%m-%d %H:%M:%S} there" in page
