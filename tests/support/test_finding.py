"""What somebody has in hand finds it: an old id, a person, a day, a word, a file."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies import attention, registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.records import history
from qbwc_server.records.told import former
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction, operator_transaction
from qbwc_server.storage.support_reading import support_reading
from qbwc_server.support import finding, open_work, views
from qbwc_server.support.open_work import Asked, Key
from qbwc_server.support.views import NotThere, Wanted
from tests.conftest import Clock
from tests.jobs import jobs

NewCompanies = Callable[..., NewCompany]
_MARIA, _LEO = "80-1", "80-2"


def _time(company_id: int, number: int, day: str, **more: Any) -> dict[str, Any]:
    person, job = more.pop("person", _MARIA), more.pop("job", "90-1")
    own = {"date": day, "minutes": 60, "person": person, "job": job, "notes": ""}
    mosaic_person = more.pop("mosaic_person", None)
    values: dict[str, Any] = {
        "company_id": company_id,
        "id": number,
        "kind": "time_entry",
        "state": "in_sync",
        "name": f"{day} somebody",
        "day": day,
    }
    if mosaic_person is None:
        values |= {
            "quickbooks_id": f"T{number}",
            "quickbooks": own,
            "parent_id": person,
        }
    else:
        there = {**own, "person": mosaic_person, "job": [7, None]}
        values |= {"mosaic_type": "time_entry", "mosaic_id": number, "mosaic": there}
    return values | more


def _listed(company_id: int, number: int, kind: str, name: str, its: str) -> Any:
    return {
        "company_id": company_id,
        "id": number,
        "kind": kind,
        "state": "in_sync",
        "name": name,
        "quickbooks_id": its,
    }


@pytest.fixture(autouse=True)
def _firms(engine: Engine, new_company: NewCompanies, clock: Clock) -> None:
    """Two companies: Maria works in both, Leo in one."""
    for name in ("Alice", "Bob"):
        one = new_company(name).id
        rows = [
            {
                **_listed(one, 1, "employee", "Maria Santos", _MARIA),
                "mosaic_type": "employee",
                "mosaic_id": 55,
            },
            _listed(one, 2, "customer", "Finn Family:Kitchen", "90-1"),
            _time(one, 11, "2026-11-24"),
            _time(one, 12, "2026-11-26"),
            _time(one, 13, "2026-11-24", mosaic_person=55),
        ]
        if name == "Bob":
            rows += [
                _listed(one, 3, "employee", "Leo Marsh", _LEO),
                _time(one, 14, "2026-11-24", person=_LEO, job="90-2"),
            ]
        with company_transaction(engine, one) as connection:
            for row in rows:
                kept = {"created_at": clock(), "changed_at": clock(), **row}
                connection.execute(tables.record.insert(), kept)


def _found(
    engine: Engine, what: str = "records", **wanted: Any
) -> list[tuple[int, int]]:
    key = {
        "records": "record_id",
        "exchanges": "exchange_id",
        "history": "event_id",
        "calls": "call_id",
    }
    with support_reading(engine) as connection:
        rows = views.look(connection, what, Wanted(**wanted))
    return sorted((row.company_id, getattr(row, key[what])) for row in rows)


def test_a_person_is_found_in_whatever_case_on_both_sides(engine: Engine) -> None:
    """In one company by a part of the name, in all by how it begins."""
    assert _found(engine, person="sANTOS", company_id=1) == [(1, 11), (1, 12), (1, 13)]
    both = [(one, number) for one in (1, 2) for number in (11, 12, 13)]
    assert _found(engine, person="maria") == both
    assert _found(engine, person="leo") == [(2, 14)]
    with pytest.raises(NotThere, match="Nobody is called 'santos'"):
        _found(engine, person="santos")


def test_a_day_of_a_person_and_a_job_is_found(engine: Engine) -> None:
    """What was asked on the telephone: Maria, Tuesday, the kitchen."""
    tuesday = ("2026-11-24", "2026-11-24")
    assert _found(engine, company_id=2, days=tuesday) == [(2, 11), (2, 13), (2, 14)]
    assert _found(engine, company_id=2, days=tuesday, person="Leo") == [(2, 14)]
    assert _found(engine, company_id=2, days=tuesday, job="kitchen") == [(2, 11)]
    assert _found(engine, company_id=1, days=("2026-11-25", None)) == [(1, 12)]
    for wanted in ({"days": tuesday}, {"company_id": 1, "job": "kitchen"}):
        with pytest.raises(NotThere):
            _found(engine, **wanted)


def test_a_name_is_found_in_whatever_case(engine: Engine) -> None:
    """Of lists in all companies; of time within one."""
    assert _found(engine, name="FINN") == [(1, 2), (2, 2)]
    assert _found(engine, name="SOMEBODY", company_id=1) == [(1, 11), (1, 12), (1, 13)]
    assert _found(engine, name="somebody") == []


def test_a_former_id_finds_the_record_and_its_history(
    engine: Engine, clock: Clock
) -> None:
    """A TxnID, a number in Mosaic and the number of a record that was joined."""
    with company_transaction(engine, 1) as connection:
        old = [("quickbooks", "OLD-1"), ("mosaic", "777")]
        former.keep(connection, 1, 12, old, clock())
        history.event(connection, 1, 9, at=clock(), what="made", by="x")
        history.move(connection, 1, 9, clock(), to=12)
    assert _found(engine, id="OLD-1") == [(1, 12)]
    assert _found(engine, id="777") == [(1, 12)]
    assert _found(engine, id="1-9") == [(1, 12)]
    assert _found(engine, id="2-9") == []
    assert len(_found(engine, "history", id="OLD-1")) == 1


def test_what_is_of_a_record_is_found_by_the_id_that_the_record_has(
    engine: Engine, clock: Clock
) -> None:
    """Its history and its writes; one that is not there leads to nothing."""
    with company_transaction(engine, 1) as connection:
        history.event(connection, 1, 12, at=clock(), what="made", by="x")
    assert len(_found(engine, "history", id="T12")) == 1
    assert len(_found(engine, "history", id="1-12")) == 1
    assert _found(engine, "history", id="T12", company_id=2) == []
    assert _found(engine, "history", id="NO-SUCH") == []


def test_a_name_of_a_write_is_looked_for_within_a_company(engine: Engine) -> None:
    """No index has it; what only looks like one of our numbers is no such name."""
    ref = str(uuid.UUID(int=7))
    with pytest.raises(NotThere, match="Name a company"):
        _found(engine, "calls", id=ref)
    assert _found(engine, "calls", id=ref, company_id=1) == []
    assert _found(engine, "calls", id="T-1") == []


def test_a_number_that_very_many_have_asks_for_a_company(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every Mosaic counts from one; nothing is left out without a word."""
    assert _found(engine, "history", id="55") == []
    monkeypatch.setattr(finding, "MOST_LED_TO", 1)
    with pytest.raises(NotThere, match="More than 1 are called '55'"):
        _found(engine, "history", id="55")
    assert _found(engine, "history", id="55", company_id=1) == []


def _sent(engine: Engine, clock: Clock, number: int, text: str, **more: Any) -> None:
    with company_transaction(engine, 1) as connection:
        connection.execute(
            tables.exchange.insert(),
            {
                "company_id": 1,
                "id": number,
                "session_id": 1,
                "purpose": "work",
                "state": "answered",
                "request": text,
                "sent_at": clock() - timedelta(hours=number),
                **more,
            },
        )


def test_a_text_is_found_in_messages_of_a_company_and_some_days(
    engine: Engine, clock: Clock
) -> None:
    """In whatever case; not without the company, and not in a whole year."""
    _sent(engine, clock, 31, "<Notes>Bolt Mills</Notes>")
    _sent(engine, clock, 32, "<Notes>other</Notes>")
    span = {"since": clock() - timedelta(days=8), "until": clock()}
    assert _found(engine, "exchanges", text="bolt mills", company_id=1, **span) == [
        (1, 31)
    ]
    year = {"since": clock() - timedelta(days=300), "until": clock()}
    for wanted in ({"text": "x", **span}, {"text": "x", "company_id": 1, **year}):
        with pytest.raises(NotThere):
            _found(engine, "exchanges", **wanted)


def test_a_company_is_found_by_its_file(engine: Engine) -> None:
    """As the customer reads it from the title of the window."""
    with company_transaction(engine, 2) as connection:
        connection.execute(
            tables.company.update()
            .where(tables.company.c.id == 2)
            .values(file_path=r"C:\Books\Maple & Finch.QBW")
        )
    with support_reading(engine) as connection:
        rows = views.look(connection, "companies", Wanted(file="maple & FINCH"))
    assert [row.company for row in rows] == ["Bob"]


def test_how_many_follow_is_counted(engine: Engine) -> None:
    """Beyond a key; so nothing is cut silently."""
    with support_reading(engine) as connection:
        (first,) = views.look(connection, "records", Wanted(), limit=1)
        after = views.key("records", first)
        assert after == (2, 14)
        assert views.left(connection, "records", Wanted()) == 12
        assert views.left(connection, "records", Wanted(after=after)) == 11


def test_what_waits_is_listed_over_all_companies(engine: Engine, clock: Clock) -> None:
    """Conflicts, and what is stuck for longer than somebody says."""
    record = tables.record
    for one, state in ((1, "conflict"), (2, "pending")):
        with company_transaction(engine, one) as connection:
            connection.execute(
                record.update()
                .where(record.c.id == 12, record.c.company_id == one)
                .values(state=state)
            )
    now = clock() + timedelta(hours=2)
    with support_reading(engine) as connection:
        (told,) = open_work.look(connection, Asked("conflicts", now), limit=9)
        assert (told.company, told.reference) == ("Alice", "1-12")
        (stuck,) = open_work.look(connection, Asked("stuck", now), limit=9)
        assert (stuck.company, stuck.reference) == ("Bob", "2-12")
        later = timedelta(hours=3)
        assert not open_work.look(connection, Asked("stuck", now, later), limit=9)
        for which in open_work.LISTS:
            open_work.look(connection, Asked(which, now), limit=9)


def test_what_waits_goes_on_page_by_page_with_nothing_twice_or_left_out(
    engine: Engine, clock: Clock
) -> None:
    """Of several kinds, of one moment or none, in several companies, and counted."""
    now, word = clock(), tables.word
    with operator_transaction(engine) as connection:
        # Nobody knows since when a key is missing.
        connection.execute(
            word.update()
            .where(word.c.name == "mosaic-key-missing")
            .values(who_must_act="support")
        )
    moments = [now - timedelta(hours=one) for one in (9, 9, 5, 5, 5)]
    for company_id in (1, 2):
        with company_transaction(engine, company_id) as connection:
            numbers = connection.execute(
                sa.select(tables.record.c.id)
                .where(tables.record.c.company_id == company_id)
                .limit(len(moments))
            ).scalars()
            for number, at in zip([*numbers], moments, strict=True):
                connection.execute(
                    tables.record.update()
                    .where(
                        tables.record.c.company_id == company_id,
                        tables.record.c.id == number,
                    )
                    .values(state="conflict", changed_at=at)
                )
            for _ in range(3):
                jobs.into(connection, company_id, moments[-1], "failed")
            registry.change(connection, company_id, mosaic_key=None)
            for reason in ("mosaic-delivery-failed", "write-in-doubt"):
                attention.attend(
                    connection, company_id, error_id=reason, text="x", now=moments[-1]
                )
    with support_reading(engine) as connection:
        for which, kinds in (
            ("ours", {"attentions", "jobs"}),
            ("conflicts", {"records"}),
            ("failed", {"jobs"}),
        ):
            asked = Asked(which, now)
            every = [one.key for one in open_work.look(connection, asked, limit=99)]
            seen: list[str] = []
            after = None
            while page := open_work.look(connection, asked, limit=2, after=after):
                seen += [one.key for one in page]
                after = Key.read(seen[-1])
                left = open_work.left(connection, asked, after)
                assert left == len(every) - len(seen)
            assert seen == every
            assert len(set(seen)) == len(seen) > 4
            assert {Key.read(one).what for one in seen} == kinds
            assert (Key.read(seen[-1]).since is None) == (which == "ours")


def test_unread_answers_are_listed_over_all_companies(
    engine: Engine, clock: Clock
) -> None:
    """They are ours."""
    _sent(engine, clock, 33, "x", failed_at=clock(), answered_at=clock())
    with support_reading(engine) as connection:
        for which in ("unread", "ours"):
            found = open_work.look(connection, Asked(which, clock()), limit=9)
            assert "1-33" in {one.reference for one in found}


def test_a_moment_is_told_by_the_clock_of_the_companys_computer(
    engine: Engine, clock: Clock
) -> None:
    """Of a history; unknown where the computer's clock is."""
    with company_transaction(engine, 1) as connection:
        connection.execute(
            tables.company.update()
            .where(tables.company.c.id == 1)
            .values(offset_minutes=-300)
        )
    for one in (1, 2):
        with company_transaction(engine, one) as connection:
            history.event(connection, one, 12, at=clock(), what="x", by="y")
    there = f"{clock() - timedelta(hours=5):%Y-%m-%d %H:%M:%S}"
    query = "SELECT company_id, local_at FROM support_history ORDER BY company_id"
    with engine.begin() as connection:
        rows = [tuple(row) for row in connection.execute(sa.text(query))]
    assert rows == [(1, there), (2, None)]
