"""What records wait for, by name, and how they are woken when it comes.

A name is a kind and an id in QuickBooks (`customer:80000001-1`), a type and a number in
Mosaic (`project:12`), an open write (`call:7`), or a reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.kinds.kind import Kind, Seen
from qbwc_server.storage import tables
from qbwc_server.storage.database import moved

_RECORD = tables.record
_CHUNK = 500
_ALSO_WORK = frozenset({"vendor", "other_name"})
_T = TypeVar("_T")
WAITS: Final = (
    _RECORD.c.waits_for,
    _RECORD.c.waits_for_second,
    _RECORD.c.waits_for_third,
)
"""A time entry has three references, and waits for as many things as are missing."""
FREE: Final[Mapping[str, object]] = {column.name: None for column in WAITS}
"""What is written of a record that waits for nothing any more."""


def wake_waiting(
    connection: Connection,
    company_id: int,
    kind: str,
    quickbooks_id: str,
    now: datetime,
) -> None:
    """Have those looked at that wait for a record, or stand directly below it."""
    wake_waiting_for(connection, company_id, [(kind, quickbooks_id)], now)


def wake_waiting_for(
    connection: Connection,
    company_id: int,
    objects: Iterable[tuple[str, str]],
    now: datetime,
) -> None:
    """Do the same for many, each a kind and an id in QuickBooks."""
    by_kind: dict[str, list[str]] = {}
    for kind, quickbooks_id in objects:
        by_kind.setdefault(kind, []).append(quickbooks_id)
    names = [name for kind, ids in by_kind.items() for name in awaited_as(kind, ids)]
    wake_named(connection, company_id, names, now)
    for kind, ids in by_kind.items():
        for part in chunks(ids):
            connection.execute(
                _RECORD.update()
                .where(
                    _RECORD.c.company_id == company_id,
                    _RECORD.c.kind == kind,
                    _RECORD.c.parent_id.in_(part),
                    _RECORD.c.due_at.is_(None),
                )
                .values(due_at=now)
            )


def wake_named(
    connection: Connection, company_id: int, names: Iterable[str], now: datetime
) -> None:
    """Have those looked at that wait, besides others or alone, for one of the names.

    Each column has an index of its own, which a condition over all three would not use.
    """
    for part in chunks(sorted(set(names))):
        for column in WAITS:
            connection.execute(
                _RECORD.update()
                .where(_RECORD.c.company_id == company_id, column.in_(part))
                .values(due_at=now, **FREE)
            )


def wake_decided(
    connection: Connection, company_id: int, names: Sequence[str], now: datetime
) -> None:
    """Have records planned anew that asked what is decided now."""
    connection.execute(
        _RECORD.update()
        .where(_RECORD.c.company_id == company_id, _RECORD.c.waits_for.in_(names))
        .values(due_at=now, waits_for=None, state="pending", reason=None)
    )
    moved(connection, company_id)


def wake_from(
    connection: Connection, company_id: int, name: str, first: str, now: datetime
) -> None:
    """Have those looked at that wait for a name, from a day (YYYY-MM-DD) on."""
    connection.execute(
        _RECORD.update()
        .where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.waits_for == name,
            _RECORD.c.day >= first,
        )
        .values(due_at=now, waits_for=None)
    )


def wake_one(connection: Connection, company_id: int, name: str, now: datetime) -> bool:
    """Have those looked at that wait for a name alone; tell whether there are any."""
    found = connection.execute(
        _RECORD.update()
        .where(_RECORD.c.company_id == company_id, _RECORD.c.waits_for == name)
        .values(due_at=now, waits_for=None)
    )
    return bool(found.rowcount)


def waiting(names: Iterable[str | None]) -> dict[str, str | None]:
    """Return the columns of a record that waits for some things, the first in its own.

    The first is None where a person must act before it can go.
    """
    columns = (column.name for column in WAITS)
    return dict(zip_longest(columns, names))


def awaited_as(kind: str, quickbooks_ids: Iterable[str]) -> dict[str, str]:
    """Return by which names records of a kind are waited for, with their ids.

    Time does not tell in which list its person is: it waits for an employee.
    """
    known_as = (kind, "employee") if kind in _ALSO_WORK else (kind,)
    return {f"{name}:{one}": one for one in quickbooks_ids for name in known_as}


def awaited_new(
    connection: Connection, company_id: int, kind: Kind, new: Sequence[Seen]
) -> list[str]:
    """Return the ids of new objects that others, read before them, wait for."""
    names = awaited_as(kind.name, (one.quickbooks_id for one in new))
    found: list[str] = []
    for part in chunks(list(names)):
        for column in WAITS:
            waits = connection.execute(
                sa.select(column)
                .where(_RECORD.c.company_id == company_id, column.in_(part))
                .distinct()
            ).scalars()
            found += [names[name] for name in waits]
    return list(dict.fromkeys(found))


def chunks(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """Yield parts of a list that a statement can carry."""
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]
