"""Records of which QuickBooks has a form that our program could not read.

Rule: they rest, and are neither written nor joined, until it is read or deleted there.
What was known of them before is no longer so. An entry of time of which nothing was
known is a record too, with what could be read of it as its name: no hour is silent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.engine import Connection

from qbwc_server.kinds import time_entry
from qbwc_server.records import history
from qbwc_server.records.store import KEPT, by_quickbooks_id
from qbwc_server.records.waiting import chunks
from qbwc_server.storage import tables
from qbwc_server.storage.database import moved, next_ids
from qbwc_server.storage.statements import insert_many

_RECORD = tables.record
_LONGEST: Final = 300
UNREAD: Final = (
    "QuickBooks has it in a form that our program could not read. Support must look at "
    "it; it goes on by itself when it can be read."
)


@dataclass(frozen=True, slots=True)
class Unread:
    """An object that could not be read: its id, why, and what could be read of it."""

    quickbooks_id: str
    why: str
    name: str = ""

    @property
    def told(self) -> str:
        """Which one it is, and why."""
        return f"{self.quickbooks_id or 'without an id'}: {self.why}"


def reason_of(why: str | None) -> str:
    """Return what a record says of itself that could not be read, and why."""
    return f"{UNREAD} {why}" if why else UNREAD


def note_unread(
    connection: Connection,
    company_id: int,
    kind: str,
    objects: Iterable[Unread],
    *,
    exchange_id: int | None,
    now: datetime,
) -> None:
    """Say of records that QuickBooks showed a form that our program could not read.

    An unknown entry of time becomes one; an unknown object of a list is told with the
    answer that it was in, because nothing is lost while its list is read again.
    """
    decided = ("do_not_link", "gone", "conflict")
    wanted = {one.quickbooks_id: one for one in objects if one.quickbooks_id}
    there = {
        row.quickbooks_id: row
        for row in by_quickbooks_id(connection, company_id, kind, wanted)
    }
    for txn_id, row in there.items():
        why = wanted[txn_id].why[:_LONGEST]
        rests: dict[str, object] = {}
        if row.state not in decided:
            rests = {"state": "refused", "reason": reason_of(why), "due_at": None}
        if kind == time_entry.NAME:
            # What waits to be written about it is taken back when it is planned.
            rests["due_at"] = now
        connection.execute(
            _RECORD.update()
            .where(_RECORD.c.company_id == company_id, _RECORD.c.id == row.id)
            .values(unread=why, **rests)
        )
        if row.unread != why:
            _happened(connection, company_id, row.id, exchange_id, now)
    if kind == time_entry.NAME:
        new = [one for txn_id, one in wanted.items() if txn_id not in there]
        for record_id in _add(connection, company_id, new, now):
            _happened(connection, company_id, record_id, exchange_id, now)


def _add(
    connection: Connection, company_id: int, new: Sequence[Unread], now: datetime
) -> Sequence[int]:
    """Make records of entries of time of which no more is known than a name.

    Without a day and a person, no look for equal entries finds them.
    """
    if not new:
        return ()
    ids = next_ids(connection, company_id, len(new))
    insert_many(
        connection,
        _RECORD,
        [
            {
                "id": record_id,
                "name": one.name or one.quickbooks_id,
                "quickbooks_id": one.quickbooks_id,
                "reason": reason_of(one.why[:_LONGEST]),
                "unread": one.why[:_LONGEST],
            }
            for record_id, one in zip(ids, new, strict=True)
        ],
        {
            "company_id": company_id,
            "kind": time_entry.NAME,
            "state": "refused",
            "delivery_rank": time_entry.RANK_OF_EDITS,
            "created_at": now,
            "changed_at": now,
        },
    )
    moved(connection, company_id)
    return ids


def _happened(
    connection: Connection,
    company_id: int,
    record_id: int,
    exchange_id: int | None,
    now: datetime,
) -> None:
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

    Those of a kind that is not `mirrored` are only kept. One that has never been read
    goes on only with what it is.
    """
    resting: dict[str, object] = {"state": "pending", "reason": None, "due_at": now}
    if not mirrored:
        resting = {"state": "in_sync", "reason": KEPT}
    for part in chunks(list(quickbooks_ids)):
        here = (
            _RECORD.c.company_id == company_id,
            _RECORD.c.kind == kind,
            _RECORD.c.quickbooks_id.in_(part),
            _RECORD.c.unread.is_not(None),
            _RECORD.c.quickbooks.is_not(None),
        )
        connection.execute(
            _RECORD.update()
            .where(*here, _RECORD.c.state == "refused")
            .values(unread=None, **resting)
        )
        connection.execute(_RECORD.update().where(*here).values(unread=None))
