"""Whether any time entry is of two companies: the proof that nothing crossed.

A TxnID or an ExternalGUID that two companies have, or a number of one Mosaic team. Of
lists nothing is said: company files of one team may have people and items in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.kinds.time_entry import NAME
from qbwc_server.support import views

MOST: Final = 1_000


def look(connection: Connection) -> Sequence[Row[Any]]:
    """Return pairs of records of two companies that are one entry; none is right."""
    a, b = views.view("records").alias("a"), views.view("records").alias("b")
    mine, theirs = (views.view("companies").alias(one) for one in ("mine", "theirs"))
    team = sa.and_(
        mine.c.company_id == a.c.company_id,
        theirs.c.company_id == b.c.company_id,
        sa.func.lower(mine.c.mosaic_url) == sa.func.lower(theirs.c.mosaic_url),
        mine.c.mosaic_team == theirs.c.mosaic_team,
    )
    of_one_team = sa.exists().select_from(mine, theirs).where(team)
    parts = [
        sa.select(
            sa.literal(what).label("what"),
            sa.cast(a.c[column], sa.Text).label("id"),
            a.c.company,
            a.c.record,
            b.c.company.label("other"),
            b.c.record.label("other_record"),
        ).where(
            a.c.kind == NAME,
            b.c.kind == NAME,
            a.c.company_id < b.c.company_id,
            a.c[column] == b.c[column],
            condition,
        )
        for what, column, condition in (
            ("TxnID", "quickbooks_id", sa.true()),
            ("ExternalGUID", "external_guid", sa.true()),
            ("Mosaic's number", "mosaic_id", of_one_team),
        )
    ]
    return connection.execute(sa.union_all(*parts).limit(MOST)).all()
