"""What a person said of a record, kept with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.kinds.list_plan import Choice
from qbwc_server.records import history
from qbwc_server.records.row import change
from qbwc_server.storage import tables
from qbwc_server.storage.database import moved

_RECORD = tables.record
_LEFT_OUT: Final = "do_not_link"


def takes_part() -> sa.ColumnElement[bool]:
    """Return the condition that no person has left a record out.

    Its state may still say so where what it stands on was left out and is not any more.
    """
    return _RECORD.c.choice.is_distinct_from(Choice.NONE.value)


def settle(
    connection: Connection,
    company_id: int,
    record_id: int,
    conflict: Mapping[str, Any] | None,
    now: datetime,
) -> None:
    """Keep a person's word about a conflict, and have the record planned by it."""
    change(
        connection,
        company_id,
        record_id,
        conflict=conflict or sa.null(),
        due_at=now,
        attempt=0,
        changed_at=now,
    )
    moved(connection, company_id)


def leave_out(
    connection: Connection,
    company_id: int,
    record_id: int,
    reason: str,
    now: datetime,
    *,
    by: str,
    detail: Mapping[str, Any],
) -> None:
    """Have a record take no part, because a person said so; `detail` has why."""
    change(
        connection,
        company_id,
        record_id,
        choice=Choice.NONE.value,
        state=_LEFT_OUT,
        reason=reason,
        due_at=None,
        waits_for=None,
        changed_at=now,
    )
    history.event(
        connection,
        company_id,
        record_id,
        at=now,
        what="left out",
        by=by,
        detail=detail,
    )
    moved(connection, company_id)


def take_in(
    connection: Connection,
    company_id: int,
    record_id: int,
    now: datetime,
    *,
    by: str,
    detail: Mapping[str, Any],
) -> None:
    """Have a record that was left out take part again; its caller makes it due."""
    change(connection, company_id, record_id, choice=None, state="pending", reason=None)
    history.event(
        connection,
        company_id,
        record_id,
        at=now,
        what="taken in again",
        by=by,
        detail=detail,
    )
    moved(connection, company_id)


def keep_choice(
    connection: Connection, company_id: int, record_id: int, choice: str
) -> None:
    """Keep that a person chose what a record is linked to."""
    change(connection, company_id, record_id, choice=choice)


def choose(
    connection: Connection,
    company_id: int,
    record_id: int,
    choice: str | None,
    state: str,
    reason: str | None,
    now: datetime,
) -> None:
    """Keep a person's choice for a record, with what is said of it by that."""
    change(
        connection,
        company_id,
        record_id,
        choice=choice,
        state=state,
        reason=reason,
        waits_for=None,
        due_at=now,
        attempt=0,
        changed_at=now,
    )
    moved(connection, company_id)
