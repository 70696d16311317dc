"""What somebody changed on a side, kept in the histories of records with names.

Names are looked up only where one changed, so that what is only longer or shorter
costs nothing more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.kinds.tombstone import Side
from qbwc_server.records import history, mosaic_objects
from qbwc_server.records.references import PEOPLE
from qbwc_server.records.told import changes, objects
from qbwc_server.records.told.changes import Names, Told
from qbwc_server.records.waiting import chunks
from qbwc_server.storage import tables

CHANGED: Final[Mapping[Side, str]] = {
    "quickbooks": "changed by a person in QuickBooks",
    "mosaic": objects.CHANGED,
}
THERE_AGAIN: Final = "there again in QuickBooks"
AS_SENT: Final[Mapping[Side, str]] = {
    "quickbooks": "seen in QuickBooks as we had sent it",
    "mosaic": objects.AS_SENT,
}
"""What is told of a write of ours whose answer had not come when it was seen."""
_RECORD = tables.record
_OF_QUICKBOOKS: Final[Mapping[str, tuple[str, ...]]] = {
    "person": tuple(PEOPLE),
    "job": ("customer",),
    "item": ("service_item",),
    "class": ("class",),
    "payroll_item": ("payroll_item",),
}
_OF_MOSAIC: Final = {"person": "employee", "item": "standard_work_category"}


@dataclass(frozen=True, slots=True)
class Change:
    """What a side had of a record, and what it has now.

    `kind` is the record's; what stands below another one names that by its own kind.
    """

    record_id: int
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    kind: str = ""
    ours: bool = False
    """Whether it is what a write of ours carries that was not answered yet."""


def keep(
    connection: Connection,
    company_id: int,
    side: Side,
    found: Sequence[Change],
    now: datetime,
) -> None:
    """Keep what somebody changed on a side; where nothing told differs, nothing."""
    some = [one for one in found if changes.differing(one.before, one.after)]
    every = told(connection, company_id, side, some)
    happened = [
        history.Happened(
            one.record_id,
            AS_SENT[side] if one.ours else CHANGED[side],
            history.US if one.ours else side,
            {"changed": what},
        )
        for one, what in zip(some, every, strict=True)
    ]
    history.events(connection, company_id, happened, at=now)


def told(
    connection: Connection, company_id: int, side: Side, found: Sequence[Change]
) -> list[Told]:
    """Return of each change what differs, in names."""
    ids = {
        (field, one.kind, changes.key(value[field]))
        for one in found
        for field in changes.differing(one.before, one.after)
        for value in (one.before, one.after)
        if field in changes.NAMED and value and value[field]
    }
    named = _in_quickbooks if side == "quickbooks" else _in_mosaic
    names = named(connection, company_id, ids) if ids else {}
    return [changes.told(one.before or {}, one.after or {}, names) for one in found]


def _in_quickbooks(
    connection: Connection, company_id: int, ids: Iterable[tuple[str, str, Any]]
) -> Names:
    wanted: dict[tuple[str, ...], dict[Any, list[str]]] = {}
    for field, kind, value in ids:
        kinds = _OF_QUICKBOOKS.get(field, (kind,))
        wanted.setdefault(kinds, {}).setdefault(value, []).append(field)
    found: dict[tuple[str, object], str] = {}
    for kinds, fields in wanted.items():
        for part in chunks(sorted(fields)):
            rows = connection.execute(
                sa.select(_RECORD.c.quickbooks_id, _RECORD.c.name).where(
                    _RECORD.c.company_id == company_id,
                    _RECORD.c.kind.in_(kinds),
                    _RECORD.c.quickbooks_id.in_(part),
                )
            )
            for row in rows:
                for field in fields[row.quickbooks_id]:
                    found[field, row.quickbooks_id] = row.name
    return found


def _in_mosaic(
    connection: Connection, company_id: int, ids: Iterable[tuple[str, str, Any]]
) -> Names:
    every = list(ids)
    wanted: dict[str, set[int]] = {}
    for field, _, value in every:
        for data_type, number in _objects(field, value):
            wanted.setdefault(data_type, set()).add(number)
    names = {
        (data_type, number): " ".join(mosaic_objects.called(one).split())
        for data_type, numbers in wanted.items()
        for number, one in mosaic_objects.several(
            connection, company_id, data_type, numbers
        ).items()
    }
    return {
        (field, value): " / ".join(
            names.get(one, str(one[1])) for one in _objects(field, value)
        )
        for field, _, value in every
    }


def _objects(field: str, value: Any) -> list[tuple[str, int]]:
    """Return the type and number of what a field of a time entry of Mosaic names."""
    if field != "job":
        return [(_OF_MOSAIC[field], int(value))]
    project, phase = value
    found = [("project", int(project))] if project else []
    return found + ([("phase", int(phase))] if phase else [])
