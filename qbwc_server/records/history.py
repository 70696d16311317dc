"""What happened to records: rows that are only ever added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.engine import Connection

from qbwc_server.records.told import former
from qbwc_server.storage import tables
from qbwc_server.storage.database import next_ids

US: Final = "our program"
"""Who did it, where nobody did but we."""


@dataclass(frozen=True, slots=True)
class Happened:
    """What happened to a record, by whom; `detail` is what can be read of it later."""

    record_id: int
    what: str
    by: str
    detail: object = None


def event(
    connection: Connection,
    company_id: int,
    record_id: int,
    *,
    at: datetime,
    what: str,
    by: str,
    detail: object = None,
) -> None:
    """Keep what happened to a record."""
    one = Happened(record_id, what, by, detail)
    events(connection, company_id, [one], at=at)


def events(
    connection: Connection,
    company_id: int,
    happened: Sequence[Happened],
    *,
    at: datetime,
) -> None:
    """Keep what happened to records, in that order."""
    if not happened:
        return
    ids = next_ids(connection, company_id, len(happened))
    connection.execute(
        tables.record_event.insert(),
        [
            {
                "company_id": company_id,
                "id": event_id,
                "record_id": one.record_id,
                "at": at,
                "what": one.what,
                "by": one.by,
                "detail": one.detail,
            }
            for event_id, one in zip(ids, happened, strict=True)
        ],
    )


def move(
    connection: Connection, company_id: int, record_id: int, at: datetime, *, to: int
) -> None:
    """Give a record's history to the one that takes its place, and find it there.

    Also what was sent to Mosaic for it and is settled: it may still come.
    """
    former.move(connection, company_id, record_id, at, to=to)
    event, call = tables.record_event, tables.mosaic_call
    connection.execute(
        call.update()
        .where(
            call.c.company_id == company_id,
            call.c.record_id == record_id,
            call.c.settled_at.is_not(None),
        )
        .values(record_id=to)
    )
    connection.execute(
        event.update()
        .where(event.c.company_id == company_id, event.c.record_id == record_id)
        .values(record_id=to)
    )
