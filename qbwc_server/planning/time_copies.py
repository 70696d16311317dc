"""Entries that our own restored database did not know: what is asked about them.

Each was made or changed after the copy, perhaps by us. Nothing of them is made on the
other side that may be there in another form, or may have been deleted there.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies import copied
from qbwc_server.companies.registry import Company
from qbwc_server.kinds.identity import likeness, nearly
from qbwc_server.kinds.restored import Mark
from qbwc_server.kinds.time_entry import NAME
from qbwc_server.kinds.two_way import Action, Do, Entry
from qbwc_server.planning.time_files import TeamFiles
from qbwc_server.quickbooks import list_requests, time_records
from qbwc_server.records import restored
from qbwc_server.records.choices import takes_part
from qbwc_server.records.references import Links
from qbwc_server.storage import tables

_RECORD = tables.record
_MEANT = "Say that it is meant, and it goes to the other side; or delete it."
_FIELDS = {
    "minutes": "the duration",
    "job": "the job",
    "item": "the service item",
    "notes": "the notes",
}


def held(
    connection: Connection,
    company: Company,
    row: Row[Any],
    entry: Entry,
    action: Action,
    links: Links,
    files: TeamFiles | None,
) -> Action | None:
    """Return what is asked before an entry is made on a side; None if it may be.

    `files` is given where the team has several company files.
    """
    if company.copied is None or row.restored == Mark.MEANT:
        return None
    if action.do is Do.CREATE and row.mosaic_id is None:
        there = _only_in_mosaic(connection, company.id, row.day)
        near = [
            (one, field)
            for one in there
            if (field := nearly(entry.facing, one.mosaic)) is not None
        ]
    elif action.do is Do.ADD and row.quickbooks_id is None:
        person = entry.back["person"]
        there = _only_in_quickbooks(connection, company.id, row.day, person)
        near = [
            (one, field)
            for one in there
            if (field := nearly(links.facing(one.quickbooks), entry.mosaic or {}))
        ]
    else:
        return None
    asked = [
        (one, field) for one, field in near if Mark.COPY in {row.restored, one.restored}
    ]
    if asked:
        named = "; ".join(f"{one.name}, but for {_FIELDS[f]}" for one, f in asked)
        reason = (
            "Our restored database does not know whether this is one with what the "
            f"other side has: {named}. Make them equal and they are one, or say that "
            "both are meant."
        )
        return Action(Do.NOTHING, reason, "refused")
    if row.restored != Mark.COPY:
        return None
    if action.do is Do.CREATE:
        return _not_in_mosaic(row)
    if (beside := _beside_a_pair(connection, company, row)) is not None:
        return beside
    if files is not None and (another := files.unknown(row)) is not None:
        return another
    asks = _not_in_quickbooks(connection, company, row)
    if asks is None:
        # Nothing tells that it is not new.
        restored.is_known(connection, row)
    return asks


def _not_in_mosaic(row: Row[Any]) -> Action:
    if (row.lost or {}).get("guid"):
        told = (
            "It came from Mosaic, which does not have it now: it was deleted there, or "
            "changed on either side, after the copy of our database was made"
        )
    else:
        told = (
            "Our restored database does not know it, and Mosaic does not have it: it "
            "is new, or it was deleted or changed there meanwhile"
        )
    return Action(Do.NOTHING, f"{told}. {_MEANT}", "refused")


def _not_in_quickbooks(
    connection: Connection, company: Company, row: Row[Any]
) -> Action | None:
    known = list_requests.state(connection, company.id, list_requests.TIME_DELETIONS)
    if known is None or known.last_full_at is None:
        reason = "Waits until QuickBooks said what was deleted there."
        return Action(Do.NOTHING, reason, waits_for=time_records.FOR_QUICKBOOKS)
    if not copied.may_be_deleted(company, (row.lost or {}).get("created")):
        return None
    reason = (
        "Our restored database does not know it, and QuickBooks does not have it, "
        "where something was deleted since: it is new, or it is what was deleted. "
        f"{_MEANT}"
    )
    return Action(Do.NOTHING, reason, "refused")


def _beside_a_pair(
    connection: Connection, company: Company, row: Row[Any]
) -> Action | None:
    """Ask about what equals an entry that both sides have, and the copy had not, too.

    Before, it may have been asked whether the two are one, or said.
    """
    since = datetime.fromisoformat((company.copied or {})["at"])
    pairs = connection.execute(
        sa.select(_RECORD)
        .where(
            _RECORD.c.company_id == company.id,
            _RECORD.c.kind == NAME,
            _RECORD.c.day == row.day,
            _RECORD.c.quickbooks_id.is_not(None),
            _RECORD.c.mosaic_id.is_not(None),
            _RECORD.c.created_at >= since,
        )
        .order_by(_RECORD.c.id)
    ).all()
    equal = [one for one in pairs if likeness(one.mosaic or {}, row.mosaic or {})]
    if not equal:
        return None
    named = "; ".join(f"record {one.company_id}-{one.id}" for one in equal)
    reason = (
        f"Our restored database knows neither it nor {named}, which both sides have "
        "and which is equal: it may be the same hours, there twice, or other work. "
        f"{_MEANT}"
    )
    return Action(Do.NOTHING, reason, "refused")


def _only_in_mosaic(
    connection: Connection, company_id: int, day: str
) -> Sequence[Row[Any]]:
    return connection.execute(
        _alone(company_id, day).where(
            _RECORD.c.quickbooks_id.is_(None),
            _RECORD.c.mosaic_id.is_not(None),
            _RECORD.c.mosaic_gone.is_(False),
        )
    ).all()


def _only_in_quickbooks(
    connection: Connection, company_id: int, day: str, person: object
) -> Sequence[Row[Any]]:
    return connection.execute(
        _alone(company_id, day).where(
            _RECORD.c.quickbooks_id.is_not(None),
            _RECORD.c.mosaic_id.is_(None),
            _RECORD.c.parent_id == person,
            _RECORD.c.quickbooks_gone.is_(False),
        )
    ).all()


def _alone(company_id: int, day: str) -> sa.Select[Any]:
    return (
        sa.select(_RECORD)
        .where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.kind == NAME,
            _RECORD.c.day == day,
            takes_part(),
            sa.func.coalesce(_RECORD.c.restored, Mark.COPY.value) == Mark.COPY.value,
        )
        .order_by(_RECORD.c.id)
    )
