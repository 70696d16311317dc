"""What is not kept for ever: once a day and company, what nobody needs any more goes.

Raw exchanges and callbacks hold what people wrote and go first, as addresses do from
which wrong passwords came; jobs with their events,
sessions, settled calls and what the server noted by itself in `audit` tell what
happened and stay longer. What happened to records (`record_event`) and what people did
to a company (`audit`) stays as long as the company.

Rule 1: nothing that is open goes, however old it is.
Rule 2: a company is found by an index, and a pass is a few short transactions: ids rise
with time, so each table is read from its oldest row on until one is young enough.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Engine

from qbwc_server import logs
from qbwc_server.companies import failed_logins, registry
from qbwc_server.decisions import alert_addresses
from qbwc_server.delivery.outbox import LOOKS_BEFORE_GIVING_UP
from qbwc_server.operations import clocks
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction, transaction

EVERY = timedelta(days=1)
_SOON = timedelta(minutes=1)
_FORGOTTEN = timedelta(days=1)
_BATCH = 500
_MOST_BATCHES = 20
_EXCHANGE, _JOB = tables.exchange, tables.job
_LOG = structlog.get_logger(__name__)

Needed = Callable[[int], sa.ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class _Kept:
    """A table of which old rows go.

    `began` is a moment that rises with the id, `over` one that is set when nothing
    more will come of the row; `needed` is a condition for what stays all the same.
    """

    table: sa.Table
    began: sa.Column[datetime]
    over: sa.ColumnElement[datetime]
    raw: bool
    needed: Needed
    parts: sa.Column[int] | None = None


def serve_next(engine: Engine, settings: Settings, now: datetime) -> int | None:
    """Housekeep the company that has waited longest; None if none is due.

    Returns how many rows went. It is no harm if this dies half-way: the rest goes the
    next time.
    """
    company_id = registry.take_next(engine, tables.duty.c.housekeep_at, now, EVERY)
    if company_id is None:
        return None
    with transaction(engine) as connection:
        _leave_no_strangers(connection, now)
    logs.about(company=company_id)
    with company_transaction(engine, company_id) as connection:
        clocks.put_right(connection, company_id, now)
    gone, finished = clear(engine, company_id, settings, now)
    if not finished:
        with company_transaction(engine, company_id) as connection:
            registry.change(connection, company_id, housekeep_at=now + _SOON)
    if gone:
        _LOG.info("old rows removed", company=company_id, rows=gone)
    return gone


def clear(
    engine: Engine, company_id: int, settings: Settings, now: datetime
) -> tuple[int, bool]:
    """Remove what is old; return how many rows, and whether nothing is left of it."""
    batches = 0
    with company_transaction(engine, company_id) as connection:
        before = now - timedelta(days=settings.exchange_days)
        gone = failed_logins.forget_old(connection, company_id, before)
        gone += alert_addresses.forget_old(connection, company_id, now)
    for kept in _KEPT:
        days = settings.exchange_days if kept.raw else settings.history_days
        after: int | None = 0
        while after is not None:
            if batches == _MOST_BATCHES:
                return gone, False
            batches += 1
            with company_transaction(engine, company_id) as connection:
                limit = now - timedelta(days=days)
                removed, after = _clear_some(connection, company_id, kept, after, limit)
            gone += removed
    return gone, True


def _clear_some(
    connection: Connection, company_id: int, kept: _Kept, after: int, limit: datetime
) -> tuple[int, int | None]:
    """Look at the next oldest rows; return how many went, and where to go on."""
    table = kept.table
    rows = connection.execute(
        sa.select(
            table.c.id,
            sa.and_(kept.over < limit, ~kept.needed(company_id)).label("goes"),
        )
        .where(table.c.company_id == company_id, table.c.id > after, kept.began < limit)
        .order_by(table.c.id)
        .limit(_BATCH)
    ).all()
    ids = [row.id for row in rows if row.goes]
    if ids:
        if kept.parts is not None:
            connection.execute(
                kept.parts.table.delete().where(
                    kept.parts.table.c.company_id == company_id, kept.parts.in_(ids)
                )
            )
        connection.execute(
            table.delete().where(table.c.company_id == company_id, table.c.id.in_(ids))
        )
    return len(ids), rows[-1].id if len(rows) == _BATCH else None


def _leave_no_strangers(connection: Connection, now: datetime) -> None:
    """Remove what belongs to no company and means nothing any more.

    A bucket that was not touched for a day is full, as a new one would be.
    """
    old = now - _FORGOTTEN
    failure, budget = tables.login_failure, tables.mosaic_budget
    for key, condition in (
        (failure.c.who, failure.c.last_at < old),
        (
            budget.c.key_hash,
            sa.and_(
                budget.c.refilled_at < old,
                sa.func.coalesce(budget.c.blocked_until, old) <= old,
            ),
        ),
    ):
        some = sa.select(key).where(condition).limit(_BATCH)
        connection.execute(
            key.table.delete().where(key.in_(some.with_for_update(skip_locked=True)))
        )


def _nothing(_company_id: int) -> sa.ColumnElement[bool]:
    return sa.false()


def _asked_for_again(company_id: int) -> sa.ColumnElement[bool]:
    """Tell which exchanges stay beside those of open work.

    Those that our program failed on and that are to be replayed.
    """
    return sa.or_(_EXCHANGE.c.failed_at.is_not(None), _of_open_work(company_id))


def _of_open_work(company_id: int) -> sa.ColumnElement[bool]:
    """Tell which exchanges are needed, however old they are.

    Those of jobs that are open: a lost write is asked about by its message set, and a
    person who decides about a failed one looks at it. The latest set with writes, which
    the next one names to QuickBooks as one to forget. And those of a session that still
    goes on.
    """
    latest = sa.select(sa.func.max(_EXCHANGE.c.id)).where(
        _EXCHANGE.c.company_id == company_id, _EXCHANGE.c.message_set_id.is_not(None)
    )
    of_open_job = sa.exists().where(
        _JOB.c.company_id == company_id,
        _EXCHANGE.c.company_id == company_id,
        _JOB.c.exchange_id == _EXCHANGE.c.id,
        _JOB.c.finished_at.is_(None),
    )
    session = tables.session
    of_live_session = sa.exists().where(
        session.c.company_id == company_id,
        _EXCHANGE.c.company_id == company_id,
        session.c.id == _EXCHANGE.c.session_id,
        session.c.state != "closed",
    )
    return sa.or_(
        _EXCHANGE.c.id == sa.func.coalesce(latest.correlate(None).scalar_subquery(), 0),
        of_open_job,
        of_live_session,
    )


def _given_up(_company_id: int) -> sa.ColumnElement[bool]:
    """Tell which calls say that Mosaic took a creation that never appeared.

    They are what keeps it from being sent again.
    """
    call = tables.mosaic_call
    return sa.and_(
        call.c.operation == "create",
        call.c.state == "refused",
        call.c.looks >= LOOKS_BEFORE_GIVING_UP,
    )


_SETTLED = sa.case(
    (_EXCHANGE.c.state == "lost", _EXCHANGE.c.sent_at),
    else_=_EXCHANGE.c.applied_at,
)
_KEPT = (
    _Kept(_EXCHANGE, _EXCHANGE.c.sent_at, _SETTLED, True, _asked_for_again),
    _Kept(_EXCHANGE, _EXCHANGE.c.sent_at, _SETTLED, False, _of_open_work),
    _Kept(
        tables.mosaic_callback,
        tables.mosaic_callback.c.received_at,
        tables.mosaic_callback.c.handled_at,
        True,
        _nothing,
    ),
    _Kept(
        _JOB,
        _JOB.c.created_at,
        _JOB.c.finished_at,
        False,
        _nothing,
        tables.job_event.c.job_id,
    ),
    _Kept(
        tables.mosaic_call,
        tables.mosaic_call.c.created_at,
        tables.mosaic_call.c.settled_at,
        False,
        _given_up,
    ),
    _Kept(
        tables.session,
        tables.session.c.started_at,
        tables.session.c.ended_at,
        False,
        _nothing,
    ),
    _Kept(
        tables.attention,
        tables.attention.c.began_at,
        tables.attention.c.ended_at,
        False,
        _nothing,
    ),
    # What somebody tried with a wrong ticket, and what the server noted by itself, as
    # that a connection was late; what people did stays.
    _Kept(
        tables.audit,
        tables.audit.c.at,
        sa.case(
            (tables.audit.c.who == "server", tables.audit.c.at),
            else_=tables.audit.c.last_at,
        ),
        False,
        _nothing,
    ),
)
