"""Where a company stands, as its pages show it: read from what is stored, and bounded.

Whoever has a page open asks every few seconds, so nothing here grows with the company:
lists have pages by key, runs are those of a month.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server import words
from qbwc_server.companies import logins
from qbwc_server.companies.registry import Company
from qbwc_server.keys import Keys
from qbwc_server.kinds import conflict, time_entry
from qbwc_server.quickbooks import list_requests
from qbwc_server.standing import pace
from qbwc_server.standing.hindrance import Reason
from qbwc_server.standing.progress import Facts, Read, Run
from qbwc_server.standing.who_must_act import SHOWN, Counted
from qbwc_server.storage import tables
from qbwc_server.web_connector.status_column import NOTHING_TO_DO, WAIT

QUIET: Final = frozenset({"", WAIT, NOTHING_TO_DO})
"""What stands as a session's last error when none was."""
_RECORD, _SESSION, _JOB = tables.record, tables.session, tables.job
_MOST_RUNS: Final = 20_000
_LATELY: Final = timedelta(minutes=10)
_OF_A_RUN: Final = (
    *("id", "started_at", "ended_at", "ended_why", "last_error", "summary"),
    "file_path",
)


@dataclass(frozen=True, slots=True)
class Day:
    """The runs of one day in UTC: all, and those in which something went wrong."""

    day: date
    runs: int
    troubled: int


def facts(
    connection: Connection,
    keys: Keys,
    company: Company,
    counted: Sequence[Counted],
    hinders: Sequence[Reason],
    now: datetime,
    *,
    peer: str = "",
    to_see: tuple[str, ...] = (),
    is_unplaced: bool = False,
    is_filling: bool = False,
) -> Facts:
    """Return what `progress` derives the steps and answers from.

    `counted` is from `who_must_act.counts`, `hinders` from `reasons.read`; `peer` is
    the address of whoever looks; `to_see` and `is_unplaced` are what `standing.to_see`
    tells, `is_filling` is by `standing.filling`.
    """
    host = company.host or {}
    runs = latest_runs(connection, company.id, 1)
    run = Run(runs[0].started_at, runs[0].ended_at, runs[0].summary) if runs else None
    too_old = logins.too_old_at(connection, keys, company, peer, now)
    return Facts(
        now=now,
        mode=company.mode,
        poll_every=company.poll_every,
        mode_at=company.mode_at,
        paused_by=company.paused_by,
        paused_why=company.paused_why,
        hinders=tuple(hinders),
        too_old=words.attention("web-connector-too-old").said if too_old else None,
        last_seen_at=company.last_seen_at,
        file_name=company.file_name,
        file_path=company.file_path,
        product=str(host.get("product") or ""),
        automatic_login=bool(host.get("automatic_login")),
        personal_data=bool(host.get("personal_data")),
        time_tracking=company.time_tracking is not False,
        reads=_reads(connection, company, counted, now) if company.file_name else (),
        has_mosaic_key=company.mosaic_key is not None,
        mosaic_read_at=company.mosaic_read_at,
        mosaic_time_read=company.mosaic_time_from is not None
        or company.time_tracking is False,
        last_run=run,
        to_see=to_see,
        is_unplaced=is_unplaced,
        is_filling=is_filling,
    )


def _reads(
    connection: Connection,
    company: Company,
    counted: Sequence[Counted],
    now: datetime,
) -> tuple[Read, ...]:
    """Return how far the first read of each kind is that pages show."""
    known = {
        row.kind: row
        for row in connection.execute(
            sa.select(tables.reading).where(tables.reading.c.company_id == company.id)
        )
    }
    going: dict[str, dict[str, Any] | None] = {}
    over: list[dict[str, Any] | None] = []
    for job in connection.execute(
        sa.select(_JOB.c.kind, _JOB.c.cursor, _JOB.c.finished_at).where(
            _JOB.c.company_id == company.id,
            _JOB.c.action == "read",
            sa.or_(_JOB.c.finished_at.is_(None), _JOB.c.finished_at > now - _LATELY),
        )
    ):
        if job.finished_at is None:
            going[job.kind] = job.cursor
        else:
            over.append(job.cursor)
    names = [
        kind.name for kind in list_requests.kinds_of(company) if kind.name in SHOWN
    ]
    if company.time_tracking is not False:
        names.append(time_entry.NAME)
    totals = {one.kind: one.total for one in counted}
    paces = pace.told(going, over, now)
    found = []
    for name in names:
        row = known.get(name)
        done = row is not None and row.last_full_at is not None
        problem = row.problem if row is not None else None
        count = totals.get(name, 0)
        share, left = (None, None) if done else paces.get(name, (None, None))
        found.append(Read(SHOWN[name], count, done, share, left, problem))
    return tuple(found)


def conflicting(
    connection: Connection, company_id: int, after: int, limit: int
) -> tuple[list[Row[Any]], int | None]:
    """Return records of which a value lost or is to be chosen, and the next page.

    Those that a policy decided are among them until somebody has seen it.
    """
    rows = connection.execute(
        sa.select(_RECORD)
        .where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.conflict.is_not(None),
            _RECORD.c.id > after,
        )
        .order_by(_RECORD.c.id)
        .limit(limit + 1)
    ).all()
    shown = [row for row in rows[:limit] if not conflict.is_seen(row.conflict)]
    return shown, rows[limit - 1].id if len(rows) > limit else None


def every_record(
    connection: Connection, company_id: int, after: int, limit: int
) -> Sequence[Row[Any]]:
    """Return the records after a number, for a download in parts."""
    return connection.execute(
        sa.select(_RECORD)
        .where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.id > after,
            _RECORD.c.kind.in_(SHOWN),
        )
        .order_by(_RECORD.c.id)
        .limit(limit)
    ).all()


def latest_runs(
    connection: Connection, company_id: int, limit: int
) -> Sequence[Row[Any]]:
    """Return the last sessions, the newest first."""
    return connection.execute(
        sa.select(_SESSION)
        .where(_SESSION.c.company_id == company_id)
        .order_by(_SESSION.c.id.desc())
        .limit(limit)
    ).all()


def runs_since(
    connection: Connection, company_id: int, since: datetime
) -> Iterator[Row[Any]]:
    """Yield the sessions since a moment, the newest first: what a list tells of one."""
    rows = connection.execute(
        sa.select(*(_SESSION.c[name] for name in _OF_A_RUN))
        .where(_SESSION.c.company_id == company_id)
        .order_by(_SESSION.c.id.desc())
        .limit(_MOST_RUNS)
        .execution_options(yield_per=500)
    )
    for row in rows:
        if row.started_at < since:
            break
        yield row
    rows.close()


def days(
    connection: Connection, company_id: int, now: datetime, count: int = 30
) -> tuple[Day, ...]:
    """Return the runs of each of the last days, today last."""
    first = now.date() - timedelta(days=count - 1)
    begin = datetime.combine(first, datetime.min.time(), now.tzinfo)
    runs: dict[date, int] = {}
    troubled: dict[date, int] = {}
    for row in runs_since(connection, company_id, begin):
        day = row.started_at.date()
        runs[day] = runs.get(day, 0) + 1
        troubled[day] = troubled.get(day, 0) + went_wrong(row)
    return tuple(
        Day(day, runs.get(day, 0), troubled.get(day, 0))
        for day in (first + timedelta(days=n) for n in range(count))
    )


def went_wrong(row: Row[Any]) -> bool:
    """Tell whether a session ended with an error, or was left without an end."""
    if row.ended_at is None:
        return False
    return row.last_error not in QUIET or row.ended_why != "closed"
