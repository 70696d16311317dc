"""Records of time with which nothing is done now, kept by what is said of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy.engine import Connection, Row

from qbwc_server.kinds.two_way import Action
from qbwc_server.quickbooks import time_jobs
from qbwc_server.records import history, transitions

_UNCHANGED = ("in_sync", "gone")
_Said: TypeAlias = "tuple[str, str | None, tuple[str | None, ...], datetime | None]"
"""What is said of records: state, reason, what they wait for, and until when."""


class Rests:
    """Records with which nothing is done now, kept by what is said of them."""

    def __init__(self, company_id: int) -> None:
        self._company_id = company_id
        self._left: list[int] = []
        self._taken: dict[_Said, list[Row[Any]]] = {}
        self._gone: list[int] = []
        self._lost: dict[int, Any] = {}

    def leave(self, record_id: int) -> None:
        """Leave a record as it is; what it waits for makes it due again."""
        self._left.append(record_id)

    def take(self, row: Row[Any], action: Action) -> None:
        """Take what a plan that does nothing says of a record."""
        awaited = (action.waits_for, *action.also)
        said = (action.state, action.reason, awaited, action.until)
        self._taken.setdefault(said, []).append(row)
        if action.lost:
            self._lost[row.id] = time_jobs.conflict(row.conflict, action)
        if action.state == "gone" and row.state != "gone":
            self._gone.append(row.id)

    def keep(self, connection: Connection, now: datetime) -> None:
        """Write all of it down."""
        company_id = self._company_id
        transitions.leave(connection, company_id, self._left)
        for (state, reason, awaited, until), rows in self._taken.items():
            transitions.rest(
                connection,
                company_id,
                rows,
                state,
                reason,
                now=now,
                awaited=awaited,
                until=until,
                tries_over=state in _UNCHANGED,
            )
        for record_id, kept in self._lost.items():
            transitions.keep_conflict(connection, company_id, record_id, kept)
        for record_id in self._gone:
            history.event(
                connection, company_id, record_id, at=now, what="gone", by="plan"
            )
