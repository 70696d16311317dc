"""Records as people look at them: by group and need, searched, a page at a time.

Rule: what a page costs does not grow with the company. Pages go on from an id, and a
search looks at so many names at most before it returns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies.registry import Company
from qbwc_server.decisions.suggestions import Suggestion, suggest
from qbwc_server.kinds import KINDS, time_entry
from qbwc_server.kinds.list_plan import name_key
from qbwc_server.records import mosaic_objects
from qbwc_server.records.references import PEOPLE
from qbwc_server.standing import reasons, who_must_act
from qbwc_server.standing.hindrance import Reason
from qbwc_server.standing.who_must_act import Part
from qbwc_server.storage import tables

_RECORD = tables.record
GROUPS: dict[str, tuple[str, ...]] = {
    "people": PEOPLE,
    "jobs": ("customer",),
    "items": ("service_item",),
    "time": (time_entry.NAME,),
}
"""What is shown together."""
_SCANNED, _SCAN = 20_000, 2_000


@dataclass(frozen=True, slots=True)
class Shown:
    """A record as a page shows it."""

    id: int
    kind: str
    name: str
    state: str
    need: str
    reason: str | None
    why: str
    who: str
    next_step: str
    choice: str | None
    mosaic_type: str | None
    mosaic_id: int | None
    mosaic_name: str | None
    suggestions: tuple[Suggestion, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list; `after` is where the next page goes on, None at the end.

    A search may return fewer than asked for, or none, and still go on.
    """

    records: list[Shown]
    after: int | None


def page(
    connection: Connection,
    company: Company,
    group: str,
    *,
    need: str | None = None,
    state: str | None = None,
    search: str = "",
    after: int = 0,
    limit: int = 50,
) -> Page:
    """Return the records of a group after an id, with what they might be in Mosaic.

    `search` is looked for anywhere in the name; case and spaces do not matter.
    """
    ids, goes_on = matching(
        connection,
        company.id,
        group,
        need=need,
        state=state,
        search=search,
        after=after,
        limit=limit,
    )
    return Page(show(connection, company, ids), goes_on)


def show(
    connection: Connection, company: Company, record_ids: Sequence[int]
) -> list[Shown]:
    """Return records as a page shows them."""
    if not record_ids:
        return []
    whole = _whole(connection, company.id, record_ids)
    listed = [row for row in whole if row.kind in KINDS and row.mosaic_id is None]
    suggested = suggest(connection, company, listed)
    held_by = reasons.holding(connection, company.id)
    return [_shown(row, suggested.get(row.id, ()), held_by) for row in whole]


def matching(
    connection: Connection,
    company_id: int,
    group: str,
    *,
    need: str | None = None,
    state: str | None = None,
    search: str = "",
    after: int = 0,
    limit: int = 200,
) -> tuple[list[int], int | None]:
    """Return ids of the records of a group that a filter leaves, and where it goes on.

    As with `page`, a search may return few or none and still go on.
    """
    parts = _parts(group, need, state)
    if search.strip():
        return _searched(connection, company_id, parts, search, after, limit)
    found = _after(connection, company_id, parts, after, limit + 1)
    ids = [row.id for row in found[:limit]]
    return ids, ids[-1] if len(found) > limit else None


def rows(
    connection: Connection,
    company_id: int,
    kinds: Sequence[str],
    need: str,
    *,
    after: int = 0,
    limit: int = 50,
) -> tuple[list[Row[Any]], int | None]:
    """Return records of kinds in the order of their ids, and where the next page is."""
    parts = [part for kind in kinds for part in who_must_act.parts(kind, need)]
    found = _after(connection, company_id, parts, after, limit + 1)
    ids = [row.id for row in found[:limit]]
    goes_on = ids[-1] if len(found) > limit else None
    return _whole(connection, company_id, ids), goes_on


def _whole(
    connection: Connection, company_id: int, record_ids: Sequence[int]
) -> list[Row[Any]]:
    query = (
        sa.select(_RECORD)
        .where(_RECORD.c.company_id == company_id, _RECORD.c.id.in_(record_ids))
        .order_by(_RECORD.c.id)
    )
    return list(connection.execute(query)) if record_ids else []


def _parts(group: str, need: str | None, state: str | None) -> list[Part]:
    """Return what a filter leaves of a group; an unknown state is a ValueError."""
    if state is not None and state not in tables.RECORD_STATES:
        raise ValueError(state)
    return [
        part
        for kind in GROUPS[group]
        for part in who_must_act.parts(kind, None if state is not None else need)
        if state is None or part.state == state
    ]


def _after(
    connection: Connection,
    company_id: int,
    parts: Sequence[Part],
    after: int,
    limit: int,
) -> list[Row[Any]]:
    """Return (id, name) of the next records: of each kind and state in its index."""
    found = [
        sa.select(_RECORD.c.id, _RECORD.c.name)
        .where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.kind == part.kind,
            part.condition,
            _RECORD.c.id > after,
        )
        .order_by(_RECORD.c.id)
        .limit(limit)
        .subquery()
        for part in parts
    ]
    every = sa.union_all(*(sa.select(one) for one in found)).subquery()
    return list(
        connection.execute(sa.select(every).order_by(every.c.id).limit(limit)).all()
    )


def _searched(
    connection: Connection,
    company_id: int,
    parts: Sequence[Part],
    search: str,
    after: int,
    limit: int,
) -> tuple[list[int], int | None]:
    wanted = name_key(search)
    found: list[int] = []
    for rows in _scanned(connection, company_id, parts, after):
        for row in rows:
            after = row.id
            if wanted in name_key(row.name):
                found.append(row.id)
                if len(found) == limit:
                    return found, after
        if len(rows) < _SCAN:
            return found, None
    return found, after


def _scanned(
    connection: Connection,
    company_id: int,
    parts: Sequence[Part],
    after: int,
) -> Iterator[list[Row[Any]]]:
    for _ in range(_SCANNED // _SCAN):
        rows = _after(connection, company_id, parts, after, _SCAN)
        yield rows
        if not rows:
            return
        after = rows[-1].id


def _shown(
    row: Row[Any], suggested: Sequence[Suggestion], held_by: Reason | None
) -> Shown:
    standing = who_must_act.of(row, held_by)
    named = row.mosaic is not None and row.kind != time_entry.NAME
    there = " ".join(mosaic_objects.called(row.mosaic).split()) if named else None
    return Shown(
        id=row.id,
        kind=row.kind,
        name=row.name,
        state=row.state,
        need=standing.need,
        reason=row.reason,
        why=standing.why if standing.is_held else row.reason or standing.why,
        who=standing.who,
        next_step=standing.do,
        choice=row.choice,
        mosaic_type=row.mosaic_type,
        mosaic_id=row.mosaic_id,
        mosaic_name=there,
        suggestions=tuple(suggested),
    )
