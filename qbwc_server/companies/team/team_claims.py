"""Which company files of one Mosaic team have which objects of it.

Companies do not see each other's records, and PostgreSQL would not show them. So each
link leaves a claim here, by number alone: no name, nothing of a record. All companies
read the claims of their team; each writes only its own, and PostgreSQL sees to that
too. A claim that is only `meant` says what a company would link if it went live.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.kinds.list_plan import Shared
from qbwc_server.storage import tables
from qbwc_server.storage.statements import upsert

_CLAIM = tables.mosaic_claim
_KEY = ("team", "data_type", "mosaic_id", "holder")
_CHUNK = 500


def team_of(mosaic_url: str, mosaic_team: str) -> str:
    """Return what names a team of a Mosaic; two companies of one team get the same."""
    return f"{mosaic_url.lower()} {mosaic_team}"


def claim(
    connection: Connection,
    team: str,
    holder: int,
    objects: Collection[tuple[str, int]],
    *,
    now: datetime,
    meant: bool = False,
) -> None:
    """Note that a company is linked to objects, each a type and a number."""
    upsert(
        connection,
        _CLAIM,
        [
            {
                "team": team,
                "data_type": data_type,
                "mosaic_id": mosaic_id,
                "holder": holder,
                "since": now,
                "meant": meant,
            }
            for data_type, mosaic_id in objects
        ],
        key=_KEY,
    )


def release(
    connection: Connection, team: str, holder: int, data_type: str, mosaic_id: int
) -> None:
    """Note that a company is no longer linked to an object."""
    connection.execute(
        _CLAIM.delete().where(
            _CLAIM.c.team == team,
            _CLAIM.c.data_type == data_type,
            _CLAIM.c.mosaic_id == mosaic_id,
            _CLAIM.c.holder == holder,
        )
    )


def release_meant(connection: Connection, team: str, holder: int) -> None:
    """Forget what a company would have linked."""
    connection.execute(
        _CLAIM.delete().where(
            _CLAIM.c.team == team, _CLAIM.c.holder == holder, _CLAIM.c.meant.is_(True)
        )
    )


def move(connection: Connection, holder: int, team: str) -> None:
    """Take a company's claims to a team that is now called otherwise."""
    connection.execute(
        _CLAIM.update().where(_CLAIM.c.holder == holder).values(team=team)
    )


def held_elsewhere(
    connection: Connection,
    team: str,
    holder: int,
    data_type: str,
    mosaic_ids: Sequence[int],
    *,
    also_meant: bool = False,
) -> set[int]:
    """Return which of the objects other companies of the team are linked to."""
    found: set[int] = set()
    for part in chunks(list(mosaic_ids)):
        query = sa.select(_CLAIM.c.mosaic_id).where(
            _CLAIM.c.team == team,
            _CLAIM.c.data_type == data_type,
            _CLAIM.c.mosaic_id.in_(part),
            _CLAIM.c.holder != holder,
        )
        if not also_meant:
            query = query.where(_CLAIM.c.meant.is_(False))
        found.update(connection.execute(query).scalars())
    return found


def shared(
    connection: Connection,
    team: str,
    holder: int,
    objects: Collection[tuple[str, int]],
) -> dict[tuple[str, int], Shared]:
    """Tell whether others have objects too, and whether they came later.

    What nobody else has is left out.
    """
    by_type: dict[str, list[int]] = {}
    for data_type, mosaic_id in objects:
        by_type.setdefault(data_type, []).append(mosaic_id)
    holders: dict[tuple[str, int], list[int]] = {}
    for data_type, mosaic_ids in by_type.items():
        for part in chunks(sorted(mosaic_ids)):
            rows = connection.execute(
                sa.select(_CLAIM.c.mosaic_id, _CLAIM.c.holder)
                .where(
                    _CLAIM.c.team == team,
                    _CLAIM.c.data_type == data_type,
                    _CLAIM.c.mosaic_id.in_(part),
                    _CLAIM.c.meant.is_(False),
                )
                .order_by(_CLAIM.c.since, _CLAIM.c.holder)
            )
            for row in rows:
                holders.setdefault((data_type, row.mosaic_id), []).append(row.holder)
    return {
        one: Shared.FIRST if there[0] == holder else Shared.LATER
        for one, there in holders.items()
        if set(there) - {holder}
    }


def chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Yield a few of some items at a time, as many as one question may name."""
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]
