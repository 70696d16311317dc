"""What becomes of a record: each change of what is said of it has its name here.

Nothing outside this wing writes the table (`tests/test_layers.py`). What must happen
besides, the caller does: withdraw jobs, wake a worker, attend a company.

A change that may matter to a write which is planned already raises the company's
counter (`moved`); what our own writes came to does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.kinds import tries
from qbwc_server.records.row import change
from qbwc_server.records.told import trouble
from qbwc_server.records.waiting import FREE, waiting
from qbwc_server.storage import tables

_RECORD = tables.record
_LEFT_OUT: Final = "do_not_link"
REFUSED: Final = "Mosaic refused it: "
"""Begins a reason that quotes why Mosaic did not take a write."""
_OUR_FAULT: Final = (
    "Our program fails on this record. Please tell support; the others go on without "
    "it, and it is tried again when it changes."
)
_UNCHANGED: Final = ("in_sync", "gone")
_LONGEST = 1000
"""Characters of a reason; QuickBooks' own words may be many."""


# At rest, by what a plan says


def leave(connection: Connection, company_id: int, record_ids: Iterable[int]) -> None:
    """Leave records as they are; what is on its way for them makes them due again."""
    change(connection, company_id, record_ids, due_at=None)


def rest(
    connection: Connection,
    company_id: int,
    rows: Sequence[Row[Any]],
    state: str,
    reason: str | None,
    *,
    now: datetime,
    awaited: Sequence[str | None] = (),
    until: datetime | None = None,
    tries_over: bool,
) -> None:
    """Take what a plan says of records with which nothing is done now.

    They wait for each of the things `awaited`, or `until` a moment; `tries_over`
    forgets how often they were written in vain. `rows` are the records as they were.
    """
    trouble.note(connection, company_id, rows, state, reason, now)
    values: dict[str, object] = {"attempt": 0} if tries_over else {}
    if state in _UNCHANGED:
        values["failures"] = 0
    values |= waiting(awaited)
    change(
        connection,
        company_id,
        [row.id for row in rows],
        state=state,
        reason=reason,
        due_at=until,
        **values,
    )


def hold_back(
    connection: Connection, company_id: int, record_id: int, reason: str
) -> None:
    """Say what would be done with a record if its company were delivered."""
    change(
        connection,
        company_id,
        record_id,
        state="pending",
        reason=reason,
        due_at=None,
    )


def wait_until(
    connection: Connection,
    company_id: int,
    record_id: int,
    reason: str,
    at: datetime,
    *,
    awaited: str | None = None,
) -> None:
    """Have a record wait for something, but no longer than until a moment."""
    values = {} if awaited is None else {"waits_for": awaited}
    change(
        connection,
        company_id,
        record_id,
        state="pending",
        reason=reason,
        due_at=at,
        **values,
    )


def fail(
    connection: Connection, company_id: int, record_id: int, now: datetime
) -> None:
    """Rest a record that our program cannot plan; others go on."""
    _note(connection, company_id, record_id, "refused", _OUR_FAULT, now)
    change(
        connection,
        company_id,
        record_id,
        state="refused",
        reason=_OUR_FAULT,
        due_at=None,
    )


# A write to Mosaic, kept as a call


def go_out(
    connection: Connection,
    company_id: int,
    writes: Sequence[tuple[int, str | None]],
) -> None:
    """Say of records that a write of theirs to Mosaic is on its way, each with why.

    What Mosaic said at the last try, and who must act, holds until it says otherwise.
    """
    if not writes:
        return
    stays = sa.or_(
        _RECORD.c.reason.startswith(REFUSED), _RECORD.c.reason.startswith(tries.FAILED)
    )
    connection.execute(
        _RECORD.update()
        .where(
            _RECORD.c.company_id == company_id, _RECORD.c.id == sa.bindparam("about")
        )
        .values(
            state=sa.case((stays, _RECORD.c.state), else_="pending"),
            reason=sa.case(
                (stays, _RECORD.c.reason),
                else_=sa.bindparam("why", type_=_RECORD.c.reason.type),
            ),
            due_at=None,
            **FREE,
        ),
        [{"about": record_id, "why": why} for record_id, why in writes],
    )


def doubt(connection: Connection, company_id: int, record_id: int, reason: str) -> None:
    """Say of a record that nobody knows yet what its write came to."""
    change(connection, company_id, record_id, reason=reason)


def fails(connection: Connection, company_id: int, record_id: int, said: str) -> None:
    """Count a write that Mosaic failed on while it answers others; `said` is why."""
    change(
        connection,
        company_id,
        record_id,
        failures=_RECORD.c.failures + 1,
        reason=f"{tries.FAILED}{said}"[:_LONGEST],
    )


def failures(
    connection: Connection, company_id: int, record_id: int
) -> tuple[int, str]:
    """Return how often Mosaic failed on a record in a row, and what it said."""
    row = connection.execute(
        sa.select(_RECORD.c.failures, _RECORD.c.reason).where(
            _RECORD.c.company_id == company_id, _RECORD.c.id == record_id
        )
    ).first()
    return (0, "") if row is None else (row.failures, row.reason or "")


def ask(
    connection: Connection,
    company_id: int,
    record_id: int,
    question: str,
    now: datetime,
) -> None:
    """Have a record ask a person; nothing is done with it until that is known."""
    _note(connection, company_id, record_id, "refused", question, now)
    change(
        connection,
        company_id,
        record_id,
        state="refused",
        reason=question,
        due_at=None,
    )


def refuse(
    connection: Connection,
    company_id: int,
    record_id: int,
    reason: str,
    *,
    sent_at: datetime,
    now: datetime,
) -> None:
    """Say that Mosaic refused a write; what changed since it was sent is tried."""
    _note(connection, company_id, record_id, "refused", reason, now)
    since = _RECORD.c.changed_at > sent_at
    change(
        connection,
        company_id,
        record_id,
        state="refused",
        reason=reason,
        due_at=sa.case((since, now), else_=None),
    )


def plan_again(
    connection: Connection,
    company_id: int,
    record_id: int,
    reason: str,
    at: datetime,
) -> None:
    """Have a record planned again whose write was not made."""
    change(connection, company_id, record_id, due_at=at, reason=reason)


def count_try(connection: Connection, company_id: int, record_id: int) -> None:
    """Count a write that changed nothing."""
    change(connection, company_id, record_id, attempt=_RECORD.c.attempt + 1)


# A write to QuickBooks, kept as a job


def go_to_quickbooks(
    connection: Connection,
    company_id: int,
    record_id: int,
    *,
    reason: str | None,
    conflict: Mapping[str, Any] | None,
    external_guid: str | None,
) -> None:
    """Say that a write to QuickBooks waits for the next run.

    No `reason`: what is said stays. An Add's `external_guid` is kept before it leaves.
    """
    values: dict[str, object] = {}
    if reason is not None:
        values = {"state": "pending", "reason": reason}
    if external_guid is not None:
        values["external_guid"] = external_guid
    change(
        connection,
        company_id,
        record_id,
        due_at=None,
        conflict=conflict,
        **FREE,
        **values,
    )


def say(
    connection: Connection,
    row: Row[Any],
    state: str,
    reason: str,
    now: datetime,
    *,
    due_at: datetime | None,
    attempt: int | None = None,
) -> None:
    """Say what QuickBooks' answer means for a record; a person's "leave out" stays."""
    if row.state == _LEFT_OUT:
        state, reason = row.state, row.reason
    trouble.note(connection, row.company_id, [row], state, reason, now)
    values = {} if attempt is None else {"attempt": attempt}
    change(
        connection,
        row.company_id,
        row.id,
        state=state,
        reason=reason[:_LONGEST],
        due_at=due_at,
        **values,
    )


def _note(
    connection: Connection,
    company_id: int,
    record_id: int,
    state: str,
    reason: str,
    now: datetime,
) -> None:
    rows = connection.execute(
        sa.select(*(_RECORD.c[name] for name in ("id", "trouble"))).where(
            _RECORD.c.company_id == company_id, _RECORD.c.id == record_id
        )
    ).all()
    trouble.note(connection, company_id, rows, state, reason, now)


# What both sides agree on, and what they do not


def agree(
    connection: Connection, company_id: int, record_id: int, agreed: Mapping[str, Any]
) -> None:
    """Keep what both sides have already."""
    change(connection, company_id, record_id, agreed=agreed)


def known_since(
    connection: Connection, company_id: int, record_ids: Iterable[int], moment: datetime
) -> None:
    """Have records be known since a moment, and not since one that is to come."""
    change(connection, company_id, record_ids, created_at=moment)


def keep_conflict(
    connection: Connection,
    company_id: int,
    record_id: int,
    conflict: Mapping[str, Any] | None,
) -> None:
    """Keep the values that differ, or that lost."""
    change(connection, company_id, record_id, conflict=conflict or sa.null())
