"""Growth: what a poll costs when a company, or the server, has much.

The rows are made by the database itself, as they are after years of use.
"""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from bench import answers
from bench.drain import OBJECTS
from bench.firm import Firm
from bench.stand import Stand
from bench.wire import Times
from qbwc_server.jobs import claiming
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction

_ROUNDS = 7
_BATCH = 25


def fill(made: Stand, company_id: int, records: int, jobs: int) -> None:
    """Give a company so many time entries in sync, and finished jobs."""
    with made.engine.begin() as connection:
        connection.execute(
            sa.text(
                """INSERT INTO record (company_id, id, kind, state, name, day,
                quickbooks_id, quickbooks, edit_sequence, time_modified, parent_id,
                mosaic_type, mosaic_id, delivery_rank, created_at, changed_at)
                SELECT :company, 10000000 + n, 'time_entry', 'in_sync', 'entry ' || n,
                to_char(date '2016-01-01' + (n % 3650)::int, 'YYYY-MM-DD'),
                'OLD' || n, jsonb_build_object('minutes', 60, 'notes', 'entry ' || n),
                '1', '2025-01-01T00:00:00', '80000001-1', 'time_entry', n, 60,
                now(), now() FROM generate_series(1, :records) AS n"""
            ),
            {"company": company_id, "records": records},
        )
        connection.execute(
            sa.text(
                """INSERT INTO job (company_id, id, state, kind, action, summary,
                created_at, run_at, finished_at, priority)
                SELECT :company, 30000000 + n, 'done', 'customer', 'read', 'Read',
                now(), now(), now(), 50 FROM generate_series(1, :jobs) AS n"""
            ),
            {"company": company_id, "jobs": jobs},
        )
        connection.execute(
            tables.company_sequence.update()
            .where(tables.company_sequence.c.company_id == company_id)
            .values(last_id=90_000_000)
        )
    with made.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(sa.text("VACUUM ANALYZE"))


def polls(made: Stand, firm: Firm, company_id: int) -> float:
    """Return the milliseconds of an idle poll, the median."""
    _rest(made, company_id, timedelta(minutes=14))
    firm.poll()
    found = []
    for _ in range(50):
        begun = time.perf_counter()
        if not firm.poll():
            raise AssertionError("it has something to do")
        found.append(time.perf_counter() - begun)
    return statistics.median(found) * 1000


def claims(made: Stand, company_id: int) -> float:
    """Return the milliseconds of choosing the next jobs among all, the median.

    The company is given four times as many writes as go out together.
    """
    _wanted(made, company_id)
    found = []
    for _ in range(50):
        with company_transaction(made.engine, company_id) as connection:
            begun = time.perf_counter()
            chosen = claiming.claimable(
                connection, company_id, datetime.now(UTC), write_batch=_BATCH
            )
            found.append(time.perf_counter() - begun)
        if len(chosen) != _BATCH:
            raise AssertionError(f"{len(chosen)} jobs instead of {_BATCH}")
    return statistics.median(found) * 1000


def _wanted(made: Stand, company_id: int) -> None:
    with made.engine.begin() as connection:
        connection.execute(
            sa.text(
                """INSERT INTO job (company_id, id, state, kind, action, summary,
                created_at, run_at, priority)
                SELECT :company, 80000000 + n, 'ready', 'time_entry', 'add', 'Add',
                now(), now(), 10 FROM generate_series(1, :jobs) AS n"""
            ),
            {"company": company_id, "jobs": 4 * _BATCH},
        )


def changes(made: Stand, firm: Firm, company_id: int, number: int) -> float:
    """Return the milliseconds of a whole run that brings 100 changed entries."""
    size = 100
    found = []
    for once in range(_ROUNDS):
        _rest(made, company_id, timedelta())
        objects = answers.page(OBJECTS["TimeTrackingQuery"](size), number)
        changed = objects.replace(b"PT1H", b"PT%dH" % (once + 1))
        begun = time.perf_counter()
        firm.session("TimeTrackingQuery", answers.ready(changed), 1, size)
        found.append(time.perf_counter() - begun)
    return statistics.median(found[1:]) * 1000


def company(made: Stand, records: int, jobs: int) -> tuple[Firm, int]:
    """Return a company with so many records that was read before."""
    new, application = made.add(f"Grown {records} {time.time_ns()}")
    firm = Firm(new, application, made.port, Times())
    firm.open()
    firm.session("TimeTrackingQuery", b"", 0, 0)
    fill(made, new.id, records, jobs)
    return firm, new.id


def _rest(made: Stand, company_id: int, rest: timedelta) -> None:
    at = datetime.now(UTC) + rest if rest else None
    with made.engine.begin() as connection:
        connection.execute(
            tables.company.update()
            .where(tables.company.c.id == company_id)
            .values(next_read_at=at)
        )
