"""Acts of the console on messages, on restored backups, and on entries of time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies import attention
from qbwc_server.companies.registry import NewCompany
from qbwc_server.jobs import exchanges
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_reading, company_transaction
from qbwc_server.words.history import told
from tests.conftest import Clock
from tests.web.support.conftest import Browser

WHY = "The program is mended."
ANSWER = (
    '<QBXML><QBXMLMsgsRs><EmployeeQueryRs requestID="999" statusCode="0"><EmployeeRet>'
    "<ListID>8-1</ListID><EditSequence>1</EditSequence><Name>Ann</Name></EmployeeRet>"
    "</EmployeeQueryRs></QBXMLMsgsRs></QBXML>"
)
ENTRY = {
    "person": "E1",
    "date": "2026-03-02",
    "minutes": 60,
    "job": "J1",
    "item": None,
    "notes": "",
    "billable": "NotBillable",
    "class": None,
    "payroll_item": None,
}


@pytest.fixture
def company(new_company: Callable[..., NewCompany]) -> int:
    """A company, which is not the first one."""
    new_company("Before")
    return new_company("Harbor & Vale").id


def _audit(engine: Engine, company_id: int) -> list[Any]:
    table = tables.audit
    query = sa.select(table).where(
        table.c.company_id == company_id, table.c.what != "company added"
    )
    with company_reading(engine, company_id) as connection:
        return list(connection.execute(query.order_by(table.c.id)))


def _history(engine: Engine, company_id: int, number: int) -> list[tuple[str, ...]]:
    """Return what happened to a record, by whom, and what is told of it."""
    table = tables.record_event
    query = sa.select(table).where(
        table.c.company_id == company_id, table.c.record_id == number
    )
    with company_reading(engine, company_id) as connection:
        rows = connection.execute(query.order_by(table.c.id)).all()
    return [(one.what, one.by, told(one.detail, company_id)) for one in rows]


def _records(engine: Engine, company_id: int) -> list[Any]:
    table = tables.record
    query = sa.select(table).where(table.c.company_id == company_id)
    with company_reading(engine, company_id) as connection:
        return list(connection.execute(query.order_by(table.c.id)))


def _unread(
    engine: Engine, company_id: int, clock: Clock, answer: str = ANSWER
) -> list[int]:
    """Keep two answers, of which our program failed on the second."""
    with company_transaction(engine, company_id) as connection:
        for session_id in (1, 2):
            exchanges.keep_unasked(connection, company_id, session_id, answer, clock())
        rows = [
            exchanges.latest(connection, company_id, session_id, "hcp")
            for session_id in (1, 2)
        ]
        numbers = [row.id for row in rows if row is not None]
        exchanges.fail(connection, company_id, numbers[1], reason="a bug", now=clock())
    return numbers


def test_an_unread_answer_is_worked_with_again(
    ann: Browser, engine: Engine, company: int, clock: Clock
) -> None:
    """Where our program failed on it, and once; who, why and what is kept."""
    read, unread = _unread(engine, company, clock)
    page = f"/support/exchanges/{company}-{unread}"
    assert 'value="replay"' in ann.get(page).text
    assert 'value="replay"' not in ann.get(f"/support/exchanges/{company}-{read}").text
    assert ann.post(f"{page}/act", do="replay", why=" ").status_code == 400
    assert _records(engine, company) == []
    assert ann.post(f"{page}/act", do="replay", why=WHY).status_code == 303
    assert [row.name for row in _records(engine, company)] == ["Ann"]
    again = ann.post(f"{page}/act", do="replay", why=WHY)
    assert again.status_code == 409
    assert "Our program did not fail on it." in again.text
    (kept,) = _audit(engine, company)
    assert (kept.who, kept.what, kept.why) == ("ann", "exchange replayed", WHY)
    assert kept.detail["exchange"] == unread


def test_what_our_program_still_fails_on_stays_as_it_was(
    ann: Browser, engine: Engine, company: int, clock: Clock
) -> None:
    """And it is said on the page of the message."""
    _, unread = _unread(engine, company, clock, "<QBXML>")
    path = f"/support/exchanges/{company}-{unread}/act"
    refused = ann.post(path, do="replay", why=WHY)
    assert refused.status_code == 409
    assert "It still cannot be read" in refused.text
    assert _audit(engine, company) == []


def test_several_answers_are_worked_with_again_from_the_list(
    ann: Browser, engine: Engine, company: int, clock: Clock
) -> None:
    """Each by itself: what did not fail is told, and keeps no other from it."""
    numbers = _unread(engine, company, clock)
    path = f"/support/companies/{company}/exchanges"
    assert 'value="replay"' in ann.get(path).text
    told = ann.post(f"{path}/act", do="replay", why=WHY, number=numbers)
    assert told.status_code == 409
    assert "1 of 2 done. Our program did not fail on it." in told.text
    assert len(_records(engine, company)) == 1


@pytest.mark.parametrize("way", ["mosaic", "quickbooks"])
def test_which_side_is_right_after_a_restore_is_said(
    ann: Browser, engine: Engine, company: int, clock: Clock, way: str
) -> None:
    """Only where it is asked; the question tells the hours, and what follows."""
    page = f"/support/companies/{company}"
    fields: dict[str, Any] = {"do": f"after-restore:{way}", "why": WHY}
    assert "after-restore" not in ann.get(page).text
    early = ann.post(f"{page}/act", **fields, confirmed="yes")
    assert (early.status_code, "waits for no word" in early.text) == (409, True)
    with company_transaction(engine, company) as connection:
        attention.attend(
            connection,
            company,
            error_id=attention.WHICH_SIDE,
            text="Which side?",
            now=clock(),
        )
        connection.execute(
            tables.record.insert(),
            {
                "company_id": company,
                "id": 900,
                "kind": "time_entry",
                "state": "refused",
                "name": "Ann 1:00",
                "restored": "missing",
                "lost": ENTRY,
                "created_at": clock(),
                "changed_at": clock(),
            },
        )
    assert f'value="after-restore:{way}"' in ann.get(page).text
    asked = ann.post(f"{page}/act", **fields)
    assert "It took 1 entries, 1:00 hours" in asked.text
    assert "until then the other word may be said" in asked.text
    assert _audit(engine, company) == []
    assert ann.post(f"{page}/act", **fields, confirmed="yes").status_code == 303
    with company_reading(engine, company) as connection:
        payloads = connection.execute(
            sa.select(tables.job.c.payload).where(tables.job.c.company_id == company)
        ).scalars()
        assert [one["after_restore"] for one in payloads] == [way]
    (kept,) = _audit(engine, company)
    assert (kept.who, kept.what, kept.why) == ("ann", f"after restore: {way}", WHY)


def _entry(
    engine: Engine, company_id: int, clock: Clock, number: int, **values: Any
) -> None:
    row = {
        "company_id": company_id,
        "id": number,
        "kind": "time_entry",
        "state": "pending",
        "name": "Ann 1:00",
        "day": "2026-03-02",
        "created_at": clock(),
        "changed_at": clock(),
        **values,
    }
    with company_transaction(engine, company_id) as connection:
        connection.execute(tables.record.insert(), row)


@pytest.mark.parametrize("named", ["record", "number"])
def test_two_entries_are_said_to_be_one_and_two_again(
    ann: Browser, engine: Engine, company: int, clock: Clock, named: str
) -> None:
    """The other is named as a record, or by its number in Mosaic."""
    _entry(engine, company, clock, 900, quickbooks_id="T-1", quickbooks=ENTRY)
    there = {"mosaic_type": "time_entry", "mosaic_id": 7, "mosaic": ENTRY}
    _entry(engine, company, clock, 901, **there)
    page = f"/support/records/{company}-900"
    assert 'value="two"' in ann.get(page).text
    other = {"record": f"{company}-901", "number": "7"}[named]
    for wrong in ("x", "1-901", "8", f"{company}-999", f"{company}-x"):
        refused = ann.post(f"{page}/act", do="one", why=WHY, other=wrong)
        assert refused.status_code == 409, wrong
    assert ann.post(f"{page}/act", do="one", why=WHY, other=other).status_code == 303
    assert [row.mosaic_id for row in _records(engine, company)] == [7]
    by_number = ann.post(f"{page}/act", do="two", why=WHY, other="7")
    assert (by_number.status_code, "other record" in by_number.text) == (409, True)
    assert ann.post(f"{page}/act", do="two", why=WHY).status_code == 303
    apart = {(row.quickbooks_id, row.mosaic_id) for row in _records(engine, company)}
    assert apart == {("T-1", None), (None, 7)}
    told = [(one.who, one.what, one.why) for one in _audit(engine, company)]
    assert told == [("ann", f"these are {word}", WHY) for word in ("one", "two")]


@pytest.mark.parametrize("side", ["deleted", "stays"])
def test_an_entry_that_mosaic_does_not_show_is_said_to_be_deleted_or_not(
    ann: Browser, engine: Engine, company: int, clock: Clock, side: str
) -> None:
    """One that Mosaic has is not asked about, and the reason is told."""
    _entry(engine, company, clock, 900, quickbooks_id="T-1", mosaic_id=7)
    path = f"/support/records/{company}-900/act"
    refused = ann.post(path, do=f"gone:{side}", why=WHY)
    assert (refused.status_code, "Mosaic has this record" in refused.text) == (
        409,
        True,
    )
    with company_transaction(engine, company) as connection:
        connection.execute(
            tables.record.update()
            .where(tables.record.c.company_id == company)
            .values(
                mosaic_gone=True,
                gone={"mosaic": {"who": "not shown", "at": clock().isoformat()}},
            )
        )
    assert ann.post(path, do=f"gone:{side}", why=WHY).status_code == 303
    (kept,) = _audit(engine, company)
    assert kept.detail["records"] == [900]
    assert (kept.who, kept.why) == ("ann", WHY)
    assert ("not deleted" in kept.what) == (side == "stays")
    (happened,) = _history(engine, company, 900)
    assert happened == (kept.what, "ann", WHY)


@pytest.mark.parametrize("of_link", [True, False])
def test_what_a_changed_link_left_behind_may_be_left(
    ann: Browser, engine: Engine, company: int, clock: Clock, of_link: bool
) -> None:
    """Where both sides changed it, one of them must be right."""
    asked: dict[str, Any] = {"job": {"quickbooks": "J1", "mosaic": [7, None]}}
    if of_link:
        asked["job"]["link"] = True
    both = {"quickbooks": ENTRY, "quickbooks_id": "T-1", "mosaic_id": 7}
    _entry(engine, company, clock, 900, state="conflict", conflict=asked, **both)
    page = f"/support/records/{company}-900"
    assert ('value="settle:left"' in ann.get(page).text) is of_link
    done = ann.post(f"{page}/act", do="settle:left", why=WHY)
    assert done.status_code == (303 if of_link else 409)
    kept = [(one.who, one.what, one.why) for one in _audit(engine, company)]
    left = ("ann", "conflict settled: left as it is", WHY)
    assert kept == ([left] if of_link else [])
    another = "both sides had another customer or job"
    said = [("settled: left as it is", "ann", f"{another}; {WHY}")]
    assert _history(engine, company, 900) == (said if of_link else [])
