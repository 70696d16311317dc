"""Time that a company file of a team sent and missed, in the plans of its files.

What equals it may be that, come late: the other files hold it, and the file that sent
it keeps a record of it, whosever such hours are.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies.registry import Company
from qbwc_server.companies.team import missed_time
from qbwc_server.kinds.identity import Word, Words
from qbwc_server.kinds.time_entry import NAME
from qbwc_server.kinds.two_way import Action, Do
from qbwc_server.planning import time_asked
from qbwc_server.records.one_or_two import said
from qbwc_server.storage import tables

_RECORD = tables.record
_LONG: Final = timedelta(days=1)
_EQUALS: Final = (
    "It equals what another company file sent to Mosaic and did not find there: it may "
    "be that, come late."
)
_WAITS: Final = f"{_EQUALS} Waits a day for it, or until a person has said so there."
_OVERDUE: Final = (
    f"{_EQUALS} That file has not told within a day: a person is asked there, or it is "
    "paused or cannot be reached. Please tell our support; this goes on when it is "
    "known. Support: `qbwc-server support companies` shows that file."
)
_MAYBE: Final = (
    "It is on what is another company file's, but equals what this one sent to Mosaic "
    "and did not find there: it may be that, come late. Waits a day for Mosaic to "
    "tell; then it is the other file's."
)


def held(row: Row[Any], now: datetime) -> Action:
    """Hold an entry that another file may have made; after a day somebody is told."""
    names = missed_time.of_text(row.waits_for or "") or _names(row)
    waits_for, over = missed_time.as_text(names), row.created_at + _LONG
    if now >= over:
        return Action(Do.NOTHING, _OVERDUE, "refused", waits_for=waits_for)
    return Action(Do.NOTHING, _WAITS, "pending", waits_for=waits_for, until=over)


def is_held(connection: Connection, company: Company, row: Row[Any]) -> bool:
    """Tell whether an entry is held as it was before somebody edited it."""
    names = missed_time.of_text(row.waits_for or "")
    if names is None:
        return False
    by = missed_time.reserved(connection, company.team, names)
    return any(files - {company.id} for files in by.values())


def may_be_ours(connection: Connection, row: Row[Any]) -> Action | None:
    """Return what is asked or waited for of an entry that this file may have made.

    None: a person has said that it is not that.
    """
    words = said.words_of(connection, row.company_id, mosaic_ids=[row.mosaic_id])
    asks = time_asked.held(connection, words, row, Action(Do.ADD))
    if asks is None and words and not _may_take_its_place(connection, row, words):
        return None
    waits_for = missed_time.as_text(_names(row))
    return asks or Action(Do.NOTHING, _MAYBE, "pending", waits_for=waits_for)


def spoken_of(
    connection: Connection, company: Company, entries: Mapping[int, Mapping[str, Any]]
) -> set[int]:
    """Return which entries this file may have made, and a person was asked about."""
    names = {one: missed_time.names(one, entry) for one, entry in entries.items()}
    every = {name for both in names.values() for name in both}
    missed = missed_time.reserved(connection, company.team, every)
    may_be = [
        one
        for one, both in names.items()
        if any(company.id in missed.get(name, ()) for name in both)
    ]
    words = said.words_of(connection, company.id, mosaic_ids=may_be)
    return {number for _, number in words}


def _names(row: Row[Any]) -> tuple[missed_time.Name, missed_time.Name]:
    return missed_time.names(row.mosaic_id, row.mosaic)


def _may_take_its_place(connection: Connection, row: Row[Any], words: Words) -> bool:
    """Tell whether an entry is asked about whose own one in Mosaic is not there."""
    asked = [txn_id for (txn_id, _), one in words.items() if one is Word.ASKED]
    there = sa.select(_RECORD.c.id).where(
        _RECORD.c.company_id == row.company_id,
        _RECORD.c.kind == NAME,
        _RECORD.c.quickbooks_id.in_(asked),
        _RECORD.c.quickbooks_gone.is_(False),
    )
    return connection.execute(there.limit(1)).first() is not None
