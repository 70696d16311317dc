"""Joins two records that are one time entry: one known in QuickBooks, one in Mosaic.

A customer who comes from another connector has the same hours on both sides already,
and a person may enter the same hours twice. Making each on the other side would double
them, so whatever is about to be made is looked for first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies.registry import Company
from qbwc_server.delivery import outbox
from qbwc_server.jobs import queue
from qbwc_server.kinds.identity import Likeness, likeness
from qbwc_server.kinds.list_plan import Choice
from qbwc_server.kinds.time_entry import NAME
from qbwc_server.kinds.two_way import Entry
from qbwc_server.records import joining
from qbwc_server.records.references import Links
from qbwc_server.storage import tables

_RECORD, _JOB = tables.record, tables.job


def days_only_in_mosaic(
    connection: Connection, company_id: int, days: Collection[str]
) -> set[str]:
    """Return on which of the days Mosaic has entries without a counterpart."""
    return set(
        connection.execute(
            sa.select(_RECORD.c.day)
            .where(
                _RECORD.c.company_id == company_id,
                _RECORD.c.quickbooks_id.is_(None),
                _RECORD.c.mosaic_id.is_not(None),
                _RECORD.c.day.in_(sorted(days)),
            )
            .distinct()
        ).scalars()
    )


def join_before_create(
    connection: Connection,
    company: Company,
    row: Row[Any],
    entry: Entry,
    now: datetime,
    *,
    others: Collection[int] = (),
) -> int | None:
    """Join an entry of QuickBooks with the same one that Mosaic has already.

    `others` are entries of Mosaic that are another company file's. Returns the id of
    the record that is gone by that.
    """
    candidates = connection.execute(
        sa.select(_RECORD)
        .where(
            _RECORD.c.company_id == company.id,
            _RECORD.c.quickbooks_id.is_(None),
            _RECORD.c.mosaic_id.is_not(None),
            _RECORD.c.kind == NAME,
            _RECORD.c.day == row.day,
            _RECORD.c.mosaic_gone.is_(False),
            _RECORD.c.choice.is_distinct_from(Choice.NONE.value),
            sa.func.coalesce(_RECORD.c.waits_for, "").not_like("call:%"),
        )
        .order_by(_RECORD.c.mosaic_id)
    ).all()
    found = _best(
        (one, entry.facing, one.mosaic)
        for one in candidates
        if one.mosaic_id not in others and not _on_its_way(connection, one)
    )
    if found is None:
        return None
    join(connection, row, found, now)
    return int(found.id)


def join_before_add(
    connection: Connection,
    company: Company,
    row: Row[Any],
    entry: Entry,
    links: Links,
    now: datetime,
    *,
    leave: Collection[int] = (),
) -> int | None:
    """Join an entry of Mosaic with the same one that QuickBooks has already.

    The record that stays is the one planned now; QuickBooks' side comes to it. Records
    of `leave` are about to get a counterpart of their own. Returns the id of the record
    that is gone by that.
    """
    candidates = connection.execute(
        sa.select(_RECORD)
        .where(
            _RECORD.c.company_id == company.id,
            _RECORD.c.kind == NAME,
            _RECORD.c.day == row.day,
            _RECORD.c.parent_id == entry.back["person"],
            _RECORD.c.quickbooks_id.is_not(None),
            _RECORD.c.mosaic_id.is_(None),
            _RECORD.c.quickbooks_gone.is_(False),
            _RECORD.c.choice.is_distinct_from(Choice.NONE.value),
        )
        .order_by(_RECORD.c.id)
    ).all()
    found = _best(
        (one, links.facing(one.quickbooks), entry.mosaic or {})
        for one in candidates
        if one.id not in leave and not _on_its_way(connection, one)
    )
    if found is None:
        return None
    join(connection, found, row, now, stays=row.id)
    return int(found.id)


def _best(
    pairs: Iterable[tuple[Row[Any], Mapping[str, Any], Mapping[str, Any]]],
) -> Row[Any] | None:
    """Return the record that is the same entry by `identity`, an exact one first."""
    as_kept = None
    for row, facing, mosaic in pairs:
        found = likeness(facing, mosaic)
        if found is Likeness.EXACT:
            return row
        if found is Likeness.AS_KEPT:
            as_kept = as_kept or row
    return as_kept


def _on_its_way(connection: Connection, row: Row[Any]) -> bool:
    """Tell whether a record is about to get a counterpart of its own."""
    calls = outbox.open_calls(
        connection, row.company_id, tables.mosaic_call.c.record_id == row.id
    )
    jobs = queue.select(
        connection,
        row.company_id,
        _JOB.c.record_id == row.id,
        _JOB.c.state.in_(("sent", "unsure")),
    )
    return bool(calls or jobs)


def join(
    connection: Connection,
    of_quickbooks: Row[Any],
    of_mosaic: Row[Any],
    now: datetime,
    *,
    stays: int | None = None,
) -> None:
    """Make two records one; the other one's history comes along."""
    stays = stays or of_quickbooks.id
    other = of_mosaic if stays == of_quickbooks.id else of_quickbooks
    for job in queue.select(
        connection,
        other.company_id,
        _JOB.c.record_id == other.id,
        _JOB.c.finished_at.is_(None),
    ):
        reason = f"Both sides had it: joined with record {stays}."
        queue.move(connection, job, "cancelled", by="plan", now=now, reason=reason)
    joining.join(connection, of_quickbooks, of_mosaic, now, stays=stays)
