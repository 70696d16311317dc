"""What people said of two entries, kept for ever by both ids: one entry, or two.

`kinds.identity` obeys it; it comes in there as a fact. What only a person can tell is
kept here too, as asked, until somebody says it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.kinds.identity import Word
from qbwc_server.storage import tables
from qbwc_server.storage.statements import upsert

_SAID = tables.said
_CHUNK = 400


def words_of(
    connection: Connection,
    company_id: int,
    *,
    quickbooks_ids: Collection[str] = (),
    mosaic_ids: Collection[int] = (),
) -> dict[tuple[str, int], Word]:
    """Return what was said of entries, by QuickBooks' TxnID and Mosaic's number."""
    found: dict[tuple[str, int], Word] = {}
    for column, ids in (
        (_SAID.c.quickbooks_id, sorted(quickbooks_ids)),
        (_SAID.c.mosaic_id, sorted(mosaic_ids)),
    ):
        for start in range(0, len(ids), _CHUNK):
            rows = connection.execute(
                sa.select(_SAID.c.quickbooks_id, _SAID.c.mosaic_id, _SAID.c.word).where(
                    _SAID.c.company_id == company_id,
                    column.in_(ids[start : start + _CHUNK]),
                )
            )
            found |= {(row[0], row[1]): Word(row[2]) for row in rows}
    return found


def say(
    connection: Connection,
    company_id: int,
    pairs: Iterable[tuple[str, int]],
    word: Word,
    *,
    by: str,
    now: datetime,
) -> None:
    """Keep a word about entries; it takes the place of one that was said before."""
    upsert(
        connection,
        _SAID,
        [
            {
                "company_id": company_id,
                "quickbooks_id": txn_id,
                "mosaic_id": number,
                "word": word.value,
                "by": by,
                "at": now,
            }
            for txn_id, number in pairs
        ],
        key=("company_id", "quickbooks_id", "mosaic_id"),
    )
