"""What the files of a team do about their hours in each pass, before any is planned.

What they have from before hours were claimed is claimed; reservations that are no
longer needed are taken back; and what waited to know whose it is goes on when it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.companies.team import missed_time, time_claims
from qbwc_server.jobs import queue
from qbwc_server.kinds.identity import Doubt
from qbwc_server.kinds.time_entry import NAME
from qbwc_server.kinds.time_owner import Origin, Whose, origin
from qbwc_server.planning.time_files import (
    FOR_CLAIMS,
    HELD,
    asked,
    questions,
    waiting_for_files,
)
from qbwc_server.quickbooks import time_jobs
from qbwc_server.records import due, waiting
from qbwc_server.records.one_or_two import meanwhile
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction

_RECORD, _JOB, _CALL = tables.record, tables.job, tables.mosaic_call
_CLAIM, _EVENT = tables.time_claim, tables.record_event
_BATCH = 500


def look_again(engine: Engine, company: Company, now: datetime) -> None:
    """Claim what is not claimed yet, and go on with what is decided by now."""
    _claim_all(engine, company, now)
    with company_transaction(engine, company.id) as connection:
        _reserve_missed(connection, company, now)
        _end_reservations(connection, company)
        waiting = questions(connection, company.id)
        entries = {-n: asked(one) for n, one in enumerate(waiting, 1)}
        known = {n: one for n, one in entries.items() if one is not None}
        files = time_claims.load(connection, company.id, company.team, known)
        complete = not time_claims.due(connection, company.team)
        missed = {one: missed_time.of_text(one) or () for one in waiting}
        names = {name for both in missed.values() for name in both}
        still = missed_time.reserved(connection, company.team, names)
        decided = [
            one
            for n, one in enumerate(waiting, 1)
            if (one == FOR_CLAIMS and complete)
            or (missed[one] and still.keys().isdisjoint(missed[one]))
            or (-n in known and not _open(files.whose(-n, known[-n])))
        ]
        if decided:
            wake(connection, company.id, decided, now)
        claimed = _claimed_since(connection, company)
        if claimed:
            due.make_due(connection, company.id, claimed, now)


def _claimed_since(connection: Connection, company: Company) -> list[int]:
    """Return what waits for a person's word though a file holds it by now."""
    rows = connection.execute(
        sa.select(_RECORD.c.id)
        .join(
            _CLAIM,
            (_CLAIM.c.team == company.team)
            & (_CLAIM.c.mosaic_id == _RECORD.c.mosaic_id),
        )
        .where(
            _RECORD.c.company_id == company.id,
            _RECORD.c.kind == NAME,
            waiting_for_files(),
        )
    )
    return list(rows.scalars())


def _open(found: Whose) -> bool:
    return found in {Whose.ASK, Whose.WAIT}


def wake(
    connection: Connection, company_id: int, decided: Sequence[str], now: datetime
) -> None:
    """Have entries looked at again that waited for something."""
    waiting.wake_decided(connection, company_id, decided, now)
    registry.change(connection, company_id, deliver_at=now)


def let_go_of_missed(engine: Engine, company: Company, now: datetime) -> None:
    """Leave to the other files what cannot be what this one sent and missed.

    Not before callbacks were taken and Mosaic was read: a file that was not served for
    days learns only by these what came meanwhile, and a paused one reads nothing.
    """
    if company.mode != "live":
        return
    with company_transaction(engine, company.id) as connection:
        _reserve_missed(connection, company, now, let_go=True)


def _reserve_missed(
    connection: Connection, company: Company, now: datetime, *, let_go: bool = False
) -> None:
    """Tell the other files what this one sent and missed, while it may come."""
    waits = _RECORD.c.waits_for.startswith(missed_time.WAITS)
    meanwhile.ask_what_came_late(connection, company.id, waits, now)
    since = now - meanwhile.LATE
    rows = connection.execute(meanwhile.missed(company.id, since)).all()
    sent = [Doubt.of(row.basis, row.created_at).wanted for row in rows]
    asked = meanwhile.asked_in_mosaic(connection, company.id)
    missed_time.reserve(
        connection, company.team, company.id, sent, asked, now=now, let_go=let_go
    )


def _end_reservations(connection: Connection, company: Company) -> None:
    """Take back reservations, but not before what was created is claimed.

    What is claimed and due again, tomorrow perhaps, is another matter.
    """
    company_id = company.id
    claimed = sa.exists().where(
        _CLAIM.c.team == company.team, _CLAIM.c.mosaic_id == _RECORD.c.mosaic_id
    )
    unclaimed = connection.execute(
        sa.select(_RECORD.c.id)
        .where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.kind == NAME,
            _RECORD.c.mosaic_id.is_not(None),
            _RECORD.c.due_at.is_not(None),
            ~claimed,
        )
        .limit(1)
    ).first()
    if unclaimed is not None:
        return
    calls = connection.execute(
        sa.select(_CALL.c.fields).where(
            _CALL.c.company_id == company_id,
            _CALL.c.data_type == NAME,
            _CALL.c.operation == "create",
            _CALL.c.settled_at.is_(None),
        )
    )
    still = {fields["member_id"] for fields in calls.scalars()}
    time_claims.end_reservations(connection, company_id, still)


def _claim_all(engine: Engine, company: Company, now: datetime) -> None:
    """Claim what the files of a team have from before they had to.

    Where two files have the same entry, the one it comes from is to hold it: so first
    all claim what they created in Mosaic, then what was their own, then the rest.
    """
    with company_transaction(engine, company.id) as connection:
        files = time_claims.due(connection, company.team)
    for wanted in Origin:
        for company_id in files:
            after: int | None = 0
            while after is not None:
                with company_transaction(engine, company_id) as connection:
                    after = _claim_some(
                        connection, company_id, company.team, wanted, after, now
                    )
    for company_id in files:
        with company_transaction(engine, company_id) as connection:
            _hold_what_others_have(connection, company_id, company.team, now)
            registry.change(
                connection, company_id, time_claims=time_claims.KEPT, deliver_at=now
            )


def _claim_some(
    connection: Connection,
    company_id: int,
    team: str,
    wanted: Origin,
    after: int,
    now: datetime,
) -> int | None:
    created = sa.exists().where(
        _EVENT.c.company_id == _RECORD.c.company_id,
        _EVENT.c.record_id == _RECORD.c.id,
        _EVENT.c.what == "created in Mosaic",
    )
    rows = connection.execute(
        sa.select(
            _RECORD.c.id,
            _RECORD.c.mosaic_id,
            _RECORD.c.external_guid,
            created.label("created"),
        )
        .where(*_on_both_sides(company_id), _RECORD.c.id > after)
        .order_by(_RECORD.c.id)
        .limit(_BATCH)
    ).all()
    mine = [
        row.mosaic_id
        for row in rows
        if wanted is origin(created=row.created, added=row.external_guid is not None)
    ]
    time_claims.claim(connection, team, company_id, mine, now=now)
    return rows[-1].id if len(rows) == _BATCH else None


def _on_both_sides(company_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        _RECORD.c.company_id == company_id,
        _RECORD.c.kind == NAME,
        _RECORD.c.mosaic_id.is_not(None),
        _RECORD.c.quickbooks_id.is_not(None),
    )


def _hold_what_others_have(
    connection: Connection, company_id: int, team: str, now: datetime
) -> None:
    """Stop what waits to be written about entries of others, and plan the rest anew."""
    held = connection.execute(
        sa.select(_RECORD.c.id)
        .join(
            _CLAIM,
            (_CLAIM.c.team == team) & (_CLAIM.c.mosaic_id == _RECORD.c.mosaic_id),
        )
        .where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.kind == NAME,
            _CLAIM.c.held_by.is_distinct_from(company_id),
        )
    )
    ids = set(held.scalars())
    jobs = queue.select(
        connection,
        company_id,
        _JOB.c.kind == NAME,
        _JOB.c.record_id.is_not(None),
        _JOB.c.finished_at.is_(None),
    )
    time_jobs.withdraw(
        connection, [one for one in jobs if one.record_id in ids], HELD, now
    )
    undecided = connection.execute(
        sa.select(_RECORD.c.id).where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.kind == NAME,
            _RECORD.c.mosaic_id.is_not(None),
            _RECORD.c.quickbooks_id.is_(None),
        )
    )
    due.make_due(connection, company_id, sorted(ids | set(undecided.scalars())), now)
