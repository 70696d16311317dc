"""What an auditor gets of a company: hours of a period, and all that became of them.

Files that any program reads, each with its SHA-256 in `SHA256SUMS`, so that
`sha256sum -c SHA256SUMS` says whether they are as they were made. They come from the
views for support, so they hold no password, ticket or key.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from qbwc_server import private
from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.storage.database import company_transaction
from qbwc_server.storage.support_reading import support_reading
from qbwc_server.support import views

SUMS: Final = "SHA256SUMS"
_AT_ONCE: Final = 500
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is run as a formula by programs for tables."""
_ABOUT: Final = """Hours of {company}, {first} to {last}.
As of {now} UTC, made by {who}.
Company file: {file}. Mosaic: {mosaic}, team {team}.

{files}
Moments are in UTC. Messages are kept for a limited time; older ones are not here.
Whether a file is as it was made: sha256sum -c {sums}
"""


@dataclass(frozen=True, slots=True)
class Exported:
    """A file that was made, with how many rows it has and its SHA-256."""

    name: str
    about: str
    rows: int
    sha256: str


def export(
    engine: Engine,
    company: Company,
    first: date,
    last: date,
    folder: Path,
    *,
    now: datetime,
    who: str,
    why: str | None,
) -> list[Exported]:
    """Write a company's hours of a period into a folder of its own.

    Both days are part of it. The decision is kept with who and why, before anything
    is written.

    Raises:
        FileExistsError: the folder is there already.
        NoSupport: the database's login may not read the views.
    """
    folder.mkdir(mode=0o700, parents=True)
    detail = {"from": first.isoformat(), "to": last.isoformat()}
    with company_transaction(engine, company.id) as connection:
        what = "company exported"
        registry.audit(
            connection, company.id, now, who=who, what=what, why=why, detail=detail
        )
    made: list[Exported] = []
    with support_reading(engine) as connection:
        for name, about, query in _queries(company.id, first, last):
            columns = [column.name for column in query.selected_columns]
            rows = _rows(connection, query)
            made.append(_write(folder, name, about, columns, rows))
    listed = "".join(f"{one.name}: {one.about} ({one.rows} rows)\n" for one in made)
    text = _ABOUT.format(
        company=company.name,
        file=company.file_name or "not known",
        mosaic=company.mosaic_url,
        team=company.mosaic_team,
        now=f"{now.astimezone(UTC):%Y-%m-%d %H:%M}",
        files=listed,
        sums=SUMS,
        who=who,
        first=first,
        last=last,
    ).encode()
    private.write(folder / "README.txt", text)
    readme = Exported("README.txt", "", 0, hashlib.sha256(text).hexdigest())
    sums = "".join(f"{one.sha256}  {one.name}\n" for one in (*made, readme))
    private.write(folder / SUMS, sums.encode())
    return made


def _queries(
    company_id: int, first: date, last: date
) -> Iterator[tuple[str, str, sa.Select[Any]]]:
    """Yield what is told: the file's name, what it is, and its rows."""
    days = (first.isoformat(), last.isoformat())
    since = datetime.combine(first, time(), UTC)
    until = datetime.combine(last + timedelta(days=1), time(), UTC)
    hours, records = views.view("hours"), views.view("records")
    here = records.c.company_id == company_id
    entries = sa.and_(
        here, records.c.kind == "time_entry", records.c.day.between(*days)
    )
    ours = sa.select(records.c.record_id).where(entries)

    def of_entries(what: str, key: str) -> sa.Select[Any]:
        table = views.view(what)
        own = sa.and_(table.c.company_id == company_id, table.c.record_id.in_(ours))
        return sa.select(table).where(own).order_by(table.c[key])

    def between(what: str, moment: str, key: str) -> sa.Select[Any]:
        table = views.view(what)
        at = table.c[moment]
        own = sa.and_(table.c.company_id == company_id, at >= since, at < until)
        return sa.select(table).where(own).order_by(table.c[key])

    yield (
        "hours.csv",
        "the hours of both sides, and why they differ",
        sa.select(hours)
        .where(hours.c.company_id == company_id, hours.c.day.between(*days))
        .order_by(hours.c.day, hours.c.record_id),
    )
    yield (
        "entries.csv",
        "each time entry as both sides have it",
        sa.select(records).where(entries).order_by(records.c.day, records.c.record_id),
    )
    yield "history.csv", "what happened to them", of_entries("history", "event_id")
    yield "jobs.csv", "what was written to QuickBooks", of_entries("jobs", "job_id")
    yield "calls.csv", "what was written to Mosaic", of_entries("calls", "call_id")
    yield (
        "messages.csv",
        "messages of the period to QuickBooks, and its answers",
        between("exchanges", "sent_at", "exchange_id"),
    )
    yield (
        "decisions.csv",
        "who decided what in the period, and why",
        between("audit", "at", "audit_id"),
    )


def _rows(connection: Connection, query: sa.Select[Any]) -> Iterator[Sequence[Any]]:
    streamed = connection.execution_options(yield_per=_AT_ONCE)
    yield from streamed.execute(query)


def _write(
    folder: Path,
    name: str,
    about: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
) -> Exported:
    digest, many = hashlib.sha256(), 0
    path = folder / name
    private.close(path, make=True)
    with path.open("wb") as file:
        line = io.StringIO()
        to = csv.writer(line)
        to.writerow(columns)
        for row in rows:
            to.writerow([_cell(value) for value in row])
            many += 1
            if line.tell() > 2**16:
                _pass_on(line, file, digest)
        _pass_on(line, file, digest)
    return Exported(name, about, many, digest.hexdigest())


def _pass_on(line: io.StringIO, file: io.BufferedWriter, digest: Any) -> None:
    data = line.getvalue().encode()
    file.write(data)
    digest.update(data)
    line.seek(0)
    line.truncate()


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False, sort_keys=True)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
