"""Finds hours that were sent under a link which is another one now.

Neither side changed, so nothing makes them due. After a link has changed, all that is
on both sides is looked through, some at a time and behind all other work.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies import registry
from qbwc_server.kinds.time_entry import NAME
from qbwc_server.kinds.two_way import LINKED, linked_otherwise
from qbwc_server.planning import time_facts
from qbwc_server.records import due
from qbwc_server.records.references import Links
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction

_RECORD = tables.record
_SOME = 500


def look_on(engine: Engine, company_id: int, now: datetime) -> bool:
    """Look at the next entries; tell whether there may be more to do."""
    with company_transaction(engine, company_id) as connection:
        company = registry.get(connection, company_id)
        if company.relinks_from is None or not company.delivers:
            return False
        rows = connection.execute(
            sa.select(_RECORD)
            .where(
                _RECORD.c.company_id == company_id,
                _RECORD.c.kind == NAME,
                _RECORD.c.id > company.relinks_from,
                _RECORD.c.quickbooks_id.is_not(None),
                _RECORD.c.mosaic_id.is_not(None),
                _RECORD.c.due_at.is_(None),
            )
            .order_by(_RECORD.c.id)
            .limit(_SOME)
        ).all()
        links = Links(connection, company)
        links.prepare(rows)
        found = []
        for row in rows:
            entry = time_facts.entry_of(company, row, links)
            if any(linked_otherwise(entry, name) for name in LINKED):
                found.append(row.id)
        for record_id in found:
            due.look_again(connection, company_id, record_id, now)
        last = rows[-1].id if len(rows) == _SOME else None
        registry.change(connection, company_id, relinks_from=last)
        return bool(rows)
