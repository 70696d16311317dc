"""Entries that a newer backup has again, by the TxnID that they had before.

What a wrong backup took was added again, and has another TxnID since. When the right
backup is restored after all, its first TxnID is there and the other one is not: it is
the same entry, however it was edited or deleted in between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies.registry import Company
from qbwc_server.kinds.restored import NOT_THERE
from qbwc_server.kinds.time_entry import NAME
from qbwc_server.quickbooks.restores import signs
from qbwc_server.records import restored
from qbwc_server.records.restored import Befell
from qbwc_server.records.waiting import chunks
from qbwc_server.storage import tables

_RECORD, _FORMER = tables.record, tables.former_id


def take_back(
    connection: Connection, company: Company, missing: Collection[str], now: datetime
) -> set[str]:
    """Have entries be what they were; return their later TxnIDs.

    `missing` are the TxnIDs that a complete compare did not find.
    """
    found = _pairs(connection, company.id, missing)
    for lost, shown in found:
        restored.take_place(connection, lost, shown, now)
        signs.let_go_on(connection, lost, now)
        mark = signs.befell(lost, shown, shown.quickbooks)
        if mark is not None:
            befell = Befell(lost, mark, shown.quickbooks)
            restored.note(connection, company, [befell], now)
    return {lost.quickbooks_id for lost, _ in found}


def _pairs(
    connection: Connection, company_id: int, missing: Collection[str]
) -> list[tuple[Row[Any], Row[Any]]]:
    """Return records that are lost, each with the one that has its former TxnID.

    That one was made by the reading of the restored file, so it is the later one.
    """
    shown = _RECORD.alias()
    ids = connection.execute(
        sa.select(_FORMER.c.record_id, shown.c.id)
        .join(
            shown,
            (shown.c.company_id == _FORMER.c.company_id)
            & (shown.c.quickbooks_id == _FORMER.c.value)
            & (shown.c.id > _FORMER.c.record_id),
        )
        .where(
            _FORMER.c.company_id == company_id,
            _FORMER.c.side == "quickbooks",
            shown.c.kind == NAME,
            shown.c.mosaic_id.is_(None),
            shown.c.quickbooks_gone.is_(False),
        )
    ).all()
    both = {one for pair in ids for one in pair}
    rows = {
        row.id: row
        for part in chunks(sorted(both))
        for row in connection.execute(
            sa.select(_RECORD).where(
                _RECORD.c.company_id == company_id, _RECORD.c.id.in_(part)
            )
        )
    }
    left = [
        (rows[was], rows[its])
        for was, its in ids
        if was in rows and _is_lost(rows[was], missing)
    ]
    # Where two could be it, nobody can tell.
    once = Counter(one.id for pair in left for one in pair)
    return [pair for pair in left if all(once[one.id] == 1 for one in pair)]


def _is_lost(row: Row[Any], missing: Collection[str]) -> bool:
    is_gone = row.quickbooks_gone or row.restored in NOT_THERE
    return row.kind == NAME and (is_gone or row.quickbooks_id in missing)
