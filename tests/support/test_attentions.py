"""`support_attentions`: the view and the rule say the same of every company."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies import attention, registry
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
        rows = connection.execute(
            query.select_from(view).order_by(view.c.place, view.c.since.desc())
        )
        return [tuple(row) for row in rows]


def _first(engine: Engine, company_id: int) -> Any:
    """Return what `support_companies` says of it; None where nothing hinders it."""
    query = sa.text(
        "SELECT state, since, who_must_act, why, next_step FROM support_companies "
        "WHERE company_id = :company"
    ).columns(since=UTCDateTime)
    with engine.begin() as connection:
        row = connection.execute(query, {"company": company_id}).one()
    return None if row.state == "live" else tuple(row[1:])


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
    for mode, asks, late, last_seen, (wrong, guessed), key in product(
        ("live", "paused", "preview"),
        (
            *((), ("backup-restored",), ("never-heard-of",)),
            ("mosaic-unavailable", "too-many-gone", "list-not-read", "two-computers"),
            ("mosaic-key-missing", "time-tracking-off"),
            ("quickbooks-unsupported-country",),
        ),
        (None, clock()),
        (None, clock()),
        (
            *((None, None), (clock() - _LATER, clock() + _LATER)),
            *((clock() + _LATER, None), (None, clock() - _LATER)),
        ),
        ("secret", None),
    ):
        values = {
            "mode": mode,
            "late_at": late,
            "attention_id": None,
            "last_seen_at": last_seen,
            "wrong_password_at": wrong,
            "guessed_at": guessed,
            "mosaic_key": key,
        }
        with company_transaction(engine, 1) as connection:
            connection.execute(
                tables.company.update().where(tables.company.c.id == 1).values(**values)
            )
            connection.execute(tables.attention.delete())
            for at, reason in enumerate(asks):
                begun = clock() - at * _LATER
                attention.attend(connection, 1, error_id=reason, text=_TEXT, now=begun)
        said = _said(engine, 1)
        assert said == _seen(engine, 1), (values, asks)
        assert _first(engine, 1) == (said[0][2:3] + said[0][4:7] if said else None)
        many += len(said)
    assert many > 1_000


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
    assert _first(engine, 1) == said[0][2:3] + said[0][4:7]
    assert [(one[1], one[7], one[2], one[4]) for one in said] == [
        ("failed", 1, clock(), "support"),
        ("unused", 2, early, "support"),
        ("faults", 2, early, "support"),
        ("records", 3, early, "customer"),
    ]
