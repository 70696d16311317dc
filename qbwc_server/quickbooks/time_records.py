"""Time entries as records: bringing the QuickBooks side up to what was read.

An entry of ours is known again by the ExternalGUID of our Add, so that an Add whose
answer was lost is never taken for somebody else's new entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies import copied, registry
from qbwc_server.jobs import queue
from qbwc_server.kinds.restored import NOT_THERE, Mark
from qbwc_server.kinds.time_entry import NAME, SeenTime
from qbwc_server.kinds.tombstone import Who
from qbwc_server.records import due, history, store, time_of_quickbooks, tombstones
from qbwc_server.records.one_or_two import meanwhile
from qbwc_server.storage import tables

FOR_QUICKBOOKS = "time:quickbooks"
"""What entries of Mosaic wait for until QuickBooks was read down to their day."""
_CHUNK = 500
_RECORD = tables.record
_T = TypeVar("_T")


def keep_quickbooks(
    connection: Connection,
    company_id: int,
    entries: Sequence[SeenTime],
    *,
    now: datetime,
    full_read: int | None = None,
) -> int:
    """Bring the QuickBooks side of records up to entries that QuickBooks showed.

    What differs becomes due; what only carries other stamps causes no work. Returns how
    many are new or differ.
    `full_read` is the id of the job that compares everything; see `unmet`.
    """
    wanted = {one.txn_id: one for one in entries}
    there = known(connection, company_id, wanted)
    new = [one for key, one in wanted.items() if key not in there]
    adopted = _ours(connection, company_id, new)
    unknown = [one for one in new if one.txn_id not in adopted]
    if unknown:
        company = registry.get(connection, company_id)
        time_of_quickbooks.add(
            connection,
            company_id,
            unknown,
            now,
            full_read,
            unknown_to_copy=copied.is_unread(company, "quickbooks"),
        )
        registry.change(connection, company_id, deliver_at=now)
    for txn_id, row in adopted.items():
        _end_additions(connection, company_id, row, now)
        history.event(
            connection,
            company_id,
            row.id,
            at=now,
            what="found in QuickBooks by its ExternalGUID",
            by="quickbooks",
            detail={"txn_id": txn_id},
        )
    # Before what is known changes: ours may just have been moved to another day.
    meanwhile.ask_in_quickbooks(connection, company_id, unknown, now)
    rows = there | adopted
    differing = _update(connection, company_id, wanted, rows, now)
    ours = [wanted[one] for one in adopted]
    meanwhile.ask_in_quickbooks(connection, company_id, ours, now)
    if full_read is not None:
        store.mark_met(connection, company_id, NAME, rows, full_read)
    return len(unknown) + differing


def known(
    connection: Connection, company_id: int, txn_ids: Iterable[str]
) -> dict[str, Row[Any]]:
    """Return the records of entries by their TxnID, also those that are gone."""
    return {
        row.quickbooks_id: row
        for row in store.by_quickbooks_id(connection, company_id, NAME, txn_ids)
    }


def unmet(
    connection: Connection,
    company_id: int,
    full_read: int,
    since: str,
    *,
    after: str = "",
    limit: int | None = None,
) -> list[str]:
    """Return the TxnIDs from a day on that a complete read did not meet, in order.

    `after` and `limit` cut out the next few.
    """
    return list(
        connection.execute(
            sa.select(_RECORD.c.quickbooks_id)
            .where(
                *_alive(company_id),
                _RECORD.c.day >= since,
                sa.func.coalesce(_RECORD.c.seen_in, 0) != full_read,
                _RECORD.c.quickbooks_id > after,
            )
            .order_by(_RECORD.c.quickbooks_id)
            .limit(limit)
        ).scalars()
    )


def count(connection: Connection, company_id: int, since: str = "") -> int:
    """Return how many entries QuickBooks is known to have, from a day on."""
    found: int = connection.execute(
        sa.select(sa.func.count())
        .select_from(_RECORD)
        .where(*_alive(company_id), _RECORD.c.day >= since)
    ).scalar_one()
    return found


def alive(
    connection: Connection,
    company_id: int,
    txn_ids: Iterable[str],
    *,
    also_taken: bool = False,
) -> list[str]:
    """Return which of the ids QuickBooks is known to have.

    `also_taken` counts those that a restored backup took: it has them no more, but
    nobody deleted them.
    """
    alive = _not_deleted(company_id) if also_taken else _alive(company_id)
    found: list[str] = []
    for part in _chunks(list(txn_ids)):
        found += connection.execute(
            sa.select(_RECORD.c.quickbooks_id).where(
                *alive, _RECORD.c.quickbooks_id.in_(part)
            )
        ).scalars()
    return found


def mark_gone(
    connection: Connection,
    company_id: int,
    txn_ids: Iterable[str],
    *,
    now: datetime,
    who: Who = Who.PERSON,
) -> int:
    """Note that entries were deleted in QuickBooks; return how many were not yet.

    `who` deleted them: QuickBooks lists what a person deleted, and knows it no more.
    So was one that a restored backup seemed to have taken, if it is said to be.
    """
    there = alive(connection, company_id, txn_ids, also_taken=True)
    ids = time_of_quickbooks.delete(connection, company_id, there, now)
    tombstones.note_lost(
        connection, company_id, ids, "quickbooks", who, by="quickbooks", now=now
    )
    if ids:
        registry.change(connection, company_id, deliver_at=now)
    return len(ids)


def wake(
    connection: Connection, company_id: int, record_ids: Sequence[int], now: datetime
) -> None:
    """Have records looked at, and a worker look at the company."""
    if record_ids:
        due.make_due(connection, company_id, record_ids, now)
        registry.change(connection, company_id, deliver_at=now)


def wake_where(
    connection: Connection,
    company_id: int,
    condition: sa.ColumnElement[bool],
    now: datetime,
) -> None:
    """Have the time entries looked at for which a condition of the table holds."""
    found = time_of_quickbooks.wake_where(connection, company_id, condition, now)
    if found:
        registry.change(connection, company_id, deliver_at=now)


def _ours(
    connection: Connection, company_id: int, new: Sequence[SeenTime]
) -> dict[str, Row[Any]]:
    """Return, by TxnID, the records whose Add made entries that were unknown.

    One that already is another living entry is not it: a copy carries the same GUID.
    """
    by_guid = {one.guid: one.txn_id for one in new if one.guid is not None}
    return {
        by_guid[row.external_guid]: row
        for part in _chunks(list(by_guid))
        for row in connection.execute(
            _of(company_id).where(
                _RECORD.c.external_guid.in_(part),
                sa.or_(
                    _RECORD.c.quickbooks_id.is_(None),
                    _RECORD.c.quickbooks_gone.is_(True),
                    _RECORD.c.restored == Mark.ADD,
                ),
            )
        )
    }


def _end_additions(
    connection: Connection, company_id: int, row: Row[Any], now: datetime
) -> None:
    """Call back an Add that would come a second time.

    One that is on its way or unsure is settled by whoever waits for its answer.
    """
    for job in queue.select(
        connection,
        company_id,
        tables.job.c.record_id == row.id,
        tables.job.c.action == "add",
        tables.job.c.state.in_(("waiting", "ready", "failed")),
    ):
        reason = "QuickBooks has the entry already."
        queue.move(connection, job, "cancelled", by="reading", now=now, reason=reason)


def _update(
    connection: Connection,
    company_id: int,
    wanted: dict[str, SeenTime],
    rows: dict[str, Row[Any]],
    now: datetime,
) -> int:
    """Take up what differs and what carries other stamps; return how many differ."""
    differing = [key for key, row in rows.items() if _differs(row, wanted[key])]
    settled = set(differing)
    restamped = [
        key
        for key, row in rows.items()
        if key not in settled and _stamps(row) != _new_stamps(wanted[key])
    ]
    restamp = [(rows[key], wanted[key]) for key in restamped]
    time_of_quickbooks.restamp(connection, company_id, restamp)
    renew = [(rows[key], wanted[key]) for key in differing]
    sent = _sent(connection, company_id, [row.id for row, _ in renew])
    time_of_quickbooks.renew(connection, company_id, renew, now, sent=sent)
    if renew:
        registry.change(connection, company_id, deliver_at=now)
    return len(renew)


def _sent(
    connection: Connection, company_id: int, record_ids: list[int]
) -> dict[int, Mapping[str, Any]]:
    """Return by record what a change of ours carries that was not answered yet."""
    return {
        job.record_id: (job.payload or {}).get("fields") or {}
        for part in _chunks(record_ids)
        for job in queue.select(
            connection,
            company_id,
            tables.job.c.record_id.in_(part),
            tables.job.c.action == "mod",
            tables.job.c.state.in_(("sent", "unsure")),
        )
        if job.record_id is not None
    }


def _differs(row: Row[Any], one: SeenTime) -> bool:
    return (
        row.quickbooks != one.seen.snapshot
        or row.restored in NOT_THERE
        or row.quickbooks_id != one.txn_id
        or bool(row.quickbooks_gone)
        or row.unread is not None
    )


def _stamps(row: Row[Any]) -> tuple[str | None, ...]:
    return row.name, row.edit_sequence, row.time_modified


def _new_stamps(one: SeenTime) -> tuple[str | None, ...]:
    return one.seen.name, one.seen.edit_sequence, one.seen.time_modified


def _here(company_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    return (_RECORD.c.company_id == company_id, _RECORD.c.kind == NAME)


def _alive(company_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    not_there = sa.func.coalesce(_RECORD.c.restored, "").in_(sorted(NOT_THERE))
    return (*_not_deleted(company_id), ~not_there)


def _not_deleted(company_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        *_here(company_id),
        _RECORD.c.quickbooks_id.is_not(None),
        _RECORD.c.quickbooks_gone.is_(False),
    )


def _of(company_id: int) -> sa.Select[Any]:
    return sa.select(_RECORD).where(*_here(company_id))


def _chunks(items: list[_T]) -> Iterator[list[_T]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]
