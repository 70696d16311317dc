"""A record is linked in the console: picked by name, foreseen, asked about, undone."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies import registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.kinds.list_plan import match_key, name_key, near_key
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_reading, company_transaction
from tests.conftest import Clock
from tests.web.support.conftest import Browser

WHY = "They are the same firm."
_ACME, _BOLT = 900, 901


@pytest.fixture
def company(
    engine: Engine, new_company: Callable[..., NewCompany], clock: Clock
) -> int:
    """A company with two customers and three clients of Mosaic; hours wait for one."""
    new_company("Before")
    made = new_company("Harbor & Vale").id
    with company_transaction(engine, made) as connection:
        for number, name in ((_ACME, "Acme"), (_BOLT, "Bolt")):
            _put(
                connection,
                made,
                clock,
                id=number,
                name=name,
                kind="customer",
                state="unlinked",
                quickbooks_id=f"C{number}",
                quickbooks={"name": name, "parent_id": None, "is_active": True},
            )
        for number in (950, 951):
            _put(
                connection,
                made,
                clock,
                id=number,
                name="Ann 1:00",
                kind="time_entry",
                state="unlinked",
                quickbooks_id=f"T{number}",
                waits_for="employee:E1",
                waits_for_second=f"customer:C{_ACME}",
            )
        for number, name in ((7, "acme."), (8, "Holding of Acme"), (9, "Bolt")):
            connection.execute(
                tables.mosaic_object.insert(),
                {
                    "company_id": made,
                    "data_type": "client",
                    "mosaic_id": number,
                    "name": name,
                    "match_key": match_key(name),
                    "name_key": name_key(name),
                    "near_key": near_key(name),
                    "snapshot": {"name": name, "parent": None, "archived": False},
                    "seen_in": 1,
                },
            )
    return made


def _put(connection: Any, company_id: int, clock: Clock, **values: Any) -> None:
    moments = {"created_at": clock(), "changed_at": clock()}
    row = {"company_id": company_id, **moments, **values}
    connection.execute(tables.record.insert(), row)


def _record(engine: Engine, company_id: int, number: int = _ACME) -> Any:
    table = tables.record
    query = sa.select(table).where(
        table.c.company_id == company_id, table.c.id == number
    )
    with company_reading(engine, company_id) as connection:
        return connection.execute(query).one()


def _audit(engine: Engine, company_id: int) -> list[Any]:
    table = tables.audit
    query = sa.select(table).where(
        table.c.company_id == company_id, table.c.what != "company added"
    )
    with company_reading(engine, company_id) as connection:
        return list(connection.execute(query.order_by(table.c.id)))


def _text(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", "", page)).split())


def test_what_it_might_be_stands_first_and_others_are_found_by_name(
    ann: Browser, company: int
) -> None:
    """As customers see it: the exact one, the similar one; a search has the rest."""
    path = f"/support/records/{company}-{_ACME}/link"
    assert path in ann.get(f"/support/records/{company}-{_ACME}").text
    first = _text(ann.get(path).text)
    assert "acme. client 7, similar, to be confirmed" in first
    assert "Holding" not in first
    found = ann.get(f"{path}?find=holding")
    assert "1 found." in found.text
    assert re.findall(r'name="mosaic_id" value="(\d+)"', found.text) == ["7", "8"]
    both = ann.get(f"{path}?find=acme").text
    assert re.findall(r'name="mosaic_id" value="(\d+)"', both) == ["7", "8"]
    assert "Nothing free in the right place" in ann.get(f"{path}?find=nobody").text
    exact = _text(ann.get(f"/support/records/{company}-{_BOLT}/link").text)
    assert "Bolt client 9, the same name" in exact


def test_what_would_happen_is_told_by_what_does_it_and_nothing_is_done_yet(
    ann: Browser, engine: Engine, company: int
) -> None:
    """The new name in Mosaic, the hours that wait for it, and how to undo it."""
    before = _record(engine, company)
    act = f"/support/records/{company}-{_ACME}/act"
    asked = ann.post(act, do="link", why=WHY, mosaic_id=["8", ""])
    told = _text(asked.text)
    assert asked.status_code == 200
    assert "Acme of QuickBooks is Holding of Acme (8) in Mosaic from then on." in told
    assert "Its name there becomes Acme." in told
    assert "2 records wait for it, and can go on then." in told
    assert "To undo it, take the choice back" in told
    assert "Nothing is written before" not in told
    assert _record(engine, company) == before
    assert _audit(engine, company) == []
    with company_transaction(engine, company) as connection:
        registry.change(connection, company, mode="preview")
    same = ann.post(act, do="link", why=WHY, mosaic_id="7")
    assert "Nothing is written before this company is live." in same.text


def test_a_link_is_made_after_the_question_and_taken_back(
    ann: Browser, engine: Engine, company: int
) -> None:
    """With who, why, and what was linked to what; the question says all again."""
    page = f"/support/records/{company}-{_ACME}"
    asked = ann.post(f"{page}/act", do="link", why=WHY, mosaic_id="8").text
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', asked))
    assert fields == {"do": "link", "why": WHY, "mosaic_id": "8"}
    done = ann.post(f"{page}/act", **fields, confirmed="yes")
    assert done.status_code == 303
    assert _record(engine, company).mosaic_id == 8
    assert "client 8 already" in ann.get(f"{page}/link").text
    assert "Take the choice back" in ann.get(page).text
    assert ann.post(f"{page}/act", do="undo", why="No.").status_code == 303
    assert _record(engine, company).mosaic_id is None
    linked, undone = _audit(engine, company)
    assert (linked.who, linked.what, linked.why) == ("ann", "record linked", WHY)
    assert linked.detail == {"record": _ACME, "mosaic_id": 8}
    assert (undone.what, undone.why) == ("said of records: undo", "No.")
    assert undone.detail["records"] == [_ACME]


def test_what_cannot_be_linked_is_refused_before_the_question(
    ann: Browser, engine: Engine, company: int
) -> None:
    """With the reason; so is a pick and another number beside it."""
    act = f"/support/records/{company}-{_ACME}/act"
    for wrong in ("99", "", "x", "-7", str(2**70), ["7", "8"]):
        refused = ann.post(act, do="link", why=WHY, mosaic_id=wrong)
        assert refused.status_code == 409, wrong
        assert 'class="notice bad"' in refused.text
    time = ann.get(f"/support/records/{company}-950/link").text
    assert "only people, customers, jobs and service items are linked" in time
    assert 'value="link"' not in time
    assert _record(engine, company).mosaic_id is None


@pytest.mark.parametrize(
    ("do", "state"),
    [("new", "pending"), ("none", "do_not_link"), ("later", "unlinked")],
)
def test_a_choice_is_made_and_taken_back(
    ann: Browser, engine: Engine, company: int, do: str, state: str
) -> None:
    """As `choose` does: made anew, not linked, or decided later."""
    act = f"/support/records/{company}-{_ACME}/act"
    assert ann.post(act, do=do, why=WHY).status_code == 303
    row = _record(engine, company)
    assert (row.choice, row.state) == (do, state)
    assert ann.post(act, do="undo", why=WHY).status_code == 303
    assert _record(engine, company).choice is None
    told = [(one.what, one.who, one.why) for one in _audit(engine, company)]
    assert told == [
        (f"said of records: {do}", "ann", WHY),
        ("said of records: undo", "ann", WHY),
    ]


def test_a_linked_one_is_unlinked(ann: Browser, engine: Engine, company: int) -> None:
    """It waits for another word then."""
    page = f"/support/records/{company}-{_ACME}"
    ann.post(f"{page}/act", do="link", why=WHY, mosaic_id="7", confirmed="yes")
    assert ann.post(f"{page}/act", do="unlink", why=WHY).status_code == 303
    row = _record(engine, company)
    assert (row.mosaic_id, row.choice) == (None, "later")


def test_who_only_looks_picks_nothing(bob: Browser, company: int) -> None:
    """The page is a part of acting: it is read with the server's own login."""
    page = bob.get(f"/support/records/{company}-{_ACME}/link")
    assert (page.status_code, "may look" in page.text) == (403, True)
    assert bob.get(f"/support/records/{company}-1/link").status_code == 404
