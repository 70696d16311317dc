"""Support's views among very much: what a page of each takes.

A company has a million records and as many finished jobs, ten thousand sessions and
twice as many exchanges, beside ten thousand other companies.
"""

from __future__ import annotations

import statistics
import time

import sqlalchemy as sa

from bench.stand import Stand
from qbwc_server.storage.database import operator_transaction
from qbwc_server.support import views
from qbwc_server.support.views import Wanted

_ROUNDS = 11
_ROWS, _COMPANIES = 50, 10_000


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

    Of companies it is all of them, of the others the first page of one company.
    """
    wanted = Wanted(company_id=company_id)
    found = {
        f"support_{what}": _taken(made, what, wanted, _ROWS)
        for what in ("records", "jobs", "sessions", "exchanges")
    }
    found["support_companies"] = _taken(made, "companies", Wanted(), _COMPANIES)
    return found


def _taken(made: Stand, what: str, wanted: Wanted, limit: int) -> dict[str, float]:
    taken = []
    for _ in range(_ROUNDS):
        with operator_transaction(made.engine) as connection:
            begun = time.perf_counter()
            shown = views.look(connection, what, wanted, limit=limit)
            taken.append((time.perf_counter() - begun) * 1000)
    return {
        "rows": float(len(shown)),
        "ms": statistics.median(taken),
        "longest_ms": max(taken),
    }
