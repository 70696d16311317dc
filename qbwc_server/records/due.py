"""Records that are to be looked at again: the worker plans what is due."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.companies import registry
from qbwc_server.kinds import KINDS, time_entry
from qbwc_server.records.row import change
from qbwc_server.storage import tables
from qbwc_server.storage.database import moved

_RECORD = tables.record
_LEFT_OUT: Final = "do_not_link"


def unless_told(state: str) -> sa.Case[str]:
    """Return a state for a record, or that a person said it is not to be linked."""
    return sa.case((_RECORD.c.state == _LEFT_OUT, _LEFT_OUT), else_=state)


def make_due(
    connection: Connection, company_id: int, record_ids: Iterable[int], now: datetime
) -> None:
    """Have records planned anew by the worker; what a person decided stays."""
    change(
        connection,
        company_id,
        record_ids,
        due_at=now,
        attempt=0,
        failures=0,
        state=unless_told("pending"),
        reason=None,
    )


def look_again(
    connection: Connection, company_id: int, record_id: int, at: datetime
) -> None:
    """Have a record planned again, with what is said of it left as it is."""
    change(connection, company_id, record_id, due_at=at)


def look_at_refused(connection: Connection, company_id: int, now: datetime) -> None:
    """Try again what a side refused, because lists of Mosaic were read anew."""
    connection.execute(
        _RECORD.update()
        .where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.state == "refused",
            _RECORD.c.mosaic_type.is_not(None) | _RECORD.c.due_at.is_(None),
        )
        .values(due_at=now, attempt=0)
    )


def look_at_locked(
    connection: Connection, company_id: int, kind: str, now: datetime
) -> None:
    """Have every locked record of a kind planned again: what locked it has changed."""
    connection.execute(
        _RECORD.update()
        .where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.kind == kind,
            _RECORD.c.state == "locked",
        )
        .values(due_at=now)
    )
    moved(connection, company_id)


def look_at_all(connection: Connection, company_id: int, now: datetime) -> None:
    """Have every record looked at again that is not finished, and its company too."""
    mirrored = [kind.name for kind in KINDS.values() if kind.mirror is not None]
    connection.execute(
        _RECORD.update()
        .where(_RECORD.c.company_id == company_id)
        .where(_RECORD.c.kind.in_((*mirrored, time_entry.NAME)))
        .where(_RECORD.c.state.not_in((_LEFT_OUT, "gone")))
        .values(due_at=now, attempt=0, failures=0)
    )
    moved(connection, company_id)
    registry.change(connection, company_id, deliver_at=now)


def bring_near(
    connection: Connection, company_id: int, farthest: datetime, now: datetime
) -> None:
    """Have records looked at that a wrong clock put off beyond a moment."""
    connection.execute(
        _RECORD.update()
        .where(_RECORD.c.company_id == company_id, _RECORD.c.due_at > farthest)
        .values(due_at=now)
    )
