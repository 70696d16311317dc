"""Records as people look at them: by group and need, searched, a page at a time.

Rule: what a page costs does not grow with the company. Pages go on from an id, counts
stop at `MOST`, and a search looks at so many names at most before it returns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server import inventory, models, words
from qbwc_server.companies import Company
from qbwc_server.kinds import KINDS, time_entry
from qbwc_server.links import PEOPLE
from qbwc_server.suggestions import Suggestion, suggest
from qbwc_server.sync import name_key

_RECORD = models.record
GROUPS: dict[str, tuple[str, ...]] = {
    "people": PEOPLE,
    "jobs": ("customer",),
    "items": ("service_item",),
    "time": (time_entry.NAME,),
}
"""What is shown together."""
_NOT_WAITING = "state = 'unlinked' AND waits_for IS NULL"
_WAITING = "state = 'unlinked' AND waits_for IS NOT NULL"
NEEDS: dict[str, tuple[str, ...]] = {
    "needs_you": (_NOT_WAITING, "state = 'conflict'", "state = 'refused'"),
    "waiting": (_WAITING, "state = 'locked'"),
    "on_its_way": ("state = 'pending'",),
    "in_sync": ("state = 'in_sync'",),
    "left_out": ("state = 'do_not_link'", "state = 'gone'"),
}
"""What a record needs, as conditions that its indexes know word by word."""
MOST = 10_000
_SCANNED, _SCAN = 20_000, 2_000


@dataclass(frozen=True, slots=True)
class Count:
    """How many there are; `more` says that it is not all, but at least so many."""

    number: int
    more: bool


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


def need_of(row: Row[Any]) -> str:
    """Return what a record needs."""
    if row.state == "unlinked":
        return "needs_you" if row.waits_for is None else "waiting"
    condition = f"state = '{row.state}'"
    return next(name for name, parts in NEEDS.items() if condition in parts)


def standing_as(row: Row[Any]) -> str:
    """Return a record's state as `words` tell it more closely."""
    if row.state == "unlinked" and row.choice == "later":
        return "later"
    if row.state == "unlinked" and row.waits_for is not None:
        return "waits"
    return str(row.state)


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
    conditions = _conditions(need, state)
    if search.strip():
        ids, goes_on = _searched(
            connection, company.id, group, conditions, search, after, limit
        )
    else:
        found = _after(connection, company.id, group, conditions, after, limit + 1)
        ids = [row.id for row in found[:limit]]
        goes_on = ids[-1] if len(found) > limit else None
    return Page(show(connection, company, ids), goes_on)


def show(
    connection: Connection, company: Company, record_ids: Sequence[int]
) -> list[Shown]:
    """Return records as a page shows them."""
    if not record_ids:
        return []
    rows = connection.execute(
        sa.select(_RECORD)
        .where(_RECORD.c.company_id == company.id, _RECORD.c.id.in_(record_ids))
        .order_by(_RECORD.c.id)
    ).all()
    listed = [row for row in rows if row.kind in KINDS and row.mosaic_id is None]
    suggested = suggest(connection, company, listed)
    return [_shown(row, suggested.get(row.id, ())) for row in rows]


def count(connection: Connection, company_id: int) -> dict[str, dict[str, Count]]:
    """Return for each kind how many records need what, each counted to `MOST` only."""
    kinds = [kind for group in GROUPS.values() for kind in group]
    parts = [
        _counted(company_id, kind, need, condition)
        for kind in kinds
        for need, conditions in NEEDS.items()
        for condition in conditions
    ]
    found: dict[str, dict[str, Count]] = {kind: {} for kind in kinds}
    for row in connection.execute(sa.union_all(*parts)):
        had = found[row.kind].get(row.need, Count(0, more=False))
        more = had.more or row.seen > MOST
        number = had.number + min(row.number, MOST)
        found[row.kind][row.need] = Count(number, more)
    return found


def matching(
    connection: Connection,
    company_id: int,
    group: str,
    *,
    need: str | None = None,
    state: str | None = None,
    after: int = 0,
    limit: int = 200,
) -> list[int]:
    """Return the next ids of the records of a group that a filter leaves."""
    conditions = _conditions(need, state)
    rows = _after(connection, company_id, group, conditions, after, limit)
    return [row.id for row in rows]


def _counted(
    company_id: int, kind: str, need: str, condition: str
) -> sa.Select[str, str, int, int]:
    """Count in the rows that an index names; what it cannot name is counted in those.

    `seen` is how many rows were looked at, `number` how many of them are meant.
    """
    named = "state = 'unlinked'" if condition == _WAITING else condition
    some = (
        sa.select(_RECORD.c.waits_for if named != condition else sa.literal(1))
        .where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.kind == kind,
            sa.text(named),
        )
        .order_by(_RECORD.c.id)
        .limit(MOST + 1)
        .subquery()
    )
    meant = sa.func.count(some.c[0])  # of waits_for: those that are not null
    return sa.select(
        sa.literal(kind).label("kind"),
        sa.literal(need).label("need"),
        meant.label("number"),
        sa.func.count().label("seen"),
    ).select_from(some)


def _conditions(need: str | None, state: str | None) -> tuple[str, ...]:
    if state is not None:
        if state not in models.RECORD_STATES:
            raise ValueError(state)
        return (f"state = '{state}'",)
    if need is not None:
        return NEEDS[need]
    return tuple(f"state = '{one}'" for one in models.RECORD_STATES)


def _after(
    connection: Connection,
    company_id: int,
    group: str,
    conditions: Sequence[str],
    after: int,
    limit: int,
) -> list[Row[Any]]:
    """Return (id, name) of the next records: of each kind and state in its index."""
    parts = [
        sa.select(_RECORD.c.id, _RECORD.c.name)
        .where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.kind == kind,
            sa.text(condition),
            _RECORD.c.id > after,
        )
        .order_by(_RECORD.c.id)
        .limit(limit)
        .subquery()
        for kind in GROUPS[group]
        for condition in conditions
    ]
    every = sa.union_all(*(sa.select(part) for part in parts)).subquery()
    return list(
        connection.execute(sa.select(every).order_by(every.c.id).limit(limit)).all()
    )


def _searched(
    connection: Connection,
    company_id: int,
    group: str,
    conditions: Sequence[str],
    search: str,
    after: int,
    limit: int,
) -> tuple[list[int], int | None]:
    wanted = name_key(search)
    found: list[int] = []
    for rows in _scanned(connection, company_id, group, conditions, after):
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
    group: str,
    conditions: Sequence[str],
    after: int,
) -> Iterator[list[Row[Any]]]:
    for _ in range(_SCANNED // _SCAN):
        rows = _after(connection, company_id, group, conditions, after, _SCAN)
        yield rows
        if not rows:
            return
        after = rows[-1].id


def _shown(row: Row[Any], suggested: Sequence[Suggestion]) -> Shown:
    told = words.state(row.kind, standing_as(row))
    named = row.mosaic is not None and row.kind != time_entry.NAME
    there = " ".join(inventory.called(row.mosaic).split()) if named else None
    return Shown(
        id=row.id,
        kind=row.kind,
        name=row.name,
        state=row.state,
        need=need_of(row),
        reason=row.reason,
        why=row.reason or told.happened,
        who=words.who_must_act(told),
        next_step=told.do,
        choice=row.choice,
        mosaic_type=row.mosaic_type,
        mosaic_id=row.mosaic_id,
        mosaic_name=there,
        suggestions=tuple(suggested),
    )
