"""Exchanges: each message set handed out, and its answer, byte for byte.

Rule 1: what leaves is committed before it leaves.
Rule 2: an answer is kept as it came, before anything looks into it, but for personal
data, which is never stored.
Rule 3: nothing that QuickBooks or Web Connector said is stored but through this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.jobs import queue
from qbwc_server.qbxml import personal
from qbwc_server.storage import statements, tables
from qbwc_server.storage.database import next_id

_TABLE = tables.exchange
_NO_ANSWER = "No answer came."
_LARGE = {"request", "answer"}
_HEAD = [column for column in _TABLE.c if column.name not in _LARGE]
_ONE = (
    statements.equal(_TABLE.c.company_id, "company"),
    statements.equal(_TABLE.c.id, "exchange"),
)
_GET = sa.select(_TABLE).where(*_ONE)
_TAKE = (
    _TABLE.update()
    .where(*_ONE, _TABLE.c.applied_at.is_(None))
    .values(applied_at=statements.said(_TABLE.c.applied_at, "now"))
    .returning(*_HEAD)
)
_INSERT = _TABLE.insert()
_ENOUGH = 50
_OF_SESSION = (
    statements.equal(_TABLE.c.company_id, "company"),
    statements.equal(_TABLE.c.session_id, "session"),
    _TABLE.c.purpose != "hcp",
    _TABLE.c.applied_at.is_not(None),
)
_IS_OF_USE = sa.and_(
    _TABLE.c.hresult.is_(None),
    # A text that cannot be read has a reason, and no other mark.
    sa.or_(
        _TABLE.c.reason.is_(None),
        _TABLE.c.state == "refused",
        _TABLE.c.failed_at.is_not(None),
    ),
)
_ANY_OF_USE = sa.select(_TABLE.c.id).where(*_OF_SESSION, _IS_OF_USE).limit(1)
_JOBS = (
    sa.select(*queue.COLUMNS)
    .where(
        statements.equal(tables.job.c.company_id, "company"),
        statements.equal(tables.job.c.exchange_id, "exchange"),
    )
    .order_by(tables.job.c.priority, tables.job.c.run_at, tables.job.c.id)
)


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it was stored; `problem` is why it cannot be read, if it cannot."""

    answer: str
    hresult: str | None
    problem: str | None


def send(
    connection: Connection,
    company_id: int,
    *,
    session_id: int,
    jobs: Sequence[queue.Job],
    cursors: Sequence[dict[str, Any] | None],
    request: str,
    purpose: str,
    now: datetime,
    message_set_id: str | None = None,
) -> int:
    """Keep a request as an exchange, its jobs as sent, and return the exchange's id.

    `cursors` go with the jobs: how far each has come. Only the first page of a read
    counts as an attempt.
    """
    exchange_id = next_id(connection, company_id)
    connection.execute(
        _INSERT,
        {
            "company_id": company_id,
            "id": exchange_id,
            "state": "sent",
            "purpose": purpose,
            "session_id": session_id,
            "message_set_id": message_set_id,
            "writes": any(job.writes for job in jobs),
            "sent_at": now,
            "request": request,
        },
    )
    for job, cursor in zip(jobs, cursors, strict=True):
        pages = (cursor or {}).get("pages", 0)
        queue.move(
            connection,
            job,
            "sent",
            by="web connector",
            now=now,
            exchange_id=exchange_id,
            attempt=job.attempt + (0 if pages else 1),
            cursor=cursor,
            sent_at=now,
        )
    return exchange_id


def keep_answer(
    connection: Connection,
    company_id: int,
    exchange_id: int,
    *,
    answer: str,
    hresult: str,
    message: str,
    now: datetime,
    reason: str | None = None,
) -> Kept | None:
    """Keep an answer and return it; None if the exchange has one or waits for none.

    `reason` says why it cannot be read, where that is known before it is parsed.
    """
    kept = Kept(storable(answer, reason), hresult or None, reason)
    changed = statements.change(
        connection,
        _TABLE,
        {"company_id": company_id, "id": exchange_id, "state": "sent"},
        {
            "state": "answered",
            "reason": reason,
            "answer": kept.answer,
            "hresult": kept.hresult,
            "message": personal.dropped_anywhere(message) or None,
            "answered_at": now,
        },
    )
    return kept if changed == 1 else None


def keep_late(
    connection: Connection,
    company_id: int,
    exchange_id: int,
    answer: str,
    now: datetime,
    reason: str | None = None,
) -> None:
    """Keep an answer that came after its exchange was taken as lost, to be read.

    `reason` is as in `keep_answer`.
    """
    connection.execute(
        _TABLE.update()
        .where(
            _TABLE.c.company_id == company_id,
            _TABLE.c.id == exchange_id,
            _TABLE.c.state == "lost",
            _TABLE.c.answer.is_(None),
        )
        .values(
            answer=storable(answer, reason),
            answered_at=now,
            reason="The answer came too late.",
        )
    )


def storable(answer: str, unreadable: str | None = None) -> str:
    """Return an answer as it is kept: without personal data.

    `unreadable` says why nobody can parse it; then it is looked for in other ways.
    """
    if unreadable is not None:
        return personal.dropped_anywhere(answer)
    return personal.dropped(answer)


def get(connection: Connection, company_id: int, exchange_id: int) -> Row[Any]:
    """Return the row of an exchange."""
    given = {"company": company_id, "exchange": exchange_id}
    return connection.execute(_GET, given).one()


def answered_before(
    connection: Connection, company_id: int, session_id: int, exchange_id: int
) -> tuple[bool, ...]:
    """Tell of each earlier set of a session if its answer was of use, latest first.

    What Web Connector brought along unasked is none, and what our own program failed
    on was an answer. Of a long session the latest are told.
    """
    rows = connection.execute(
        sa.select(_IS_OF_USE)
        .where(*_OF_SESSION, _TABLE.c.id < sa.bindparam("before"))
        .order_by(_TABLE.c.id.desc())
        .limit(_ENOUGH),
        {"company": company_id, "session": session_id, "before": exchange_id},
    )
    return tuple(bool(row[0]) for row in rows)


def is_answered(connection: Connection, company_id: int, session_id: int) -> bool:
    """Tell whether QuickBooks has answered anything in a session that was of use."""
    given = {"company": company_id, "session": session_id}
    return connection.execute(_ANY_OF_USE, given).first() is not None


def take(
    connection: Connection, company_id: int, exchange_id: int, now: datetime
) -> Row[Any] | None:
    """Note that an answer is worked with; None if that was done before.

    The row is returned without its texts, which may be long.
    """
    given = {"company": company_id, "exchange": exchange_id, "now": now}
    return connection.execute(_TAKE, given).first()


def change(
    connection: Connection, company_id: int, exchange_id: int, **values: object
) -> None:
    """Change columns of an exchange."""
    key = {"company_id": company_id, "id": exchange_id}
    statements.change(connection, _TABLE, key, values)


def fail(
    connection: Connection,
    company_id: int,
    exchange_id: int | None,
    *,
    reason: str,
    now: datetime,
) -> None:
    """Note that our program failed on an answer, or on a part of it; see `replays`."""
    connection.execute(
        _TABLE.update()
        .where(_TABLE.c.company_id == company_id, _TABLE.c.id == exchange_id)
        .values(failed_at=now, reason=reason[:500])
    )


def jobs_of(
    connection: Connection, company_id: int, exchange_id: int
) -> list[queue.Job]:
    """Return the jobs of an exchange, in the order of their requests."""
    given = {"company": company_id, "exchange": exchange_id}
    return [queue.Job(*row) for row in connection.execute(_JOBS, given)]


def lose(
    connection: Connection, company_id: int, exchange_id: int, *, by: str, now: datetime
) -> None:
    """Take an exchange as lost: its reads go out again, its writes are unsure."""
    change(connection, company_id, exchange_id, state="lost", reason=_NO_ANSWER)
    for job in jobs_of(connection, company_id, exchange_id):
        if job.state != "sent":
            continue
        if job.writes:
            queue.move(connection, job, "unsure", by=by, now=now, reason=_NO_ANSWER)
        else:
            queue.move(connection, job, "ready", by=by, now=now, reason=_NO_ANSWER)


def keep_unasked(
    connection: Connection, company_id: int, session_id: int, answer: str, now: datetime
) -> None:
    """Keep the answers that Web Connector brings along without being asked."""
    connection.execute(
        _TABLE.insert(),
        {
            "company_id": company_id,
            "id": next_id(connection, company_id),
            "state": "answered",
            "purpose": "hcp",
            "session_id": session_id,
            "sent_at": now,
            "answered_at": now,
            "applied_at": now,
            "request": "",
            "answer": storable(answer),
        },
    )


def latest(
    connection: Connection, company_id: int, session_id: int, *purposes: str
) -> Row[Any] | None:
    """Return a session's latest exchange of any of the purposes."""
    return connection.execute(
        sa.select(_TABLE)
        .where(
            _TABLE.c.company_id == company_id,
            _TABLE.c.session_id == session_id,
            _TABLE.c.purpose.in_(purposes),
        )
        .order_by(_TABLE.c.id.desc())
        .limit(1)
    ).first()


def open_of(connection: Connection, company_id: int, session_id: int) -> list[int]:
    """Return a session's exchanges that wait for an answer or to be worked with."""
    return list(
        connection.execute(
            sa.select(_TABLE.c.id)
            .where(
                _TABLE.c.company_id == company_id,
                _TABLE.c.session_id == session_id,
                _TABLE.c.state.in_(("sent", "answered")),
                _TABLE.c.applied_at.is_(None),
            )
            .order_by(_TABLE.c.id)
        ).scalars()
    )
