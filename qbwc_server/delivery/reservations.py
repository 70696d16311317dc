"""Two company files of one team do not both make the same thing in Mosaic.

Lists are read every few hours, so what another company of the team made meanwhile is
not known. Whoever is about to make something claims its name first, by a number from
which no name can be read; whoever finds the name claimed waits, reads Mosaic's lists
again, and finds what was made. Claims are `mosaic_claim`s of two types of their own:
"making client" while a write is on its way, "made client" for some days after.

Rule: looking and claiming is one step. On PostgreSQL it holds a lock on the name until
the transaction ends, names in one order; SQLite has one writer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.companies.team import team_claims
from qbwc_server.kinds.mosaic_lists import TYPES
from qbwc_server.storage import tables

_CLAIM = tables.mosaic_claim
_GIVEN_UP = timedelta(days=1)
"""What is being made for longer is stuck: its company may have been paused."""
_REMEMBERED = timedelta(days=7)
"""Lists are read more often."""
_CHUNK = 500


class Elsewhere(StrEnum):
    """What another company file of the team does about a name."""

    MAKING = "making"
    MADE = "made"
    """And Mosaic's lists were not read since."""


_TYPES = [f"{one} {data_type}" for one in Elsewhere for data_type in TYPES]


def begin(
    connection: Connection,
    team: str,
    holder: int,
    names: Collection[tuple[str, str]],
    *,
    read_at: datetime | None,
    now: datetime,
) -> dict[tuple[str, str], Elsewhere]:
    """Claim names, each a type and a key, that are about to be made.

    Returns those that are not, because another company of the team makes or made them;
    `read_at` is when Mosaic's lists were last read.
    """
    numbers = {_number(*name): name for name in names}
    for number in sorted(numbers):
        _lock(connection, f"{team} {number}")
    others = _others(connection, team, holder, list(numbers), read_at, now)
    mine = [
        (f"{Elsewhere.MAKING} {data_type}", number)
        for number, (data_type, _) in numbers.items()
        if number not in others
    ]
    team_claims.claim(connection, team, holder, mine, now=now)
    return {numbers[number]: found for number, found in others.items()}


def end(
    connection: Connection,
    team: str,
    holder: int,
    data_type: str,
    key: str,
    *,
    made: bool,
    now: datetime,
) -> None:
    """Let go of a name; if it was `made` the others are told for some days."""
    number = _number(data_type, key)
    team_claims.release(
        connection, team, holder, f"{Elsewhere.MAKING} {data_type}", number
    )
    made_type = f"{Elsewhere.MADE} {data_type}"
    if made:
        team_claims.claim(connection, team, holder, [(made_type, number)], now=now)
    connection.execute(
        _CLAIM.delete().where(
            _CLAIM.c.holder == holder,
            _CLAIM.c.data_type == made_type,
            _CLAIM.c.since < now - _REMEMBERED,
        )
    )


def _others(
    connection: Connection,
    team: str,
    holder: int,
    numbers: Sequence[int],
    read_at: datetime | None,
    now: datetime,
) -> dict[int, Elsewhere]:
    """Return what others of the team do about names; a number is of one type alone."""
    found: dict[int, Elsewhere] = {}
    for start in range(0, len(numbers), _CHUNK):
        rows = connection.execute(
            sa.select(_CLAIM.c.data_type, _CLAIM.c.mosaic_id, _CLAIM.c.since).where(
                _CLAIM.c.team == team,
                _CLAIM.c.data_type.in_(_TYPES),
                _CLAIM.c.mosaic_id.in_(numbers[start : start + _CHUNK]),
                _CLAIM.c.holder != holder,
            )
        )
        for row in rows:
            if row.data_type.startswith(Elsewhere.MADE):
                if read_at is None or row.since >= read_at:
                    found[row.mosaic_id] = Elsewhere.MADE
            elif row.since > now - _GIVEN_UP:
                found.setdefault(row.mosaic_id, Elsewhere.MAKING)
    return found


def _lock(connection: Connection, what: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_hash(what))))


def _number(data_type: str, key: str) -> int:
    return _hash(f"{data_type} {key}") >> 1


def _hash(text: str) -> int:
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True) & (2**63 - 1)
