"""Conflicts: both sides changed the same field, and a person says which is right."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies import registry
from qbwc_server.errors import QbwcError
from qbwc_server.records import store
from qbwc_server.storage import tables

_RECORD = tables.record


class NothingToSettle(QbwcError):
    """A record has no conflict for a person to decide."""

    id: ClassVar[str] = "record-nothing-to-settle"


def settle(
    connection: Connection,
    row: Row[Any],
    side: str,
    *,
    by: str,
    now: datetime,
    why: str | None = None,
) -> bool:
    """Say which side is right where both changed the same fields of a record.

    False if that was said already. It is kept in the record's history and the audit.

    Conflicts that a policy has decided already are only taken off the list: `side` must
    be the one that was kept, or the other value has to be entered again.

    Raises:
        NothingToSettle: there is no conflict, or it was decided for the other side.
    """
    told = row.conflict or {}
    if not told:
        raise NothingToSettle("This record has no conflict.")
    decided = {name: one for name, one in told.items() if one.get("kept") is not None}
    if not decided and all(one.get("settled") == side for one in told.values()):
        return False
    other = [name for name, one in decided.items() if one["kept"] != side]
    if other:
        raise NothingToSettle(
            f"Both sides have what {decided[other[0]]['kept']} had as {other[0]}. "
            "Enter the other value again where you want to have it."
        )
    left = {
        name: {**one, "settled": side}
        for name, one in told.items()
        if name not in decided
    }
    connection.execute(
        _RECORD.update()
        .where(_RECORD.c.company_id == row.company_id, _RECORD.c.id == row.id)
        .values(conflict=left or sa.null(), due_at=now, attempt=0, changed_at=now)
    )
    registry.change(connection, row.company_id, deliver_at=now)
    store.event(
        connection,
        row.company_id,
        row.id,
        at=now,
        what=f"settled: {side} is right",
        by=by,
        detail=told,
    )
    registry.audit(
        connection,
        row.company_id,
        now,
        who=by,
        what=f"conflict settled: {side} is right",
        why=why,
        detail={"record": row.id, "before": told},
    )
    return True
