"""Which answers a person may give about one time entry, and taking one.

What is asked is the record's reason; the answers are those that the functions behind
the commands take, so that a page shows no button that is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.decisions import gone, one_or_two, restored
from qbwc_server.kinds import restored as rules
from qbwc_server.kinds import time_entry
from qbwc_server.kinds.restored import Mark
from qbwc_server.kinds.tombstone import Word
from qbwc_server.records import tombstones
from qbwc_server.storage import tables
from qbwc_server.words import questions
from qbwc_server.words.questions import Way

_RECORD = tables.record


def ways(connection: Connection, row: Row[Any]) -> tuple[Way, ...]:
    """Return the answers that fit a record now; none where nothing is asked."""
    if row.kind != time_entry.NAME or row.state != "refused":
        return ()
    return tuple(_ways(connection, row))


def _ways(connection: Connection, row: Row[Any]) -> Iterator[Way]:
    if row.restored == Mark.COPY:
        yield questions.OF_ENTRY[questions.MEANT]
        return
    if row.restored in rules.ASKED:
        yield questions.OF_ENTRY[questions.BACK]
        yield questions.OF_ENTRY[questions.RIGHT]
        return
    others = _others(connection, row)
    for key, name in others:
        yield questions.one_with(key, name)
    if others:
        yield questions.OF_ENTRY[questions.TWO]
    elif tombstones.asked_about(row) is not None:
        yield questions.OF_ENTRY[questions.IS_DELETED]
        yield questions.OF_ENTRY[questions.STAYS]


def _others(connection: Connection, row: Row[Any]) -> list[tuple[str, str]]:
    """Return what an entry may be one with, by what it is asked: a key and its name.

    The key is the number of a record, or "m" and the number of an entry of Mosaic.
    """
    call = one_or_two.asked_creation(connection, row)
    if call is None:
        beside = one_or_two.asked_beside(connection, row)
        return [(str(one.id), one.name) for one in beside]
    return [(f"m{number}", f"entry {number} of Mosaic") for number in call.asked]


def say(
    connection: Connection,
    company_id: int,
    record_id: int,
    said: str,
    *,
    by: str,
    now: datetime,
    why: str | None = None,
) -> None:
    """Take an answer about a record.

    Raises:
        NotToBeSaid: it is none of `ways`, or does not fit any more.
        NotRestored, NothingIsGone: the question is over.
    """
    row = connection.execute(
        sa.select(_RECORD).where(
            _RECORD.c.company_id == company_id, _RECORD.c.id == record_id
        )
    ).first()
    if row is None or said not in {one.id for one in ways(connection, row)}:
        raise one_or_two.NotToBeSaid("This is not asked any more, or was answered.")
    what, _, which = said.partition(":")
    if what == "restored":
        back = said != questions.RIGHT
        restored.say(
            connection, company_id, [record_id], back=back, by=by, now=now, why=why
        )
    elif what == "gone":
        gone.say(connection, row, Word(which), by=by, now=now, why=why)
    elif what == "two":
        one_or_two.two(connection, company_id, record_id, by=by, now=now, why=why)
    else:
        in_mosaic = which.startswith("m")
        one_or_two.one(
            connection,
            company_id,
            record_id,
            None if in_mosaic else int(which),
            mosaic_id=int(which[1:]) if in_mosaic else None,
            by=by,
            now=now,
            why=why,
        )


def of_all(connection: Connection, rows: Sequence[Row[Any]]) -> dict[int, Any]:
    """Return the answers of some records, by their numbers; those with any."""
    found = {row.id: ways(connection, row) for row in rows}
    return {number: told for number, told in found.items() if told}
