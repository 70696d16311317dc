"""Support's views among very much: what a page of each takes.

A company has a million records and as many finished jobs, ten thousand sessions and
twice as many exchanges, beside ten thousand other companies.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bench.stand import Stand
from qbwc_server.storage.database import operator_transaction
from qbwc_server.support import health, views
from qbwc_server.support.views import Wanted

_ROUNDS = 11
_ROWS, _COMPANIES = 50, 10_000
_WEEK = sa.text(
    """SELECT * FROM support_hours WHERE company_id = :company AND day BETWEEN
    (SELECT CAST(CAST(max(day) AS date) - 6 AS text) FROM record
     WHERE company_id = :company AND kind = 'time_entry')
    AND (SELECT max(day) FROM record
         WHERE company_id = :company AND kind = 'time_entry')"""
)


def fill(made: Stand, company_id: int, sessions: int) -> None:
    """Give a company so many sessions with two exchanges each."""
    with made.engine.begin() as connection:
        for statement in (
            """INSERT INTO session (company_id, id, state, summary, started_at,
            last_call_at, ended_at, ended_why, ticket_hash)
            SELECT :company, 50000000 + n, 'closed', '3 time entries in.', now(), now(),
            now(), 'closed', 'h' || n FROM generate_series(1, :count) AS n""",
            """INSERT INTO exchange (company_id, id, state, purpose, session_id,
            sent_at, answered_at, applied_at, request, answer)
            SELECT :company, 60000000 + n, 'answered', 'work', 50000000 + n / 2, now(),
            now(), now(), repeat('<TimeTrackingQueryRq requestID="1"/>', 20),
            repeat('<TimeTrackingQueryRs requestID="1"/>', 20)
            FROM generate_series(1, 2 * :count) AS n""",
        ):
            connection.execute(
                sa.text(statement), {"company": company_id, "count": sessions}
            )
    with made.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(sa.text("VACUUM ANALYZE"))


def looks(made: Stand, company_id: int) -> dict[str, dict[str, float]]:
    """Return of each view the milliseconds, median and longest, and how many rows.

    Of companies and what hinders them it is all, of hours the last week of a company
    that has some, of the others the first page of one company.
    """
    wanted = Wanted(company_id=company_id)
    found = {
        f"support_{what}": _taken(made, what, wanted, _ROWS)
        for what in ("records", "jobs", "sessions", "exchanges")
    }
    every = Wanted()
    found["support_companies"] = _taken(made, "companies", every, _COMPANIES)
    found["support_attentions"] = _taken(made, "attentions", every, _COMPANIES)
    found["support_health"] = _timed(made, lambda db: health.now(db, datetime.now(UTC)))
    found["support_hours, a week"] = _timed(
        made,
        lambda db: db.execute(_WEEK, {"company": company_id}).all(),
    )
    return found


def _taken(made: Stand, what: str, wanted: Wanted, limit: int) -> dict[str, float]:
    return _timed(made, lambda db: views.look(db, what, wanted, limit=limit))


def _timed(
    made: Stand, look: Callable[[Connection], Sequence[object]]
) -> dict[str, float]:
    taken = []
    for _ in range(_ROUNDS):
        with operator_transaction(made.engine) as connection:
            begun = time.perf_counter()
            shown = look(connection)
            taken.append((time.perf_counter() - begun) * 1000)
    return {
        "rows": float(len(shown)),
        "ms": statistics.median(taken),
        "longest_ms": max(taken),
    }
