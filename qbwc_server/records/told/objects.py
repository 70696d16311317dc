"""What somebody changed of the objects of Mosaic's lists, kept in their histories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.records import history
from qbwc_server.records.told import changes
from qbwc_server.records.told.changes import Names, Told
from qbwc_server.storage import tables

CHANGED: Final = "changed by a person in Mosaic"
AS_SENT: Final = "seen in Mosaic as we had sent it"
_OBJECT, _CALL = tables.mosaic_object, tables.mosaic_call
_PARENTS: Final = {"project": "client", "phase": "project"}
_Pair: TypeAlias = "tuple[int, Mapping[str, Any] | None, Mapping[str, Any]]"
"""A record, and what Mosaic had and has of it."""


def keep(
    connection: Connection,
    company_id: int,
    data_type: str,
    found: Sequence[_Pair],
    now: datetime,
) -> None:
    """Keep what differs, and whether it is a write of ours that was not settled yet."""
    some = [one for one in found if changes.differing(one[1], one[2])]
    if not some:
        return
    ours = connection.execute(
        sa.select(_CALL.c.record_id).where(
            _CALL.c.company_id == company_id,
            _CALL.c.record_id.in_([record_id for record_id, _, _ in some]),
            _CALL.c.settled_at.is_(None),
        )
    )
    sent = set(ours.scalars())
    every = told(connection, company_id, data_type, some)
    happened = [
        history.Happened(
            one[0],
            AS_SENT if one[0] in sent else CHANGED,
            history.US if one[0] in sent else "mosaic",
            {"changed": what},
        )
        for one, what in zip(some, every, strict=True)
    ]
    history.events(connection, company_id, happened, at=now)


def told(
    connection: Connection, company_id: int, data_type: str, found: Sequence[_Pair]
) -> list[Told]:
    """Return of each object what differs, in names."""
    names = _names(connection, company_id, data_type, found)
    return [changes.told(before or {}, after, names) for _, before, after in found]


def _names(
    connection: Connection, company_id: int, data_type: str, found: Sequence[_Pair]
) -> Names:
    parents = {
        value["parent"]
        for _, before, after in found
        if "parent" in changes.differing(before, after)
        for value in (before, after)
        if value and value["parent"] is not None
    }
    if not parents:
        return {}
    rows = connection.execute(
        sa.select(_OBJECT.c.mosaic_id, _OBJECT.c.name).where(
            _OBJECT.c.company_id == company_id,
            _OBJECT.c.data_type == _PARENTS[data_type],
            _OBJECT.c.mosaic_id.in_(parents),
        )
    )
    return {("parent", row.mosaic_id): row.name for row in rows}
