"""What the views tell: the same words as everywhere, for each state there is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine, Row

from qbwc_server import words
from qbwc_server.companies import logins, registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.decisions.listing import show
from qbwc_server.keys import Keys
from qbwc_server.kinds import KINDS, time_entry
from qbwc_server.records import history
from qbwc_server.storage import tables
from qbwc_server.storage.database import (
    company_reading,
    company_transaction,
    next_id,
)
from qbwc_server.support.views import Wanted, look
from tests.both_read import both_read
from tests.conftest import Clock
from tests.jobs import jobs

NewCompanies = Callable[..., NewCompany]


def _all(engine: Engine, view: str, where: str = "1 = 1") -> list[Row[Any]]:
    with engine.begin() as connection:
        return list(
            connection.exec_driver_sql(f"SELECT * FROM {view} WHERE {where}").all()
        )


def _keep(engine: Engine, company_id: int, clock: Clock, **values: object) -> None:
    """Keep a record as it may come to be."""
    with company_transaction(engine, company_id) as connection:
        number = next_id(connection, company_id)
        row = {
            "company_id": company_id,
            "id": number,
            "name": "Ann Lee",
            "quickbooks_id": f"Q{number}",
            "mosaic_type": values["kind"],
            "mosaic_id": number,
            "created_at": clock(),
            "changed_at": clock(),
            **values,
        }
        connection.execute(tables.record.insert(), row)


def test_each_state_of_each_kind_is_told_as_the_command_tells_it(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """One table of words: a view and `records explain` cannot say different things."""
    company = new_company()
    closer: tuple[dict[str, object], ...] = (
        {},
        {"waits_for": "customer:C1"},
        {"choice": "later"},
        {"reason": "Mosaic said no."},
    )
    for kind in (*KINDS, time_entry.NAME):
        for state in tables.RECORD_STATES:
            for values in closer:
                _keep(engine, company.id, clock, kind=kind, state=state, **values)

    seen = {row.record_id: row for row in _all(engine, "support_records")}
    assert len(seen) == 8 * len(tables.RECORD_STATES) * len(closer)
    stored = registry.find(engine, "1")
    with company_reading(engine, company.id) as connection:
        for one in show(connection, stored, sorted(seen)):
            row = seen[one.id]
            assert (row.state, row.why) == (one.state, one.why)
            assert (row.who_must_act, row.next_step) == (one.who, one.next_step)


@pytest.mark.parametrize("state", tables.JOB_STATES)
def test_each_state_of_a_job_is_told(
    engine: Engine, new_company: NewCompanies, clock: Clock, state: str
) -> None:
    """With the reason where there is one, and since when."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        number = jobs.add(connection, company.id, clock()).id
        connection.execute(tables.company.update().values(last_seen_at=clock()))
        connection.execute(
            tables.job.update()
            .where(tables.job.c.company_id == company.id)
            .values(
                state=state,
                exchange_id=1,
                finished_at=clock() if state in tables.JOB_FINAL else None,
            )
        )
    (row,) = _all(engine, "support_jobs", f"state = '{state}'")
    told = words.state("job", state)
    assert (row.why, row.next_step) == (told.happened, told.do)
    assert row.job == f"{company.id}-{number}"


def test_each_attention_of_a_company_is_told(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """Also codes of QuickBooks, and an id that nobody knows."""
    company = new_company()
    for error_id in (
        *("wrong-company-file", "mosaic-key-missing", "quickbooks-0x80040408"),
        *("quickbooks-status-3261", "never-heard-of"),
    ):
        with engine.begin() as connection:
            connection.execute(
                tables.company.update().values(
                    attention_id=error_id, attention="Look.", last_seen_at=clock()
                )
            )
        (row,) = _all(engine, "support_companies")
        told = words.attention(error_id)
        assert (row.state, row.why) == ("attention", "Look.")
        assert row.next_step == told.do
        assert row.who_must_act == words.who_must_act(told)
        assert row.company_id == company.id


def test_what_hinders_a_company_first_is_told(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """A computer that is off is mended before anything that needs it."""
    new_company()
    seen = []
    steps: tuple[dict[str, object], ...] = (
        {"mode": "preview"},
        {"last_seen_at": clock()},
        {"file_name": "Vale"},
        {"attention_id": "wrong-company-file", "attention": "Another is open."},
        {"late_at": clock()},
        {"wrong_password_at": clock() - timedelta(days=1)},
        {"wrong_password_at": clock() + timedelta(minutes=1)},
        {"mode": "paused"},
    )
    for values in steps:
        with engine.begin() as connection:
            if "file_name" in values:
                both_read(connection, 1, clock())
            connection.execute(tables.company.update().values(**values))
        (row,) = _all(engine, "support_companies")
        seen.append((row.state, row.who_must_act))
        assert row.next_step
    assert seen == [
        *(("waiting", "customer"), ("first_reads", "nobody")),
        *(("preview", "customer"), ("attention", "customer")),
        *(("late", "customer"), ("late", "customer"), ("wrong_password", "customer")),
        ("paused", "support"),
    ]


def test_a_wrong_password_is_kept_once_a_minute(
    engine: Engine, keys: Keys, new_company: NewCompanies, clock: Clock
) -> None:
    """For its own company alone; the right one leaves no trace."""
    alice, bob = new_company("Alice"), new_company("Bob")

    def wrong() -> list[Any]:
        logins.check(engine, keys, alice.username, "no", peer="1.1.1.1", now=clock())
        rows = _all(engine, "support_companies", "company_id = 1")
        return [row.wrong_password_at for row in rows]

    first = wrong()
    clock.pass_(seconds=30)
    assert wrong() == first != [None]
    clock.pass_(seconds=31)
    assert wrong() != first
    logins.check(engine, keys, bob.username, bob.password, peer="2.2.2.2", now=clock())
    (row,) = _all(engine, "support_companies", "company_id = 2")
    assert (row.state, row.wrong_password_at) == ("waiting", None)


def test_what_waits_for_the_customer_is_counted(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """Not what waits for another record, nor time without a counterpart."""
    company = new_company()
    for kind, state, values in (
        ("customer", "unlinked", {}),
        ("customer", "unlinked", {"waits_for": "customer:C1"}),
        ("time_entry", "unlinked", {}),
        ("time_entry", "conflict", {}),
        ("employee", "in_sync", {}),
    ):
        _keep(engine, company.id, clock, kind=kind, state=state, **values)
    (row,) = _all(engine, "support_companies")
    assert (row.records_for_customer, row.conflicts, row.failed_jobs) == (2, 1, 0)


def test_history_and_audit_tell_who_did_what(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """With the record in words and as commands take it."""
    company = new_company()
    _keep(engine, company.id, clock, kind="employee", state="in_sync")
    with company_transaction(engine, company.id) as connection:
        number = connection.execute(sa.select(tables.record.c.id)).scalar_one()
        history.event(
            connection,
            company.id,
            number,
            at=clock(),
            what="linked",
            by="Eve",
            detail={"now": 7},
        )
    (row,) = _all(engine, "support_history")
    assert (row.what, row.who, row.about) == ("linked", "Eve", "employee Ann Lee")
    assert row.record == f"{company.id}-{number}"
    (added,) = _all(engine, "support_audit")
    assert (added.what, added.who) == ("company added", "operator")


def test_a_decision_is_found_by_what_it_is_about(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """A job, a record, a message, or one of a list; with what that is, for people."""
    company = new_company()
    other = new_company("Bob")
    _keep(engine, company.id, clock, kind="employee", state="in_sync")
    with company_transaction(engine, company.id) as connection:
        number = connection.execute(sa.select(tables.record.c.id)).scalar_one()
        for what, detail in (
            ("job retried", {"job": 71, "summary": "Read customers", "before": "x"}),
            ("record linked", {"record": number, "mosaic_id": 7}),
            ("exchange replayed", {"exchange": 72}),
            ("records read again", {"records": [73, number, 74]}),
            ("many read again", {"records": []}),
            ("company read again", None),
        ):
            registry.audit(
                connection, company.id, clock(), who="Eve", what=what, detail=detail
            )

    def found(of: int, company_id: int = company.id) -> list[tuple[str, str]]:
        wanted = Wanted(id=f"{company_id}-{of}")
        with engine.begin() as connection:
            rows = look(connection, "audit", wanted)
        return [(row.what, row.about) for row in rows]

    assert found(71) == [("job retried", "Read customers")]
    assert found(72) == [("exchange replayed", "message")]
    assert found(73) == [("records read again", "records")]
    assert found(number) == [
        ("records read again", "records"),
        ("record linked", "employee Ann Lee"),
    ]
    assert found(99) == []
    assert found(71, other.id) == []
    rows = {row.what: row.refs for row in _all(engine, "support_audit")}
    assert rows["records read again"] == ", ".join(
        f"{company.id}-{one}" for one in (73, number, 74)
    )
    assert rows["many read again"] is None
    assert rows["company read again"] is None


@pytest.mark.parametrize(
    ("code", "topic", "part"),
    [
        ("3175", "status", "open in QuickBooks"),
        ("3200", "status", ""),
        ("0x80040408", "hresult", "QuickBooks"),
        ("QBWC1039", "web_connector", ""),
        ("company-file-locked", "web_connector", "computer"),
    ],
)
def test_a_code_of_quickbooks_is_explained_where_support_looks(
    engine: Engine, code: str, topic: str, part: str
) -> None:
    """As it stands in the answer, in the log, or in the Status column."""
    with engine.begin() as connection:
        rows = look(connection, "words", Wanted(id=code))
    (row,) = [one for one in rows if one.topic == topic]
    assert part in row.what
    assert row.next_step.endswith((".", "?"))
