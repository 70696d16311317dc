"""Which company file of a Mosaic team has which hours of it, and which it could have.

As with `team_claims` companies tell each other by numbers alone. Only companies whose
`time_claims` is not "none" ask here: those of a team with several files.

Rule: whoever decides about entries of a team holds its lock until the end, so two files
cannot both take one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.companies.team import missed_time, team_claims
from qbwc_server.kinds import time_owner
from qbwc_server.kinds.time_owner import Claim, Whose
from qbwc_server.storage import tables
from qbwc_server.storage.statements import insert

NONE: Final = "none"
"""The company is alone in its team."""
DUE: Final = "due"
"""What it has is still to be claimed."""
KEPT: Final = "kept"
EVERYBODY: Final = 0
"""In place of a person, a word that is of all on a project: nobody in Mosaic is 0."""

_COMPANY, _FILE, _CLAIM = tables.company, tables.team_file, tables.time_claim
_RULE, _LINKED = tables.time_rule, tables.mosaic_claim
_TYPES = ("employee", "project", "phase", "standard_work_category")
_MAKING = "making time"
"""A claim of this type holds a person's number while time of theirs is created."""


@dataclass(frozen=True, slots=True)
class Files:
    """What is known of the files of a team about some entries of Mosaic.

    `linked` has who is linked to an object, by its type and number; `said` whose the
    hours of a person, or of `EVERYBODY`, on a project are; `making` whose time others
    are creating, and `missed` which files may have made what they missed.
    """

    me: int
    claims: Mapping[int, Claim]
    linked: Mapping[tuple[str, int], frozenset[int]]
    said: Mapping[tuple[int, int], int]
    making: frozenset[int]
    missed: Mapping[missed_time.Name, frozenset[int]]

    def whose(self, mosaic_id: int, snapshot: Mapping[str, Any]) -> Whose:
        """Return whose an entry of Mosaic is."""
        person = snapshot["person"]
        project, phase = snapshot["job"]
        may_have_made = self._may_have_made(mosaic_id, snapshot)
        return time_owner.whose(
            self.me,
            self.claims.get(mosaic_id),
            said=self.said.get((person, project)),
            said_of_all=self.said.get((EVERYBODY, project)),
            able=self.able(person, project, phase, snapshot["item"]),
            on_project=self._linked("project", project),
            others_making=person in self.making or bool(may_have_made - {self.me}),
            may_be_mine=self.me in may_have_made,
        )

    def may_have_missed(self, mosaic_id: int, snapshot: Mapping[str, Any]) -> bool:
        """Tell whether an entry may be what another file made and missed."""
        return bool(self._may_have_made(mosaic_id, snapshot) - {self.me})

    def _may_have_made(
        self, mosaic_id: int, snapshot: Mapping[str, Any]
    ) -> frozenset[int]:
        of_it = (self.missed.get(one) for one in missed_time.names(mosaic_id, snapshot))
        return frozenset().union(*(files for files in of_it if files))

    def able(
        self, person: int, project: int, phase: int | None, item: int | None
    ) -> frozenset[int]:
        """Return the files that could take an entry on all these."""
        return time_owner.able_to_take(
            self._linked("employee", person),
            self._linked("project", project),
            self._linked("phase", phase),
            self._linked("standard_work_category", item),
        )

    def may_be_any(self, mosaic_id: int, snapshot: Mapping[str, Any]) -> bool:
        """Tell whether nobody holds an entry that this file and others could have."""
        project, phase = snapshot["job"]
        able = self.able(snapshot["person"], project, phase, snapshot["item"])
        return mosaic_id not in self.claims and self.me in able and len(able) > 1

    def _linked(self, data_type: str, mosaic_id: int | None) -> frozenset[int]:
        if mosaic_id is None:
            return frozenset()
        return self.linked.get((data_type, mosaic_id), frozenset())


def lock(connection: Connection, team: str) -> None:
    """Keep the other files of a team from deciding until the transaction ends."""
    if connection.dialect.name == "postgresql":
        digest = hashlib.sha256(f"time of {team}".encode()).digest()
        number = int.from_bytes(digest[:8], "big", signed=True)
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))


def note_file(connection: Connection, company_id: int) -> None:
    """Tell the files of a company's team of which team it is and whether it takes part.

    That is said of each when it is added, and when its team or mode has changed.
    """
    of_company = sa.bindparam("told", type_=_FILE.c.company_id.type)
    was_live = (_COMPANY.c.mode == "paused") & (_COMPANY.c.mode_before_pause == "live")
    takes_part = (_COMPANY.c.mode == "live") | sa.func.coalesce(was_live, sa.false())
    named = sa.func.lower(_COMPANY.c.mosaic_url) + " " + _COMPANY.c.mosaic_team
    told = sa.select(_COMPANY.c.id, named, takes_part)
    statement = insert(connection, _FILE).from_select(
        ["company_id", "team", "takes_part"], told.where(_COMPANY.c.id == of_company)
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["company_id"],
            set_={name: statement.excluded[name] for name in ("team", "takes_part")},
        ),
        {"told": company_id},
    )


def note_files(connection: Connection, team: str) -> None:
    """Have the files of a team claim their hours, if there are or were several.

    They are other companies': an operator's transaction alone may do it.
    """
    files = connection.execute(
        sa.select(_FILE.c.company_id).where(_FILE.c.team == team)
    ).all()
    left = connection.execute(
        sa.select(_CLAIM.c.mosaic_id).where(_CLAIM.c.team == team).limit(1)
    ).first()
    if len(files) > 1 or left is not None:
        connection.execute(
            _FILE.update()
            .where(_FILE.c.team == team, _FILE.c.time_claims == NONE)
            .values(time_claims=DUE)
        )


def links(connection: Connection, company_id: int) -> str | None:
    """Return a mark of what a file has linked; None for one that is alone in its team.

    What is another file's by these links is left out where Mosaic is read.
    """
    several = sa.exists().where(
        _FILE.c.company_id == company_id, _FILE.c.time_claims != NONE
    )
    many, since = connection.execute(
        sa.select(sa.func.count(), sa.func.max(_LINKED.c.since)).where(
            _LINKED.c.holder == company_id,
            _LINKED.c.data_type.in_(_TYPES),
            _LINKED.c.meant.is_(False),
            several,
        )
    ).one()
    return f"{many} {since.isoformat()}" if many else None


def due(connection: Connection, team: str) -> list[int]:
    """Return the files of a team whose hours are not all claimed yet."""
    query = sa.select(_FILE.c.company_id).where(
        _FILE.c.team == team, _FILE.c.time_claims == DUE
    )
    return list(connection.execute(query.order_by(_FILE.c.company_id)).scalars())


def move(connection: Connection, holder: int, team: str) -> None:
    """Take a company's claims to a team that is now called otherwise."""
    for table in (_CLAIM, _RULE):
        connection.execute(
            table.update().where(table.c.held_by == holder).values(team=team)
        )


def load(
    connection: Connection,
    company_id: int,
    team: str,
    entries: Mapping[int, Mapping[str, Any]],
) -> Files:
    """Return what is known about entries of Mosaic, by their numbers."""
    wanted: set[int | None] = set()
    missed: set[missed_time.Name] = set()
    for number, one in entries.items():
        wanted |= {one["person"], one["item"], *one["job"]}
        missed.update(missed_time.names(number, one))
    live = _live(connection, company_id, team)
    linked: dict[tuple[str, int], set[int]] = {}
    making: set[int] = set()
    for part in team_claims.chunks(sorted(one for one in wanted if one is not None)):
        for row in connection.execute(
            sa.select(_LINKED.c.data_type, _LINKED.c.mosaic_id, _LINKED.c.holder).where(
                _LINKED.c.team == team,
                _LINKED.c.data_type.in_((*_TYPES, _MAKING)),
                _LINKED.c.mosaic_id.in_(part),
                _LINKED.c.meant.is_(False),
            )
        ):
            if row.data_type == _MAKING:
                making |= {row.mosaic_id} if row.holder != company_id else set()
            elif row.holder in live:
                linked.setdefault((row.data_type, row.mosaic_id), set()).add(row.holder)
    return Files(
        company_id,
        claims(connection, team, list(entries)),
        {one: frozenset(files) for one, files in linked.items()},
        _said(connection, team, entries, live),
        frozenset(making),
        missed_time.reserved(connection, team, missed),
    )


def _live(connection: Connection, company_id: int, team: str) -> set[int]:
    """Return the files that take part: this one, and those that are or were live."""
    rows = connection.execute(
        sa.select(_FILE.c.company_id).where(
            _FILE.c.team == team, _FILE.c.takes_part.is_(True)
        )
    )
    return {company_id, *rows.scalars()}


def _said(
    connection: Connection,
    team: str,
    entries: Mapping[int, Mapping[str, Any]],
    live: Collection[int],
) -> dict[tuple[int, int], int]:
    found: dict[tuple[int, int], int] = {}
    people = {EVERYBODY, *(one["person"] for one in entries.values())}
    for part in team_claims.chunks(sorted(people)):
        for row in connection.execute(
            sa.select(_RULE).where(_RULE.c.team == team, _RULE.c.member_id.in_(part))
        ):
            if row.held_by in live:
                found[row.member_id, row.project_id] = row.held_by
    return found


def claims(
    connection: Connection, team: str, mosaic_ids: Sequence[int]
) -> dict[int, Claim]:
    """Return who holds entries; those that nobody holds are left out."""
    found: dict[int, Claim] = {}
    for part in team_claims.chunks(sorted(mosaic_ids)):
        rows = connection.execute(
            sa.select(_CLAIM.c.mosaic_id, _CLAIM.c.held_by).where(
                _CLAIM.c.team == team, _CLAIM.c.mosaic_id.in_(part)
            )
        )
        found |= {row.mosaic_id: Claim(row.held_by) for row in rows}
    return found


def claim(
    connection: Connection,
    team: str,
    holder: int,
    mosaic_ids: Collection[int],
    *,
    now: datetime,
) -> None:
    """Have a company hold entries; what another one holds already stays with it."""
    for part in team_claims.chunks(sorted(mosaic_ids)):
        connection.execute(
            insert(connection, _CLAIM).on_conflict_do_nothing(),
            [
                {"team": team, "mosaic_id": one, "held_by": holder, "since": now}
                for one in part
            ],
        )


def take(
    connection: Connection, company_id: int, mosaic_ids: Collection[int], now: datetime
) -> None:
    """Have a company hold what is known to be its own, where its team has more files.

    What another one holds already stays with it.
    """
    team = connection.execute(
        sa.select(_FILE.c.team).where(
            _FILE.c.company_id == company_id, _FILE.c.time_claims != NONE
        )
    ).scalar()
    if team is not None:
        lock(connection, team)
        claim(connection, team, company_id, mosaic_ids, now=now)


def held_by_others(
    connection: Connection, company_id: int, mosaic_ids: Collection[int]
) -> set[int]:
    """Return which entries another company of the same team holds, or held."""
    found: set[int] = set()
    for part in team_claims.chunks(sorted(mosaic_ids)):
        rows = connection.execute(
            sa.select(_CLAIM.c.mosaic_id).where(
                _FILE.c.company_id == company_id,
                _FILE.c.time_claims != NONE,
                _CLAIM.c.team == _FILE.c.team,
                _CLAIM.c.mosaic_id.in_(part),
                _CLAIM.c.held_by.is_distinct_from(company_id),
            )
        )
        found |= set(rows.scalars())
    return found


def reserve(
    connection: Connection,
    team: str,
    holder: int,
    members: Collection[int],
    *,
    now: datetime,
) -> None:
    """Tell the others that time of these people is about to be created."""
    objects = [(_MAKING, one) for one in sorted(members)]
    team_claims.claim(connection, team, holder, objects, now=now)


def end_reservations(
    connection: Connection, holder: int, still: Collection[int]
) -> None:
    """Take back what `reserve` told, but for people of whom time is still created."""
    connection.execute(
        _LINKED.delete().where(
            _LINKED.c.holder == holder,
            _LINKED.c.data_type == _MAKING,
            _LINKED.c.mosaic_id.not_in(sorted(still)),
        )
    )


def leave(
    connection: Connection,
    team: str,
    holder: int,
    entries: Mapping[int, str],
    *,
    now: datetime,
) -> None:
    """Keep that entries are a forgotten company's, each with the hash of its TxnID."""
    for part in team_claims.chunks(sorted(entries)):
        rows = [
            {"team": team, "mosaic_id": one, "held_by": holder, "since": now}
            for one in part
        ]
        connection.execute(insert(connection, _CLAIM).on_conflict_do_nothing(), rows)
        connection.execute(
            _CLAIM.update()
            .where(
                _CLAIM.c.team == sa.bindparam("of_team"),
                _CLAIM.c.mosaic_id == sa.bindparam("which"),
                _CLAIM.c.held_by == holder,
            )
            .values(txn_hash=sa.bindparam("hashed")),
            [{"of_team": team, "which": one, "hashed": entries[one]} for one in part],
        )


def forget(connection: Connection, holder: int) -> None:
    """Have a company's claims be those of a forgotten one, and drop its rules."""
    connection.execute(
        _CLAIM.update().where(_CLAIM.c.held_by == holder).values(held_by=None)
    )
    connection.execute(
        _RULE.delete().where((_RULE.c.held_by == holder) | (_RULE.c.said_by == holder))
    )
