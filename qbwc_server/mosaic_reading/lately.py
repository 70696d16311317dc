"""Which days of Mosaic's time were read to the end lately: what `gate` asks about.

Rule: where a team has several company files, what was another file's by the links of
then is left out where Mosaic is read. So a reading counts while these links stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.companies import registry
from qbwc_server.companies.team import time_claims
from qbwc_server.kinds.gate import AGED, Reading
from qbwc_server.storage import tables
from qbwc_server.storage.statements import upsert

_READING = tables.reading
_MOST = 20
"""Readings that are kept; each is a few days, or a year, of some people."""


def readings(connection: Connection, company_id: int) -> list[Reading]:
    """Return what was read lately, the latest last."""
    kept = connection.execute(
        sa.select(_READING.c.lately).where(
            _READING.c.company_id == company_id,
            _READING.c.kind == registry.MOSAIC_TIME,
        )
    ).scalar()
    links = time_claims.links(connection, company_id) if kept else None
    return [Reading.kept(one) for one in kept or () if one.get("links") == links]


def keep(
    connection: Connection,
    company_id: int,
    reading: Reading,
    now: datetime,
    links: str | None,
) -> None:
    """Keep that days were read to the end; what it says better goes.

    `links` is the mark of what the file had linked when that was begun.
    """
    if links != time_claims.links(connection, company_id):
        return
    left = [
        one
        for one in readings(connection, company_id)
        if now - AGED <= one.begun_at <= now and not _is_within(one, reading)
    ]
    row = {
        "company_id": company_id,
        "kind": registry.MOSAIC_TIME,
        "lately": [_kept(one, links) for one in _latest([*left, reading])],
    }
    upsert(connection, _READING, [row], key=("company_id", "kind"))


def _latest(found: Sequence[Reading]) -> Sequence[Reading]:
    return found[-_MOST:]


def _is_within(old: Reading, new: Reading) -> bool:
    return (
        new.members in {None, old.members}
        and new.first <= old.first
        and old.last <= new.last
    )


def _kept(one: Reading, links: str | None) -> dict[str, Any]:
    members = None if one.members is None else sorted(one.members)
    begun_at = one.begun_at.isoformat()
    return {
        "first": one.first,
        "last": one.last,
        "begun_at": begun_at,
        "members": members,
        **({} if links is None else {"links": links}),
    }
