"""What Mosaic has: its lists as last read, to match by name before creating.

The lists are streamed and kept in the database, not in memory. An object counts as
deleted in Mosaic only when two complete reads in a row did not show it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from qbwc_server.kinds.list_plan import name_key, near_key
from qbwc_server.kinds.mosaic_lists import key_of, snapshot
from qbwc_server.records import waiting
from qbwc_server.records.row import change
from qbwc_server.records.told import objects as objects_told
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction, moved, next_id
from qbwc_server.storage.statements import equal, said, upsert

_TABLE = tables.mosaic_object
_RECORD = tables.record
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
    differing = [one for one in linked if one.mosaic != by_id[one.mosaic_id]]
    objects_told.keep(
        connection,
        company_id,
        data_type,
        [(one.id, one.mosaic, by_id[one.mosaic_id]) for one in differing],
        now,
    )
    for record in differing:
        found = by_id[record.mosaic_id]
        change(connection, company_id, record.id, mosaic=found, due_at=now)
        moved(connection, company_id)
    _name(connection, company_id, data_type, list(by_id), now)


def _name(
    connection: Connection,
    company_id: int,
    data_type: str,
    mosaic_ids: list[int],
    now: datetime,
) -> None:
    """Have those looked at whose reason tells an object's number, not read till now."""
    for part in _parts([f"{data_type}:{number}" for number in mosaic_ids]):
        given = {"company": company_id, "type": f"{data_type}:", "named": part}
        for statement in _NAMING:
            connection.execute(statement, {**given, "now": now})


def _naming(column: sa.Column[Any]) -> sa.Update:
    number = sa.func.replace(column, sa.bindparam("type", type_=sa.Text), " ")
    return (
        _RECORD.update()
        .where(
            equal(_RECORD.c.company_id, "company"),
            column.in_(sa.bindparam("named", expanding=True)),
            _RECORD.c.reason.contains(number + " is not linked"),
        )
        .values(due_at=said(_RECORD.c.due_at, "now"))
    )


_NAMING = [_naming(column) for column in waiting.WAITS]


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


def several(
    connection: Connection, company_id: int, data_type: str, mosaic_ids: set[int]
) -> dict[int, dict[str, Any]]:
    """Return the snapshots of objects as last read, by their numbers."""
    return {
        row.mosaic_id: row.snapshot
        for part in _parts(sorted(mosaic_ids))
        for row in connection.execute(
            sa.select(_TABLE.c.mosaic_id, _TABLE.c.snapshot).where(
                _TABLE.c.company_id == company_id,
                _TABLE.c.data_type == data_type,
                _TABLE.c.mosaic_id.in_(part),
            )
        )
    }


def called(found: dict[str, Any]) -> str:
    """Return what people call an object: a member by name, not by address."""
    if "email" in found:
        return f"{found.get('first_name', '')} {found.get('last_name', '')}"
    return str(found["name"])


def named(data_type: str | None, number: int | None, found: Any) -> str | None:
    """Return an object by name and number: "Kitchen (project 55)"; None for none."""
    if data_type is None or number is None:
        return None
    name = " ".join(called(found).split()) if found else ""
    return f"{name} ({data_type} {number})".strip()


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
        moved(connection, company_id)
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


def _parts(items: list[Any]) -> Iterator[list[Any]]:
    return (items[at : at + _CHUNK] for at in range(0, len(items), _CHUNK))
