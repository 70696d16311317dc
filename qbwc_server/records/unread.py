"""Records of which QuickBooks has a form that our program could not read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.engine import Connection

from qbwc_server.records import history
from qbwc_server.records.store import KEPT
from qbwc_server.records.waiting import chunks
from qbwc_server.storage import tables

_RECORD = tables.record
UNREAD = (
    "QuickBooks has a newer form of it that our program could not read. Support must "
    "look at it; it is read again after the fix."
)


def note_unread(
    connection: Connection,
    company_id: int,
    kind: str,
    quickbooks_ids: Iterable[str],
    *,
    exchange_id: int | None,
    now: datetime,
) -> None:
    """Say of records that QuickBooks showed a form that our program could not read.

    They rest until it is read: what is known of them is no longer so.
    """
    decided = ("do_not_link", "gone", "conflict")
    for part in chunks([one for one in quickbooks_ids if one]):
        rows = connection.execute(
            _RECORD.update()
            .where(
                _RECORD.c.company_id == company_id,
                _RECORD.c.kind == kind,
                _RECORD.c.quickbooks_id.in_(part),
                _RECORD.c.state.not_in(decided),
            )
            .values(state="refused", reason=UNREAD, due_at=None)
            .returning(_RECORD.c.id)
        ).scalars()
        for record_id in list(rows):
            history.event(
                connection,
                company_id,
                record_id,
                at=now,
                what="not read",
                by="our program",
                detail={"exchange": exchange_id},
            )


def wake_unread(
    connection: Connection,
    company_id: int,
    kind: str,
    quickbooks_ids: Iterable[str],
    *,
    mirrored: bool,
    now: datetime,
) -> None:
    """Let records go on that rested because they could not be read; see `note_unread`.

    Those of a kind that is not `mirrored` are only kept.
    """
    resting: dict[str, object] = {"state": "pending", "reason": None, "due_at": now}
    if not mirrored:
        resting = {"state": "in_sync", "reason": KEPT}
    for part in chunks(list(quickbooks_ids)):
        connection.execute(
            _RECORD.update()
            .where(
                _RECORD.c.company_id == company_id,
                _RECORD.c.kind == kind,
                _RECORD.c.quickbooks_id.in_(part),
                _RECORD.c.state == "refused",
                _RECORD.c.reason == UNREAD,
            )
            .values(**resting)
        )
