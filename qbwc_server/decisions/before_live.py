"""Hours that Mosaic had before a company went live: they enter QuickBooks after a yes.

Whoever goes live from a preview was told how many they are, and has said it by that.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.errors import QbwcError
from qbwc_server.planning.time_waits import BEFORE_LIVE
from qbwc_server.records import due
from qbwc_server.storage import tables

_RECORD = tables.record


class NotAllKnown(QbwcError):
    """Hours of before are to be left in Mosaic, and not all of them are known yet."""

    id: ClassVar[str] = "hours-not-all-known"


def waiting(connection: Connection, company_id: int) -> tuple[int, int]:
    """Return how many such entries wait for a word, and their minutes."""
    rows = connection.execute(
        sa.select(_RECORD.c.mosaic).where(
            _RECORD.c.company_id == company_id, _RECORD.c.waits_for == BEFORE_LIVE
        )
    ).scalars()
    minutes = [row["minutes"] for row in rows]
    return len(minutes), sum(minutes)


def is_asked(connection: Connection, company: Company) -> bool:
    """Tell whether some wait for a word that nobody has said."""
    if company.before_live != "ask":
        return False
    some = sa.select(_RECORD.c.id).where(
        _RECORD.c.company_id == company.id, _RECORD.c.waits_for == BEFORE_LIVE
    )
    return connection.execute(some.limit(1)).first() is not None


def say(
    connection: Connection,
    company: Company,
    *,
    add: bool,
    by: str,
    why: str | None,
    now: datetime,
) -> None:
    """Have them added to QuickBooks, or leave them; what was added stays there.

    Raises:
        NotAllKnown: they are to be left, and more of them may still be read: nobody
            has seen which.
    """
    word = "add" if add else "leave"
    if company.before_live == word:
        return
    if not add and company.first_known_at is None:
        raise NotAllKnown(
            "Mosaic's hours are still being read for the first time. Say it when all "
            "are known: then `company before-live` tells how many they are."
        )
    registry.change(connection, company.id, before_live=word)
    due.look_at_all(connection, company.id, now)
    registry.audit(
        connection,
        company.id,
        now,
        who=by,
        what=f"hours from before it went live: {word}",
        why=why,
    )
