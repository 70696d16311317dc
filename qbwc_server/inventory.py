"""What Mosaic has: its lists as last read, to match by name before creating.

The lists are streamed and kept in the database, not in memory. An object counts as
deleted in Mosaic only when two complete reads in a row did not show it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row

from qbwc_server import claims, companies, models, records
from qbwc_server.database import company_transaction, next_id, upsert
from qbwc_server.kinds.mosaic_shape import key_of, snapshot
from qbwc_server.sync import (
    Candidate,
    Choice,
    Wanted,
    match_key,
    name_key,
    near_key,
)

_TABLE = models.mosaic_object
_RECORD = models.record
_CALL = models.mosaic_call
_CHUNK = 500
MISSES = 2
MOST_PORTFOLIOS = 50
"""Each costs a request whenever the lists are read."""


class Lists(Protocol):
    """The part of Mosaic's client that reads lists."""

    def read(self, data_type: str, **filters: Any) -> Iterator[dict[str, Any]]:
        """Return every object of a type."""


def refresh(
    engine: Engine,
    company_id: int,
    lists: Lists,
    data_type: str,
    *,
    portfolio: int | None,
    now: datetime,
) -> None:
    """Read one list of Mosaic whole and bring what we know of it up to it.

    A list that breaks off changes only what it showed: nothing is taken for deleted.

    Raises:
        MosaicError, BudgetSpent: the list could not be read to its end.
    """
    filters: list[dict[str, Any]] = [{}]
    with company_transaction(engine, company_id) as connection:
        run = next_id(connection, company_id)
        if data_type == "project":
            portfolios = _portfolios(connection, company_id, portfolio)
            filters = [{"portfolio_id": one} for one in portfolios]
    if not filters:
        return
    for each in filters:
        for objects in _chunks(lists.read(data_type, **each)):
            with company_transaction(engine, company_id) as connection:
                keep(connection, company_id, data_type, objects, run=run, now=now)
    with company_transaction(engine, company_id) as connection:
        _drop_missing(connection, company_id, data_type, run, now)


def _portfolios(connection: Connection, company_id: int, own: int | None) -> list[int]:
    """Return the portfolios that are looked into: its own, then some of the others.

    Mosaic lists projects by portfolio, and other integrations had their own ones.
    """
    there = connection.execute(
        sa.select(_TABLE.c.mosaic_id)
        .where(_TABLE.c.company_id == company_id, _TABLE.c.data_type == "portfolio")
        .order_by(_TABLE.c.is_archived, _TABLE.c.mosaic_id)
        .limit(MOST_PORTFOLIOS)
    ).scalars()
    others = [one for one in there if one != own]
    return others if own is None else [own, *others]


def keep(
    connection: Connection,
    company_id: int,
    data_type: str,
    objects: Iterable[dict[str, Any]],
    *,
    run: int,
    now: datetime,
) -> None:
    """Keep objects as Mosaic has them, and look again at records that differ."""
    rows = []
    for one in objects:
        found = snapshot(data_type, one)
        if found is not None:
            rows.append(
                {
                    "company_id": company_id,
                    "data_type": data_type,
                    "mosaic_id": one["mosaic_id"],
                    "name": str(found.get("name") or found.get("email")),
                    "match_key": key_of(data_type, found),
                    "name_key": name_key(str(found.get("name") or found.get("email"))),
                    "near_key": near_key(called(found)),
                    "is_archived": found["archived"],
                    "snapshot": found,
                    "seen_in": run,
                    "misses": 0,
                }
            )
    upsert(connection, _TABLE, rows, key=("company_id", "data_type", "mosaic_id"))
    by_id = {row["mosaic_id"]: row["snapshot"] for row in rows}
    linked = connection.execute(
        sa.select(_RECORD.c.id, _RECORD.c.mosaic_id, _RECORD.c.mosaic).where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.mosaic_type == data_type,
            _RECORD.c.mosaic_id.in_(list(by_id)),
        )
    ).all()
    for record in linked:
        if record.mosaic != by_id[record.mosaic_id]:
            connection.execute(
                _RECORD.update()
                .where(_RECORD.c.company_id == company_id, _RECORD.c.id == record.id)
                .values(mosaic=by_id[record.mosaic_id], due_at=now)
            )


def candidates(
    connection: Connection,
    company_id: int,
    wanted: Wanted,
    *,
    record_id: int,
    team: str,
) -> list[Candidate]:
    """Return what Mosaic has, or is about to have, under any of the wanted names.

    A project that needs no client, because its customer is the project itself, may
    stand under any.
    """
    data_type = wanted.data_type
    keys = [match_key(name, wanted.parent) for name in wanted.names]
    under_any = data_type == "project" and wanted.parent is None
    named = (
        _TABLE.c.name_key.in_([name_key(name) for name in wanted.names])
        if under_any
        else _TABLE.c.match_key.in_(keys)
    )
    claimed = sa.and_(
        _RECORD.c.company_id == _TABLE.c.company_id,
        _RECORD.c.mosaic_type == _TABLE.c.data_type,
        _RECORD.c.mosaic_id == _TABLE.c.mosaic_id,
        _RECORD.c.id != record_id,
    )
    there = connection.execute(
        sa.select(_TABLE, _RECORD.c.name.label("claimed_by"))
        .select_from(_TABLE.outerjoin(_RECORD, claimed))
        .where(
            _TABLE.c.company_id == company_id,
            _TABLE.c.data_type == data_type,
            named,
        )
        .order_by(_TABLE.c.mosaic_id)
    ).all()
    elsewhere = claims.held_elsewhere(
        connection, team, company_id, data_type, [row.mosaic_id for row in there]
    )
    found = [
        Candidate(
            row.mosaic_id,
            match_key(row.name) if under_any else row.match_key,
            row.is_archived,
            row.claimed_by,
            elsewhere=row.mosaic_id in elsewhere,
        )
        for row in there
        if not row.snapshot.get("is_main")
    ]
    coming = connection.execute(
        sa.select(_CALL.c.match_key).where(
            _CALL.c.company_id == company_id,
            _CALL.c.data_type == data_type,
            _CALL.c.operation == "create",
            _CALL.c.settled_at.is_(None),
            _CALL.c.match_key.in_(keys),
            _CALL.c.record_id != record_id,
        )
    )
    return found + [
        Candidate(0, row.match_key, archived=False, claimed_by="another record")
        for row in coming
    ]


def unclaimed(
    connection: Connection, company_id: int, data_type: str, key: str
) -> list[tuple[int, dict[str, Any]]]:
    """Return (id, snapshot) of objects under a key that no record is linked to.

    Mosaic counts up a phase's name that is in use: `Roof` may have become `Roof (1)`.
    """
    linked = sa.exists().where(
        _RECORD.c.company_id == _TABLE.c.company_id,
        _RECORD.c.mosaic_type == _TABLE.c.data_type,
        _RECORD.c.mosaic_id == _TABLE.c.mosaic_id,
    )
    same = _TABLE.c.match_key == key
    if data_type == "phase":
        same |= _TABLE.c.match_key.startswith(f"{key} (", autoescape=True)
    rows = connection.execute(
        sa.select(_TABLE)
        .where(
            _TABLE.c.company_id == company_id,
            _TABLE.c.data_type == data_type,
            same,
            ~linked,
        )
        .order_by(_TABLE.c.match_key, _TABLE.c.mosaic_id)
    )
    return [
        (row.mosaic_id, row.snapshot) for row in rows if not row.snapshot.get("is_main")
    ]


def get(
    connection: Connection, company_id: int, data_type: str, mosaic_id: int
) -> dict[str, Any] | None:
    """Return the snapshot of an object as last read."""
    row = connection.execute(
        sa.select(_TABLE.c.snapshot).where(
            _TABLE.c.company_id == company_id,
            _TABLE.c.data_type == data_type,
            _TABLE.c.mosaic_id == mosaic_id,
        )
    ).first()
    return None if row is None else row.snapshot


def called(found: dict[str, Any]) -> str:
    """Return what people call an object: a member by name, not by address."""
    if "email" in found:
        return f"{found.get('first_name', '')} {found.get('last_name', '')}"
    return str(found["name"])


def unlink(
    connection: Connection, row: Row[Any], *, why: str | None, by: str, now: datetime
) -> None:
    """Take a record's counterpart from it; neither side is changed.

    It is looked at again, and what waits for it or stands below it too.
    """
    records.event(
        connection,
        row.company_id,
        row.id,
        at=now,
        what=f"unlinked from {row.mosaic_type} {row.mosaic_id}",
        by=by,
        detail={"why": why},
    )
    team = companies.get(connection, row.company_id).team
    claims.release(connection, team, row.company_id, row.mosaic_type, row.mosaic_id)
    connection.execute(
        _RECORD.update()
        .where(_RECORD.c.company_id == row.company_id, _RECORD.c.id == row.id)
        .values(
            mosaic_type=None,
            mosaic_id=None,
            mosaic=sa.null(),
            agreed=sa.null(),
            choice=None if row.choice == Choice.LINK else row.choice,
            due_at=now,
        )
    )
    if row.quickbooks_id is not None:
        records.wake_waiting(
            connection, row.company_id, row.kind, row.quickbooks_id, now
        )


def _drop_missing(
    connection: Connection, company_id: int, data_type: str, run: int, now: datetime
) -> None:
    here = (_TABLE.c.company_id == company_id, _TABLE.c.data_type == data_type)
    connection.execute(
        _TABLE.update()
        .where(*here, _TABLE.c.seen_in < run)
        .values(misses=_TABLE.c.misses + 1)
    )
    gone = connection.execute(
        sa.select(_TABLE.c.mosaic_id).where(*here, _TABLE.c.misses >= MISSES)
    ).all()
    for row in gone:
        connection.execute(
            _RECORD.update()
            .where(
                _RECORD.c.company_id == company_id,
                _RECORD.c.mosaic_type == data_type,
                _RECORD.c.mosaic_id == row.mosaic_id,
            )
            .values(mosaic=sa.null(), due_at=now)
        )
        connection.execute(
            _TABLE.delete().where(*here, _TABLE.c.mosaic_id == row.mosaic_id)
        )


def _chunks(objects: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    part: list[dict[str, Any]] = []
    for one in objects:
        part.append(one)
        if len(part) == _CHUNK:
            yield part
            part = []
    if part:
        yield part


def link(
    connection: Connection,
    company_id: int,
    record_id: int,
    data_type: str,
    mosaic_id: int,
    found: dict[str, Any],
    *,
    by: str,
    now: datetime,
) -> None:
    """Bind a record to an object of Mosaic, and wake those who waited for that.

    What is agreed is only that the object is as archived as it is: if QuickBooks says
    otherwise, that flows next.
    """
    team = companies.get(connection, company_id).team
    claims.claim(connection, team, company_id, [(data_type, mosaic_id)], now=now)
    row = connection.execute(
        _RECORD.update()
        .where(_RECORD.c.company_id == company_id, _RECORD.c.id == record_id)
        .values(
            mosaic_type=data_type,
            mosaic_id=mosaic_id,
            mosaic=found,
            agreed={"archived": found["archived"]},
            state="pending",
            reason=None,
            attempt=0,
            due_at=now,
            waits_for=None,
        )
        .returning(_RECORD.c.kind, _RECORD.c.quickbooks_id)
    ).one()
    records.event(
        connection,
        company_id,
        record_id,
        at=now,
        what=f"linked to {data_type} {mosaic_id}",
        by=by,
    )
    if row.quickbooks_id is not None:
        records.wake_waiting(connection, company_id, row.kind, row.quickbooks_id, now)
    # A time entry of Mosaic waits for the object that it is booked on.
    connection.execute(
        _RECORD.update()
        .where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.waits_for == f"{data_type}:{mosaic_id}",
        )
        .values(due_at=now, waits_for=None)
    )
