"""`support_attentions`: the view and the rule say the same of every company."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies import registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.standing import reasons
from qbwc_server.storage import tables
from qbwc_server.storage.database import (
    UTCDateTime,
    company_reading,
    company_transaction,
)
from tests.conftest import Clock
from tests.jobs import jobs

NewCompanies = Callable[..., NewCompany]
_COLUMNS = (
    *("place", "reason", "since", "last_seen_at", "who_must_act", "why", "next_step"),
    "many",
)
_LATER = timedelta(minutes=5)
_TEXT = "Another company file is open."


def _said(engine: Engine, company_id: int) -> list[Any]:
    with company_reading(engine, company_id) as connection:
        found = reasons.read(connection, company_id)
    return [tuple(getattr(one, name) for name in _COLUMNS) for one in found]


def _seen(engine: Engine, company_id: int) -> list[Any]:
    moments = {"since", "last_seen_at"}
    columns = [
        sa.column(name, UTCDateTime) if name in moments else sa.column(name)
        for name in _COLUMNS
    ]
    view = sa.table("support_attentions", *columns, sa.column("company_id"))
    query = sa.select(*columns).where(view.c.company_id == company_id)
    with engine.begin() as connection:
        rows = connection.execute(query.select_from(view).order_by(view.c.place))
        return [tuple(row) for row in rows]


def _run(engine: Engine, number: int, at: datetime, error: str, **more: Any) -> None:
    row = {
        "company_id": 1,
        "id": number,
        "state": "closed",
        "started_at": at,
        "last_call_at": at,
        "ended_at": at,
        "ended_why": "closed",
        "ticket_hash": f"h{number}",
        "last_error": error,
        **more,
    }
    with company_transaction(engine, 1) as connection:
        connection.execute(tables.session.insert().values(**row))


def _record(number: int, at: datetime, **values: Any) -> dict[str, Any]:
    plain = {column.name: None for column in tables.record.c}
    return plain | {
        "company_id": 1,
        "id": number,
        "name": "Ann",
        "state": "refused",
        "kind": "time_entry",
        "created_at": at,
        "changed_at": at,
        "quickbooks_gone": False,
        "mosaic_gone": False,
        "misses": 0,
        "attempt": 0,
        "failures": 0,
        "delivery_rank": 50,
        **values,
    }


def test_view_and_rule_say_the_same_however_a_company_is(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """Every mode, attention, silence and password together, and what is counted."""
    new_company()
    new_company("Another")
    many = 0
    for mode, asks, late, last_seen, wrong, key in product(
        ("live", "paused", "preview"),
        (None, "backup-restored", "two-computers", "never-heard-of"),
        (None, clock()),
        (None, clock()),
        (None, clock() - _LATER, clock() + _LATER),
        ("secret", None),
    ):
        values = {
            "mode": mode,
            "attention_id": asks,
            "late_at": late,
            "attention": asks and _TEXT,
            "last_seen_at": last_seen,
            "wrong_password_at": wrong,
            "mosaic_key": key,
        }
        with company_transaction(engine, 1) as connection:
            connection.execute(
                tables.company.update().where(tables.company.c.id == 1).values(**values)
            )
        said = _said(engine, 1)
        assert said == _seen(engine, 1), values
        many += len(said)
    assert many > 500


def test_what_is_counted_stands_beside_what_stops(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """A failed job, unused answers, our faults, and what waits for the customer."""
    new_company()
    early = clock() - _LATER
    with company_transaction(engine, 1) as connection:
        registry.change(connection, 1, last_seen_at=clock(), mosaic_key="secret")
        jobs.add(connection, 1, clock())
        connection.execute(tables.job.update().values(state="failed"))
        exchange = {
            "company_id": 1,
            "state": "answered",
            "purpose": "work",
            "session_id": 1,
            "sent_at": early,
            "request": "",
            "failed_at": early,
        }
        connection.execute(
            tables.exchange.insert(), [{"id": 700, **exchange}, {"id": 701, **exchange}]
        )
        rows = [
            _record(800, clock(), unread="No duration."),
            _record(801, early, failures=5),
            _record(802, early, failures=5, restored="missing"),
            _record(803, clock(), state="conflict"),
            _record(804, clock(), state="unlinked"),
            _record(805, clock(), state="unlinked", kind="customer"),
            _record(806, clock(), state="unlinked", kind="job", waits_for="customer:1"),
            _record(807, clock(), state="in_sync"),
        ]
        connection.execute(tables.record.insert(), rows)
    said = _said(engine, 1)
    assert said == _seen(engine, 1)
    assert [(one[1], one[7], one[2], one[4]) for one in said] == [
        ("failed", 1, clock(), "support"),
        ("unused", 2, early, "support"),
        ("faults", 2, early, "support"),
        ("records", 3, early, "customer"),
    ]


def test_an_attention_stands_since_the_first_run_that_ended_with_it(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """Runs with nothing to do are between; one that knew the file ends what was."""
    new_company()
    at = clock()
    for number, (error, known) in enumerate(
        [
            *((_TEXT, False), ("", True), (_TEXT, False), ("", False)),
            *((_TEXT, False), ("Nothing to do now.", False)),
        ],
        101,
    ):
        _run(engine, number, at + number * _LATER, error, identified=known)
    with company_transaction(engine, 1) as connection:
        registry.change(
            connection,
            1,
            last_seen_at=at,
            mosaic_key="secret",
            attention=_TEXT,
            attention_id="wrong-company-file",
        )
    (said,) = _said(engine, 1)
    assert [said] == _seen(engine, 1)
    assert said[2:4] == (at + 103 * _LATER, at + 105 * _LATER)
    _run(engine, 107, at + 107 * _LATER, "Something else.", identified=False)
    (said,) = _said(engine, 1)
    assert [said] == _seen(engine, 1)
    assert said[2:4] == (None, None)
