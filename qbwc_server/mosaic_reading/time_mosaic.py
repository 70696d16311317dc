"""Time entries as Mosaic has them, kept as records.

Mosaic cannot say what changed since, so whole ranges of days are read again and again:
what is the same as before is not written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies import copied, registry
from qbwc_server.companies.team import time_claims
from qbwc_server.kinds import time_entry
from qbwc_server.kinds.time_owner import Whose
from qbwc_server.kinds.tombstone import Who, Word
from qbwc_server.mosaic_reading import may_be_ours
from qbwc_server.records import due, time_of_mosaic, tombstones
from qbwc_server.records.one_or_two import meanwhile
from qbwc_server.records.time_of_mosaic import New
from qbwc_server.storage import tables

_RECORD = tables.record
_CALL = tables.mosaic_call
_CHUNK = 500
_LAST = "9999-12-31"
_COMPARED = (
    *("id", "mosaic_id", "mosaic", "misses", "mosaic_gone", "quickbooks_gone"),
    *("quickbooks_id", "day", "waits_for", "state", "reason", "gone", "changed_at"),
    "edited",
)
UNREAD = (
    "Mosaic shows it without a readable day or duration, so what is known of it is not "
    "so any more. Look at the entry in Mosaic; it goes on when it can be read again."
)
_RESTING = ("in_sync", "unlinked", "locked", "refused")
_MAY_BE_OURS = (
    "May be the entry that is being created in Mosaic for the same person and day; "
    "waits until that is known."
)


def believed_there(company_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions for records of entries that Mosaic is believed to have."""
    return (
        _RECORD.c.company_id == company_id,
        _RECORD.c.kind == time_entry.NAME,
        _RECORD.c.mosaic_id.is_not(None),
        _RECORD.c.mosaic_gone.is_(False),
    )


def keep_mosaic(
    connection: Connection,
    company_id: int,
    bodies: Iterable[Mapping[str, Any]],
    *,
    now: datetime,
) -> None:
    """Bring the Mosaic side of time entries up to what was read.

    `bodies` are as Mosaic's client gives them. A record of one that cannot be read says
    so; where there is none yet, there is nothing that could be kept.
    """
    seen = {int(body["mosaic_id"]): body for body in bodies}
    for part in _chunks(list(seen)):
        _keep(connection, company_id, {one: seen[one] for one in part}, now)


def _keep(
    connection: Connection,
    company_id: int,
    bodies: Mapping[int, Mapping[str, Any]],
    now: datetime,
) -> None:
    read = {
        one: time_entry.from_mosaic(body, partly=True) for one, body in bodies.items()
    }
    found = {one: snapshot for one, snapshot in read.items() if snapshot is not None}
    rows = connection.execute(
        sa.select(*(_RECORD.c[name] for name in _COMPARED)).where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.mosaic_type == time_entry.NAME,
            _RECORD.c.mosaic_id.in_(list(bodies)),
        )
    ).all()
    shown = [row for row in rows if row.misses]
    time_of_mosaic.were_shown(connection, company_id, [row.id for row in shown])
    again = [row for row in shown if not row.mosaic_gone]
    again += [row for row in rows if row.mosaic_gone and row.mosaic_id in found]
    tombstones.note_shown(connection, company_id, again, now)
    changed = [
        row
        for row in rows
        if row.mosaic_id in found
        and (
            row.mosaic != found[row.mosaic_id]
            or row.mosaic_gone
            or row.reason == UNREAD
        )
    ]
    unread = [
        row.id for row in rows if row.mosaic_id not in found and row.state in _RESTING
    ]
    time_of_mosaic.not_readable(connection, company_id, unread, UNREAD)
    _change(connection, company_id, changed, found, now)
    known = {row.mosaic_id for row in rows}
    new = {one: snapshot for one, snapshot in found.items() if one not in known}
    new = _of_this_file(connection, company_id, new)
    waiting = _insert(connection, company_id, new, bodies, now)
    free = new.keys() - waiting
    if free:
        meanwhile.ask_in_mosaic(connection, company_id, free, now)
    if changed or new:
        registry.change(connection, company_id, deliver_at=now)


def _of_this_file(
    connection: Connection, company_id: int, new: dict[int, dict[str, Any]]
) -> dict[int, dict[str, Any]]:
    """Leave out entries that are another company file's of the same team.

    What a restored copy of our database does not know may have been created from any.
    """
    company = registry.get(connection, company_id) if new else None
    if company is None or company.time_claims == time_claims.NONE:
        return new
    files = time_claims.load(connection, company_id, company.team, new)
    theirs = {Whose.OTHERS, Whose.FORGOTTEN}
    is_unread = copied.is_unread(company, "mosaic")
    return {
        one: snapshot
        for one, snapshot in new.items()
        if files.whose(one, snapshot) not in theirs
        or (is_unread and files.may_be_any(one, snapshot))
    }


def _change(
    connection: Connection,
    company_id: int,
    rows: Sequence[Row[Any]],
    found: Mapping[int, dict[str, Any]],
    now: datetime,
) -> None:
    new = [(row, found[row.mosaic_id]) for row in rows]
    sent = _sent(connection, company_id, [row.id for row in rows])
    time_of_mosaic.renew(connection, company_id, new, now, sent=sent)
    woken = [
        row.id
        for row in rows
        if not (row.waits_for or "").startswith("call:")
        and (
            row.mosaic_gone
            or row.reason == UNREAD
            or differs(row.mosaic, found[row.mosaic_id])
        )
    ]
    due.make_due(connection, company_id, woken, now)


def _sent(
    connection: Connection, company_id: int, record_ids: list[int]
) -> dict[int, Mapping[str, Any]]:
    """Return by record what a change of ours carries that is not known to be made."""
    if not record_ids:
        return {}
    rows = connection.execute(
        sa.select(_CALL.c.record_id, _CALL.c.fields).where(
            _CALL.c.company_id == company_id,
            _CALL.c.record_id.in_(record_ids),
            _CALL.c.operation == "update",
            _CALL.c.settled_at.is_(None),
        )
    )
    return {row.record_id: row.fields for row in rows}


def differs(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> bool:
    """Tell whether anything that travels has changed."""
    return (
        not before
        or not after
        or any(before.get(name) != after[name] for name in time_entry.FIELDS)
    )


def _insert(
    connection: Connection,
    company_id: int,
    new: Mapping[int, dict[str, Any]],
    bodies: Mapping[int, Mapping[str, Any]],
    now: datetime,
) -> set[int]:
    """Make records of new entries; return which of them wait for a creation of ours."""
    if not new:
        return set()
    creating = may_be_ours.Creating(connection, company_id)
    company = registry.get(connection, company_id)
    is_unread = copied.is_unread(company, "mosaic")
    read_from = company.mosaic_time_from or _LAST
    entries = []
    for mosaic_id, snapshot in new.items():
        body = bodies[mosaic_id]
        name = time_entry.label(
            snapshot["date"],
            str(body.get("member_name") or ""),
            snapshot["minutes"],
            str(body.get("project_title") or ""),
        )
        call_id = creating.claiming(body, snapshot)
        reason = None if call_id is None else _MAY_BE_OURS
        copy = None
        if is_unread and snapshot["date"] < read_from:
            copy = {"created": str(body.get("created_at") or "")}
        made = time_entry.moment(body.get("created_at"))
        entries.append(New(mosaic_id, snapshot, name, made, call_id, reason, copy))
    time_of_mosaic.add(connection, company_id, entries, now)
    return {one.mosaic_id for one in entries if one.call_id is not None}


def nobodys(
    connection: Connection, company_id: int, mosaic_ids: Iterable[int]
) -> set[int]:
    """Return which entries of Mosaic no record has, or one that only waits for it."""
    left = set(mosaic_ids)
    for part in _chunks(list(left)):
        rows = connection.execute(
            sa.select(_RECORD.c.mosaic_id).where(
                _RECORD.c.company_id == company_id,
                _RECORD.c.mosaic_type == time_entry.NAME,
                _RECORD.c.mosaic_id.in_(part),
                sa.func.coalesce(_RECORD.c.waits_for, "").not_like("call:%"),
            )
        )
        left -= {row.mosaic_id for row in rows}
    return left


def snapshots(
    connection: Connection, company_id: int, mosaic_ids: Iterable[int]
) -> dict[int, dict[str, Any] | None]:
    """Return what is known of entries of Mosaic, by their numbers."""
    rows = connection.execute(
        sa.select(_RECORD.c.mosaic_id, _RECORD.c.mosaic).where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.mosaic_type == time_entry.NAME,
            _RECORD.c.mosaic_id.in_(list(mosaic_ids)),
        )
    )
    return {row.mosaic_id: row.mosaic for row in rows}


def known(
    connection: Connection, company_id: int, mosaic_ids: Iterable[int]
) -> set[int]:
    """Return which entries have a record that believes them to be in Mosaic.

    Those that are being written are left out: the end of that tells more.
    """
    busy = sa.exists().where(
        _CALL.c.company_id == _RECORD.c.company_id,
        _CALL.c.record_id == _RECORD.c.id,
        _CALL.c.settled_at.is_(None),
    )
    found: set[int] = set()
    for part in _chunks(list(mosaic_ids)):
        rows = connection.execute(
            sa.select(_RECORD.c.mosaic_id).where(
                _RECORD.c.company_id == company_id,
                _RECORD.c.mosaic_type == time_entry.NAME,
                _RECORD.c.mosaic_id.in_(part),
                _RECORD.c.mosaic_gone.is_(False),
                ~busy,
            )
        )
        found |= {row.mosaic_id for row in rows}
    return found


def mark_gone(
    connection: Connection,
    company_id: int,
    mosaic_ids: Iterable[int],
    *,
    by: str,
    now: datetime,
    who: Who = Who.NOT_SHOWN,
    word: Word | None = None,
) -> int:
    """Note that Mosaic does not have entries; return how many it was believed to have.

    `who` took them away: Mosaic itself says no more than that it does not show them.
    `word` is what a person has said of them already.
    """
    gone = time_of_mosaic.delete(connection, company_id, mosaic_ids, now)
    tombstones.note_lost(
        connection, company_id, gone, "mosaic", who, by=by, now=now, word=word
    )
    if gone:
        registry.change(connection, company_id, deliver_at=now)
    return len(gone)


def _chunks(items: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]
