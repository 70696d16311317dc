"""Entries that somebody typed into QuickBooks while we were adding the same hours.

They were in no read that an Add relied on, so nobody can tell whether they are the same
hours: a person is asked, and until then nothing is done with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.engine import Connection, Row

from qbwc_server.kinds import identity
from qbwc_server.kinds.identity import Birth, Word
from qbwc_server.kinds.time_entry import SeenTime
from qbwc_server.records import said

_WITHIN: Final = timedelta(minutes=10)
"""The read before an Add is at most five minutes old; its answer takes a while."""


def ask(
    connection: Connection,
    company_id: int,
    new: Sequence[SeenTime],
    shown: Mapping[str, SeenTime],
    rows: Mapping[str, Row[Any]],
    now: datetime,
) -> None:
    """Ask about new entries that equal one that we added a moment later.

    `shown` is what QuickBooks showed, `rows` the records of what was known of it.
    """
    ours: dict[tuple[object, object], list[str]] = {}
    for txn_id, row in rows.items():
        if row.external_guid is not None and row.mosaic_id is not None:
            ours.setdefault(_place(shown[txn_id]), []).append(txn_id)
    pairs = [
        (one.txn_id, rows[txn_id].mosaic_id)
        for one in new
        for txn_id in ours.get(_place(one), ())
        if identity.born_meanwhile(
            one.seen.snapshot,
            shown[txn_id].seen.snapshot,
            (_birth(one), _birth(shown[txn_id])),
            _WITHIN,
        )
    ]
    said.say(connection, company_id, pairs, Word.ASKED, by="reading", now=now)


def _place(one: SeenTime) -> tuple[object, object]:
    return one.day, one.seen.parent_id


def _birth(one: SeenTime) -> Birth:
    """Return when an entry was made, by the clock on the wall of its computer."""
    try:
        at = datetime.fromisoformat(one.created).replace(tzinfo=None)
    except ValueError:
        at = None
    return Birth(at, one.number)
