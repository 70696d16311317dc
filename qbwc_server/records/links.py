"""Records of lists and the objects of Mosaic that they are bound to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies import registry
from qbwc_server.companies.team import team_claims
from qbwc_server.kinds.list_plan import Choice
from qbwc_server.records import history, mosaic_objects, waiting
from qbwc_server.records.row import change
from qbwc_server.records.told import former
from qbwc_server.records.waiting import chunks
from qbwc_server.storage import tables
from qbwc_server.storage.database import moved

_RECORD = tables.record


def unlink(
    connection: Connection, row: Row[Any], *, why: str | None, by: str, now: datetime
) -> None:
    """Take a record's counterpart from it; neither side is changed.

    It is looked at again, and what waits for it or stands below it too.
    """
    history.event(
        connection,
        row.company_id,
        row.id,
        at=now,
        what=f"unlinked from {row.mosaic_type} {row.mosaic_id}",
        by=by,
        detail={**_called(row.mosaic), "why": why},
    )
    team = registry.get(connection, row.company_id).team
    team_claims.release(
        connection, team, row.company_id, row.mosaic_type, row.mosaic_id
    )
    former.leaves(connection, row, now, mosaic_id=None)
    change(
        connection,
        row.company_id,
        row.id,
        mosaic_type=None,
        mosaic_id=None,
        mosaic=sa.null(),
        agreed=sa.null(),
        choice=None if row.choice == Choice.LINK else row.choice,
        due_at=now,
    )
    moved(connection, row.company_id)
    registry.change(connection, row.company_id, relinks_from=0)
    if row.quickbooks_id is not None:
        waiting.wake_waiting(
            connection, row.company_id, row.kind, row.quickbooks_id, now
        )


@dataclass(frozen=True, slots=True)
class Link:
    """A record and the object of Mosaic that it is bound to, as Mosaic has it."""

    record_id: int
    data_type: str
    mosaic_id: int
    found: dict[str, Any]


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
    """Bind a record to an object of Mosaic; see `link_all`."""
    one = Link(record_id, data_type, mosaic_id, found)
    link_all(connection, company_id, [one], by=by, now=now)


def link_all(
    connection: Connection,
    company_id: int,
    links: Sequence[Link],
    *,
    by: str,
    now: datetime,
) -> None:
    """Bind records to objects of Mosaic, and wake those who waited for that.

    What is agreed is only that the object is as archived as it is: if QuickBooks says
    otherwise, that flows next.
    """
    if not links:
        return
    team = registry.get(connection, company_id).team
    objects = [(one.data_type, one.mosaic_id) for one in links]
    team_claims.claim(connection, team, company_id, objects, now=now)
    connection.execute(
        _RECORD.update()
        .where(
            _RECORD.c.company_id == company_id, _RECORD.c.id == sa.bindparam("linked")
        )
        .values(
            mosaic_type=sa.bindparam("new_type"),
            mosaic_id=sa.bindparam("new_id"),
            mosaic=sa.bindparam("new_mosaic"),
            agreed=sa.bindparam("new_agreed"),
            state="pending",
            reason=None,
            attempt=0,
            due_at=now,
            waits_for=None,
        ),
        [
            {
                "linked": one.record_id,
                "new_type": one.data_type,
                "new_id": one.mosaic_id,
                "new_mosaic": one.found,
                "new_agreed": {"archived": one.found["archived"]},
            }
            for one in links
        ],
    )
    moved(connection, company_id)
    registry.change(connection, company_id, relinks_from=0)
    happened = [
        history.Happened(
            one.record_id,
            f"linked to {one.data_type} {one.mosaic_id}",
            by,
            _called(one.found),
        )
        for one in links
    ]
    history.events(connection, company_id, happened, at=now)
    of_quickbooks = [
        (row.kind, row.quickbooks_id)
        for part in chunks([one.record_id for one in links])
        for row in connection.execute(
            sa.select(_RECORD.c.kind, _RECORD.c.quickbooks_id).where(
                _RECORD.c.company_id == company_id,
                _RECORD.c.id.in_(part),
                _RECORD.c.quickbooks_id.is_not(None),
            )
        )
    ]
    waiting.wake_waiting_for(connection, company_id, of_quickbooks, now)
    # A time entry of Mosaic waits for the object that it is booked on.
    there = [f"{data_type}:{number}" for data_type, number in objects]
    waiting.wake_named(connection, company_id, there, now)


def _called(found: dict[str, Any] | None) -> dict[str, str]:
    """Return what an object of Mosaic is called, for the detail of an event."""
    name = " ".join(mosaic_objects.called(found).split()) if found else ""
    return {"called": name} if name else {}


def written(
    connection: Connection,
    row: Row[Any],
    found: dict[str, Any],
    agreed: dict[str, Any],
    now: datetime,
) -> None:
    """Keep what Mosaic has of an object after a change of ours, and what is agreed."""
    change(
        connection,
        row.company_id,
        row.id,
        mosaic=found,
        agreed=agreed,
        attempt=row.attempt + 1,
        due_at=now,
    )


def agree(connection: Connection, row: Row[Any], agreed: dict[str, Any] | None) -> None:
    """Put back what was agreed on by an earlier link."""
    change(connection, row.company_id, row.id, agreed=agreed)
