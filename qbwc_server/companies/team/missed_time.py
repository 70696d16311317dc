"""What a company file of a Mosaic team sent and missed: the others leave it to it.

A creation that was taken as never made may come late. It may be on what is another
file's by now, or by a person's word; so while it may come, no other file takes what
equals it, and until a person has said whether it is that, where nothing else tells.

Files see nothing of each other's entries: a claim of `team_claims` tells by a number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.companies.team import team_claims
from qbwc_server.kinds import identity
from qbwc_server.storage import tables

Name: TypeAlias = "tuple[str, int]"
"""What a reservation holds: its type and a number."""
_CLAIM = tables.mosaic_claim
_MISSED: Final = "missed time"
"""Of this type the number is made from what equal entries have in common."""
_ASKED: Final = "asked time"
"""Of this type it is Mosaic's, of an entry about which a person is asked."""
WAITS: Final = "files:missed:"
"""What an entry waits for that a file may have made begins with this."""


def names(mosaic_id: int, snapshot: Mapping[str, Any]) -> tuple[Name, Name]:
    """Return under what a file would have reserved an entry that it may have made.

    Files see nothing of each other's entries, so equal ones are told by a number that
    is made from what they have in common.
    """
    return (_ASKED, mosaic_id), (_MISSED, _number(snapshot))


def as_text(found: tuple[Name, Name]) -> str:
    """Return names as what a record may wait for."""
    return WAITS + ":".join(str(number) for _, number in found)


def of_text(waits_for: str) -> tuple[Name, Name] | None:
    """Return the names that `as_text` was given; None for another text."""
    if not waits_for.startswith(WAITS):
        return None
    asked, missed = waits_for.split(":")[2:]
    return (_ASKED, int(asked)), (_MISSED, int(missed))


def _number(entry: Mapping[str, Any]) -> int:
    mark = repr(identity.mark(entry)).encode()
    return int.from_bytes(hashlib.sha256(mark).digest()[:8], "big") >> 1


def reserved(
    connection: Connection, team: str, wanted: Collection[Name]
) -> dict[Name, frozenset[int]]:
    """Return which files reserved what they may have made and missed.

    Only the file itself ends that, or who forgets it: while it is not served, nobody
    can tell that what it sent did not come.
    """
    found: dict[Name, set[int]] = {}
    for part in team_claims.chunks(sorted({number for _, number in wanted})):
        rows = connection.execute(
            sa.select(_CLAIM.c.data_type, _CLAIM.c.mosaic_id, _CLAIM.c.holder).where(
                _CLAIM.c.team == team,
                _CLAIM.c.mosaic_id.in_(part),
                _CLAIM.c.data_type.in_((_MISSED, _ASKED)),
            )
        )
        for row in rows:
            found.setdefault((row.data_type, row.mosaic_id), set()).add(row.holder)
    return {one: frozenset(files) for one, files in found.items()}


def reserve(
    connection: Connection,
    team: str,
    holder: int,
    missed: Collection[Mapping[str, Any]],
    asked: Mapping[int, Mapping[str, Any]],
    *,
    now: datetime,
    let_go: bool,
) -> None:
    """Tell the others what this file may have made; with `let_go` no more than this.

    `missed` are the entries that it sent and missed; `asked` those of Mosaic, by
    number, of which a person is asked whether they are one of these. They stay reserved
    until that is answered.
    """
    before = connection.execute(
        sa.select(_CLAIM.c.data_type, _CLAIM.c.mosaic_id).where(
            _CLAIM.c.holder == holder, _CLAIM.c.data_type.in_((_MISSED, _ASKED))
        )
    )
    known = {(row.data_type, row.mosaic_id) for row in before}
    wanted = {(_MISSED, _number(entry)) for entry in missed}
    for number, entry in asked.items():
        as_asked, as_missed = names(number, entry)
        if as_asked in known or as_missed in known | wanted:
            wanted.add(as_asked)
    for data_type, number in sorted(known - wanted) if let_go else ():
        team_claims.release(connection, team, holder, data_type, number)
    team_claims.claim(connection, team, holder, sorted(wanted - known), now=now)


def asks(connection: Connection, holder: int) -> bool:
    """Tell whether a company asks a person about an entry that it may have made."""
    found = connection.execute(
        sa.select(_CLAIM.c.mosaic_id)
        .where(_CLAIM.c.holder == holder, _CLAIM.c.data_type == _ASKED)
        .limit(1)
    )
    return found.first() is not None
