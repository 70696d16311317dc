"""How long a large company's preview, going live and searches take.

    python bench/preview.py [RECORDS] [DATABASE_URL]

Fills a new database (SQLite in memory's file system unless a URL is given) with a
company of RECORDS (10,000) in preview: half of them customers and jobs, of which Mosaic
has every third already, and half of them time. Prints seconds, CPU and statements.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.engine import Connection, Engine

from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.decisions import listing, overlap
from qbwc_server.keys import Keys
from qbwc_server.onboarding import forecast
from qbwc_server.onboarding.preview import preview
from qbwc_server.records import mosaic_objects
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import (
    company_reading,
    company_transaction,
    make_engine,
)
from qbwc_server.storage.schema import upgrade

_NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
_SECRET = "a-key-for-this-measurement-only-and-long-enough"
_JOBS_OF_A_CUSTOMER = 4
_PORTFOLIO = 900_000


def main() -> None:
    """Fill, measure and print."""
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        given = f"sqlite:///{folder}/qbwc.db"
        url = sys.argv[2] if len(sys.argv) > 2 else given
        settings = Settings(
            data_dir=Path(folder), database_url=url, secret_key=SecretStr(_SECRET)
        )
        engine = make_engine(url)
        upgrade(engine)
        company = _fill(engine, many)
        print(f"{engine.dialect.name}, {many:,} records")
        _measured("overlap.look", lambda: overlap.look(engine, company, _now))
        told = _measured("preview", lambda: preview(engine, company, settings, _now))
        for kind, counts in told.counts.items():
            print(f"    {kind}: {dict(counts)}")
        _measured(
            "forecast.make", lambda: forecast.make(engine, company, settings, _now)
        )
        with company_reading(engine, company.id) as connection:
            for text in ("customer 12", "nobody at all"):
                look = partial(
                    listing.page, connection, company, "jobs", search=text, limit=25
                )
                _measured(f"search {text!r}", look)
        engine.dispose()


def _now() -> datetime:
    return _NOW


def _measured(what: str, do: Callable[[], Any]) -> Any:
    said = 0

    def count(*_: Any) -> None:
        nonlocal said
        said += 1

    sa.event.listen(sa.Engine, "before_cursor_execute", count)
    began, busy = time.perf_counter(), time.process_time()
    found = do()
    took, busy = time.perf_counter() - began, time.process_time() - busy
    sa.event.remove(sa.Engine, "before_cursor_execute", count)
    print(f"{what}: {took:.3f} s, {busy:.3f} s of CPU, {said:,} statements", flush=True)
    return found


def _fill(engine: Engine, many: int) -> Company:
    made = registry.add(
        engine,
        Keys([_SECRET]),
        name="Harbor & Vale",
        mosaic_url="http://localhost:1",
        mosaic_team="1",
        mosaic_key="k",
        mode="preview",
        now=_NOW,
    )
    people, items = max(many // 100, 1), max(many // 200, 1)
    lists = many // 2 - people - items
    with company_transaction(engine, made.id) as connection:
        registry.change(
            connection,
            made.id,
            file_name="C:\\firm.qbw",
            mosaic_read_at=_NOW,
            mosaic_time_from="2020-01-01",
            mosaic_portfolio=_PORTFOLIO,
            last_session_at=_NOW,
        )
        jobs = _lists(connection, made.id, lists)
        _others(connection, made.id, people, items)
        _time(connection, made.id, many - lists - people - items, people, items, jobs)
        connection.execute(
            tables.company_sequence.update()
            .where(tables.company_sequence.c.company_id == made.id)
            .values(last_id=10_000_000)
        )
        return registry.get(connection, made.id)


def _lists(connection: Connection, company_id: int, lists: int) -> list[str]:
    rows, clients, projects, jobs = [], [], [], []
    for number in range(lists):
        above, below = divmod(number, _JOBS_OF_A_CUSTOMER + 1)
        name = f"Customer {above}"
        if below == 0:
            rows.append(_row(number + 1, "customer", f"C{above}", name, 20))
        else:
            key, job = f"J{number}", f"Job {below} of {above}"
            row = _row(number + 1, "customer", key, f"{name}:{job}", 21)
            rows.append({**row, "parent_id": f"C{above}"})
            jobs.append(key)
        if above % 3 == 0:
            if below == 0:
                clients.append({"mosaic_id": above + 1, "client_name": name.upper()})
            else:
                projects.append(
                    {
                        "mosaic_id": 100_000 + number,
                        "title": job,
                        "portfolio_id": _PORTFOLIO,
                        "client_id": above + 1,
                        "main_phase_id": 200_000 + number,
                        "is_archived": False,
                    }
                )
    _insert(connection, company_id, rows)
    for data_type, objects in (("client", clients), ("project", projects)):
        mosaic_objects.keep(connection, company_id, data_type, objects, run=1, now=_NOW)
    return jobs


def _others(connection: Connection, company_id: int, people: int, items: int) -> None:
    rows = []
    for number in range(people):
        name, email = f"Ann Number{number}", f"ann{number}@example.com"
        row = _row(100_000 + number, "employee", f"E{number}", name, 40)
        row["quickbooks"] |= {
            "first_name": "Ann",
            "last_name": f"Number{number}",
            "email": email if number % 10 else None,
        }
        rows.append(row)
    for number in range(items):
        row = _row(200_000 + number, "service_item", f"S{number}", f"Work {number}", 30)
        rows.append(row)
    _insert(connection, company_id, rows)


def _time(
    connection: Connection,
    company_id: int,
    entries: int,
    people: int,
    items: int,
    jobs: list[str],
) -> None:
    rows = []
    for number in range(entries):
        day = (date(2026, 3, 1) - timedelta(days=number // 20)).isoformat()
        row = _row(300_000 + number, "time_entry", f"T{number}", f"{day} entry", 60)
        person = f"E{number % people}"
        row |= {
            "day": day,
            "parent_id": person,
            "quickbooks": {
                "date": day,
                "minutes": 60 + number % 200,
                "person": person,
                "job": jobs[number % len(jobs)],
                "item": f"S{number % items}",
                "notes": "",
                "billable": "NotBillable",
                "class": None,
                "payroll_item": None,
            },
        }
        rows.append(row)
    _insert(connection, company_id, rows)


def _row(number: int, kind: str, key: str, name: str, rank: int) -> dict[str, Any]:
    last = name.rpartition(":")[2]
    snapshot = {"name": last, "is_active": True, "company_name": "", "parent_id": None}
    return {
        "id": number,
        "kind": kind,
        "state": "pending",
        "name": name,
        "quickbooks_id": key,
        "quickbooks": snapshot,
        "delivery_rank": rank,
        "parent_id": None,
        "day": None,
        "due_at": _NOW,
        "created_at": _NOW,
        "changed_at": _NOW,
    }


def _insert(
    connection: Connection, company_id: int, rows: list[dict[str, Any]]
) -> None:
    if rows:
        connection.execute(
            tables.record.insert(), [{"company_id": company_id, **row} for row in rows]
        )


if __name__ == "__main__":
    main()
