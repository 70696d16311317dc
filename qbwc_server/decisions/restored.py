"""What a restored backup did, entry by entry: shown with its hours, and decided.

Two words: back as it was before the restore, or right as the restored file has it. For
an entry that our own restored database did not know, back means: both are meant, it
goes to the other side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies import registry
from qbwc_server.errors import QbwcError
from qbwc_server.kinds import restored as rules
from qbwc_server.kinds.restored import Mark
from qbwc_server.kinds.time_entry import in_hours
from qbwc_server.records import history, restored, time_of_mosaic
from qbwc_server.storage import tables

_RECORD = tables.record
_WORDS = {True: "put back after the restore", False: "right as restored"}


class NotRestored(QbwcError):
    """Nothing is asked about a record because of a restored backup."""

    id: ClassVar[str] = "record-not-restored"


@dataclass(frozen=True, slots=True)
class Hours:
    """What a restore took and is not over: entries, their hours, and whose.

    `asked` are those about which a person has the word.
    """

    entries: int
    asked: int
    hours: str
    by_person: str


def hours(connection: Connection, company_id: int) -> Hours | None:
    """Return what a restored company file took and is not over; None for nothing."""
    rows = restored.not_over(connection, company_id)
    if not rows:
        return None
    people: dict[str, int] = {}
    for _, person, minutes in restored.taken(connection, company_id, rows):
        people[person] = people.get(person, 0) + minutes
    return Hours(
        entries=len(rows),
        asked=sum(row.restored in rules.ASKED for row in rows),
        hours=in_hours(sum(people.values())),
        by_person=rules.by_person(people),
    )


def asked(connection: Connection, company_id: int, *, back: bool) -> list[int]:
    """Return the records about which a word may be said: `back`, or right as it is."""
    rows = restored.asked(connection, company_id)
    if back:
        rows += restored.unknown(connection, company_id)
    return [row.id for row in rows]


def say(
    connection: Connection,
    company_id: int,
    record_ids: Sequence[int],
    *,
    back: bool,
    by: str,
    now: datetime,
    why: str | None = None,
) -> int:
    """Take a person's word about records; return how many it was new for.

    Raises:
        NotRestored: nothing is asked about one of them, or the word does not fit it;
            then none is changed.
    """
    rows = _rows(connection, company_id, record_ids)
    two_way = registry.get(connection, company_id).two_way
    marks = {row.id: _mark(row, back=back, two_way=two_way) for row in rows}
    restored.go_on(connection, company_id, marks, now)
    again = [
        row for row in rows if row.restored == Mark.AGAIN and marks[row.id] is None
    ]
    if back:
        restored.delete_again(connection, company_id, again, now)
    else:
        for row in again:
            time_of_mosaic.make_anew(connection, row, now)
    said = _WORDS[back]
    happened = [
        history.Happened(row.id, said, by, {"was": row.restored, "why": why})
        for row in rows
    ]
    history.events(connection, company_id, happened, at=now)
    registry.audit(
        connection,
        company_id,
        now,
        who=by,
        what=said,
        why=why,
        detail={"records": [row.id for row in rows]},
    )
    return len(rows)


def _mark(row: Row[Any], *, back: bool, two_way: bool) -> Mark | None:
    if row.restored == Mark.COPY:
        if back:
            return Mark.MEANT
        raise NotRestored(
            f"{row.name}: where it is too much, delete it there; what equals another "
            "one becomes one with it."
        )
    if row.restored not in rules.ASKED:
        raise NotRestored(f"{row.name}: no restored backup leaves a question about it.")
    return rules.said(Mark(row.restored), back=back, two_way=two_way)


def _rows(
    connection: Connection, company_id: int, record_ids: Sequence[int]
) -> list[Row[Any]]:
    found = connection.execute(
        sa.select(_RECORD)
        .where(_RECORD.c.company_id == company_id, _RECORD.c.id.in_(record_ids))
        .order_by(_RECORD.c.id)
    ).all()
    missing = set(record_ids) - {row.id for row in found}
    if missing:
        raise NotRestored(f"There is no record {company_id}-{min(missing)}.")
    return list(found)
