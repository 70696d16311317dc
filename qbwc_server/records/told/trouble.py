"""When a record began to wait for somebody and when that was over, in its history.

`record.trouble` is what was told last, so that what is planned again and again is told
once, and what ends is seen without a look at the history.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy.engine import Connection, Row

from qbwc_server.records import history
from qbwc_server.records.row import change

BEGAN: Final = {
    "conflict": "both sides changed it: a conflict",
    "locked": "locked in QuickBooks",
    "refused": "waits for somebody",
}
OVER: Final = {
    "conflict": "the conflict is over",
    "locked": "not locked any more",
    "refused": "waits for nobody any more",
}
_AT_REST: Final = ("in_sync", "gone", "unlinked", "do_not_link")


def note(
    connection: Connection,
    company_id: int,
    rows: Sequence[Row[Any]],
    state: str,
    reason: str | None,
    now: datetime,
) -> None:
    """Keep what is new of it, for records that are to be in a state.

    `rows` have the records' `id` and `trouble` as they were.
    """
    happened: list[history.Happened] = []
    if state in BEGAN:
        new = [row for row in rows if row.trouble != state]
        detail = {"why": reason}
        happened = [_happened(row, BEGAN[state], detail) for row in new]
        trouble = state
    elif state in _AT_REST:
        new = [row for row in rows if row.trouble is not None]
        happened = [_happened(row, OVER[row.trouble]) for row in new]
        trouble = None
    if happened:
        ids = [one.record_id for one in happened]
        change(connection, company_id, ids, trouble=trouble)
        history.events(connection, company_id, happened, at=now)


def _happened(
    row: Row[Any], what: str, detail: dict[str, str | None] | None = None
) -> history.Happened:
    return history.Happened(row.id, what, history.US, detail)
