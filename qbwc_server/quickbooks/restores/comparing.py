"""After a restore, when everything was compared: it goes on by itself, or is asked.

Rule 1: what the restored file lacks or has in an older form is counted only when
everything was compared completely, and is settled by the read that counted it.
Rule 2: a small difference counts as lost: what Mosaic has, too, is put back. For a
great one a person says which side is right. What QuickBooks alone had, and where time
goes one way all of it, is asked entry by entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.companies import attention, registry
from qbwc_server.companies.registry import Company
from qbwc_server.kinds import restored as rules
from qbwc_server.kinds import time_entry
from qbwc_server.kinds.restored import Mark, Way
from qbwc_server.quickbooks import list_answers, list_requests, time_records
from qbwc_server.quickbooks.restores import returned, signs
from qbwc_server.records import due, restored, time_of_mosaic, tombstones
from qbwc_server.records.restored import Befell
from qbwc_server.storage import tables

_READING = tables.reading
_ASKED = "Nothing is written until you say which side is right."


def settle(
    connection: Connection,
    company: Company,
    missing: Sequence[str],
    known: int,
    *,
    way: Way | None,
    now: datetime,
) -> str:
    """Settle what a complete compare of time found, or ask; return it in words.

    `missing` are the TxnIDs that are neither in the file nor told as deleted, `known`
    is how many there might be, `way` what a person said.
    """
    back = returned.take_back(connection, company, missing, now)
    missing = [one for one in missing if one not in back]
    gone = time_records.known(connection, company.id, missing).values()
    found = [Befell(row, Mark.MISSING) for row in gone]
    restored.note(connection, company, found, now)
    rows = restored.asked(connection, company.id)
    restored.ask(connection, company, rows, now)
    counted = restored.taken(connection, company.id, rows)
    text = rules.told(counted)
    before = sum(mark == Mark.MISSING for mark, _, _ in counted) - len(found)
    chosen = way
    if way is None and not list_answers.too_many(len(rows), known + before):
        chosen = "mosaic"
    if chosen is None:
        text = rules.told(counted, _ASKED)
        attention.attend(
            connection, company.id, error_id=attention.WHICH_SIDE, text=text, now=now
        )
        attention.over(connection, company.id, attention.COMPARING, now=now)
        return text
    marks = {
        row.id: rules.after_compare(
            Mark(row.restored),
            chosen,
            by_itself=way is None,
            in_mosaic=row.mosaic_id is not None and not row.mosaic_gone,
            deleted_in_mosaic=row.mosaic_id is not None and row.mosaic_gone,
            two_way=company.two_way,
            by_a_person=tombstones.is_by_a_person(row),
        )
        for row in rows
    }
    moved = {row.id: marks[row.id] for row in rows if marks[row.id] != row.restored}
    restored.go_on(connection, company.id, moved, now)
    again = [
        row for row in rows if row.restored == Mark.AGAIN and marks[row.id] is None
    ]
    if chosen == "quickbooks":
        for row in again:
            time_of_mosaic.make_anew(connection, row, now)
    else:
        restored.delete_again(connection, company.id, again, now)
    list_requests.remember(
        connection, company.id, time_entry.NAME, deletions_accepted=True
    )
    left = len(rows) - len(moved)
    if left:
        text += f" {left} of them wait until you say what is right of each."
    registry.audit(
        connection,
        company.id,
        now,
        who="server" if way is None else "operator",
        what=f"after the restore, {chosen} is right",
        detail={
            **{
                mark.value: sum(row.restored == mark for row in rows)
                for mark in sorted(rules.ASKED)
            },
            "asked": left,
            "told": text,
        },
    )
    return text


def review(connection: Connection, company_id: int, now: datetime) -> None:
    """Go on when everything was compared since the restore, and time was settled.

    So it does where so much was gone that a person is asked, and is there again.
    """
    first = signs.first(connection, company_id)
    if first == attention.GONE_IN_QUICKBOOKS:
        _end_what_was_gone(connection, company_id, now)
    if first not in attention.RESTORED:
        return
    company = registry.get(connection, company_id)
    names = [kind.name for kind in list_requests.kinds_of(company)]
    times = list_requests.state(connection, company_id, time_entry.NAME)
    if company.time_tracking is not False:
        names += [time_entry.NAME, list_requests.TIME_DELETIONS]
        if times is not None and not times.deletions_accepted:
            return
    open_ones = connection.execute(
        sa.select(_READING.c.kind).where(
            _READING.c.company_id == company_id,
            _READING.c.kind.in_(names),
            _READING.c.problem.is_(None),
            _READING.c.last_full_at.is_(None),
        )
    ).first()
    if open_ones is not None:
        return
    list_requests.remember(
        connection, company_id, time_entry.NAME, deletions_accepted=False
    )
    # Lists of which too much was gone could not say so while this stood in front.
    connection.execute(
        _READING.update()
        .where(
            _READING.c.company_id == company_id,
            _READING.c.kind.in_(
                [kind.name for kind in list_requests.kinds_of(company)]
            ),
        )
        .values(full_due=True)
    )
    attention.over(connection, company_id, *attention.RESTORED, now=now)
    registry.change(connection, company_id, next_read_at=now)
    due.look_at_all(connection, company_id, now)


def _end_what_was_gone(connection: Connection, company_id: int, now: datetime) -> None:
    """Ask no longer about what is gone when complete compares have not met it again.

    A restore goes before it, and is settled first.
    """
    reason = attention.GONE_IN_QUICKBOOKS
    asked = next(
        one
        for one in attention.standing(connection, company_id)
        if one.reason == reason
    )
    company = registry.get(connection, company_id)
    names = [kind.name for kind in list_requests.kinds_of(company)]
    if company.time_tracking is not False:
        names.append(time_entry.NAME)
    again = asked.seen_at + attention.SEEN_EVERY
    not_compared = connection.execute(
        sa.select(_READING.c.kind).where(
            _READING.c.company_id == company_id,
            _READING.c.kind.in_(names),
            _READING.c.problem.is_(None),
            _READING.c.last_full_at.is_(None) | (_READING.c.last_full_at < again),
        )
    ).first()
    if not_compared is None:
        attention.over(connection, company_id, reason, now=now)
        due.look_at_all(connection, company_id, now)
