"""Lists of the console: nothing twice, nothing left out, nothing as markup."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from sqlalchemy.engine import Engine

from qbwc_server.companies.registry import NewCompany
from qbwc_server.storage import tables
from qbwc_server.storage.database import (
    company_transaction,
)
from qbwc_server.storage.support_reading import support_reading
from qbwc_server.support import console
from qbwc_server.support.console import Filter
from tests.conftest import Clock
from tests.jobs import jobs
from tests.web.support.conftest import Browser

NewCompanies = Callable[..., NewCompany]
_KINDS = ("time_entry", "customer", "employee")
_MANY = 60
EVIL = "<script>alert(1)</script>\"'&"


@pytest.fixture
def company(engine: Engine, new_company: NewCompanies, clock: Clock) -> int:
    """A company with sixty records and thirty jobs, beside another with as many."""
    made = [new_company("Alice").id, new_company("Bob").id]
    for company_id in made:
        with company_transaction(engine, company_id) as connection:
            rows = [
                {
                    "company_id": company_id,
                    "id": 1000 + number,
                    "kind": _KINDS[number % 3],
                    "state": tables.RECORD_STATES[number % 8],
                    "name": f"Ann {number}",
                    "quickbooks_id": f"T{number}",
                    "created_at": clock(),
                    "changed_at": clock(),
                }
                for number in range(1, _MANY + 1)
            ]
            connection.execute(tables.record.insert(), rows)
            for number in range(30):
                state = ("ready", "failed", "cancelled")[number % 3]
                jobs.into(
                    connection, company_id, clock(), state, summary=f"Add {number}"
                )
    return made[1]


def _pages(
    engine: Engine, what: str, company_id: int, wanted: Filter
) -> tuple[list[int], int]:
    """Return the numbers of all pages in a row, and how many pages those were."""
    seen: list[int] = []
    before: int | None = None
    with support_reading(engine) as connection:
        for pages in range(1, 100):
            page = console.listed(connection, what, company_id, wanted, before)
            assert {row.company_id for row in page.rows} <= {company_id}
            seen += [getattr(row, console.NUMBERS[what]) for row in page.rows]
            if page.after is None:
                return seen, pages
            before = page.after
    raise AssertionError("it comes to no end")


@pytest.mark.parametrize("state", ["", "conflict", "in_sync", "gone"])
@pytest.mark.parametrize("kind", ["", "customer"])
@pytest.mark.parametrize("text", ["", "ann 1", "NOBODY"])
def test_pages_have_all_that_is_looked_for_once(
    engine: Engine,
    company: int,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    kind: str,
    text: str,
) -> None:
    """The newest first, whichever index finds it, and where none does."""
    monkeypatch.setattr(console, "PAGE", 4)
    monkeypatch.setattr(console, "LOOKED_AT", 7)
    expected = [
        1000 + number
        for number in range(_MANY, 0, -1)
        if state in {"", tables.RECORD_STATES[number % 8]}
        and kind in {"", _KINDS[number % 3]}
        and text.lower() in f"ann {number}"
    ]
    wanted = Filter(state=state, kind=kind, text=text)
    assert _pages(engine, "records", company, wanted)[0] == expected


@pytest.mark.parametrize("state", ["", "failed", "cancelled", "done"])
def test_jobs_of_any_state_are_found(
    engine: Engine, company: int, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """Also those that are over, which no index names."""
    monkeypatch.setattr(console, "PAGE", 4)
    monkeypatch.setattr(console, "LOOKED_AT", 5)
    found, pages = _pages(engine, "jobs", company, Filter(state=state))
    assert found == sorted(set(found), reverse=True)
    assert len(found) == {"": 30, "done": 0}.get(state, 10)
    assert pages > 2


def test_companies_are_filtered_and_go_on_from_a_key(
    engine: Engine, new_company: NewCompanies, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By state, by who must act, and by a part of the name in any case."""
    monkeypatch.setattr(console, "PAGE", 2)
    for name in ("Acme", "Bolt", "100% Acme_", "Dorn"):
        new_company(name)
    with support_reading(engine) as connection:

        def names(wanted: Filter) -> list[str]:
            found, after = [], 0
            while True:
                page = console.companies(connection, wanted, after)
                found += [row.company for row in page.rows]
                if page.after is None:
                    return found
                after = page.after

        assert names(Filter()) == ["Acme", "Bolt", "100% Acme_", "Dorn"]
        assert names(Filter(text="acme")) == ["Acme", "100% Acme_"]
        assert names(Filter(text="%")) == ["100% Acme_"]
        assert names(Filter(text="e_")) == ["100% Acme_"]
        assert names(Filter(state="waiting")) == names(Filter(who="customer"))
        assert len(names(Filter(state="waiting"))) == 4
        assert names(Filter(state="live")) == names(Filter(who="support")) == []


@pytest.mark.parametrize(
    "path",
    [
        *("?state=nothing", "?who=me", "/companies/99", "/companies/1/nothing"),
        *("/companies/1/records?kind=x", "/companies/1/jobs?state=in_sync"),
        *("/records/1-99", "/jobs/1-x", "/records/0-0", "/nothing"),
        f"/records/{2**63}-1",
        f"/companies/{2**70}",
    ],
)
def test_what_there_is_not_is_not_found(bob: Browser, company: int, path: str) -> None:
    """Nor does a strange number break anything."""
    assert company
    assert bob.get(f"/support{path}").status_code == 404


@pytest.mark.parametrize("text", ["1-0", "-", "9" * 40, "1-" + "9" * 30, "%", "\u0661"])
def test_strange_things_are_looked_for_and_not_found(
    bob: Browser, company: int, text: str
) -> None:
    """A search answers with a page, whatever is typed."""
    assert company
    assert bob.get(f"/support/search?find={text}").status_code == 200
    assert bob.get(f"/support/companies/1/records?before={text}").status_code == 200


def test_nothing_that_others_wrote_becomes_a_part_of_a_page(
    bob: Browser, engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """Names, reasons, snapshots, messages and audits, on every page there is."""
    company_id = new_company(EVIL).id
    with company_transaction(engine, company_id) as connection:
        job = jobs.add(connection, company_id, clock(), summary=EVIL, record_id=500)
        text = f'<A requestID="{job.id}">{EVIL}</A>'
        jobs.send(connection, [job], clock(), request=text)
        row = {
            "company_id": company_id,
            "id": 500,
            "kind": "time_entry",
            "state": "conflict",
            "reason": EVIL,
            "name": EVIL,
            "quickbooks_id": "T1",
            "quickbooks": {EVIL: EVIL},
            "conflict": {EVIL: {"quickbooks": EVIL, "mosaic": [EVIL]}},
            "created_at": clock(),
            "changed_at": clock(),
        }
        connection.execute(tables.record.insert(), row)
        audit = {"company_id": company_id, "id": 501, "at": clock(), "who": EVIL}
        row = {**audit, "what": EVIL, "why": EVIL, "detail": {EVIL: EVIL}}
        connection.execute(tables.audit.insert(), row)
        run = {"company_id": company_id, "id": jobs.SESSION, "state": "asked"}
        moments = {"started_at": clock(), "last_call_at": clock(), "summary": EVIL}
        row = {**run, **moments, "ticket_hash": "h", "last_error": EVIL, "peer": EVIL}
        connection.execute(tables.session.insert(), row)
    seen: set[str] = set()
    nothing_of_theirs = "/support/open"
    left = ["/support", "/support/search?find=T1", "/support?text=%3Cscript%3E"]
    left.append("/support/open?which=conflicts")
    while left:
        path = left.pop()
        page = bob.get(path)
        assert page.status_code == 200, path
        assert "<script>alert" not in page.text, path
        if path != nothing_of_theirs and "=" not in path and "exchanges" not in path:
            assert "alert(1)" in page.text, path
        seen.add(path)
        links = map(unescape, re.findall(r'href="(/support[^"#]*)"', page.text))
        left += [link for link in links if link not in seen]
    assert len(seen) > 8
