"""Whose hours are that were entered in Mosaic on what several company files share.

A person is asked once for each person and project, in whichever file they look first;
the first word wins, and every file is shown it. A word may also be of a project with
all of its people, also of those who come later: it decides where several files could
take an hour and nobody said anything of that person. Nothing of another file is told.

What a forgotten company had stays out of all others, until somebody says that one of
them succeeds it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.companies.team import time_claims
from qbwc_server.companies.team.time_claims import EVERYBODY
from qbwc_server.errors import QbwcError
from qbwc_server.planning import time_claiming, time_files
from qbwc_server.records import due, mosaic_objects
from qbwc_server.storage import tables

_RECORD, _RULE, _CLAIM = tables.record, tables.time_rule, tables.time_claim
_LINKED = tables.mosaic_claim
OPEN, OURS, THEIRS = "open", "this file's", "another file's"


class SaidElsewhere(QbwcError):
    """For another company file it was said already whose these hours are."""

    id: ClassVar[str] = "hours-said-elsewhere"


class NotShared(QbwcError):
    """No other company file of the team, or more than one, could have the hours."""

    id: ClassVar[str] = "hours-not-shared"


@dataclass(frozen=True, slots=True)
class SharedHours:
    """A person and a project that several files share, and whose such hours are.

    `entries` and `minutes` are what waits here for a word. `member_id` is `EVERYBODY`
    for a word that is of a whole project.
    """

    member_id: int
    person: str
    project_id: int
    project: str
    whose: str
    entries: int
    minutes: int


def shared_hours(
    connection: Connection, company: Company, *, only_waiting: bool = False
) -> list[SharedHours]:
    """Return what is to be said, and what was said for any file of the team.

    With `only_waiting` only what waits here for a word.
    """
    waiting: dict[tuple[int, int], list[int]] = {}
    for snapshot in _waiting(connection, company):
        minutes = waiting.setdefault((snapshot["person"], snapshot["job"][0]), [])
        minutes.append(snapshot["minutes"])
    rules = connection.execute(sa.select(_RULE).where(_RULE.c.team == company.team))
    said = {
        (row.member_id, row.project_id): OURS if row.held_by == company.id else THEIRS
        for row in rules
    }
    return [
        SharedHours(
            member,
            _name(connection, company.id, "employee", member),
            project,
            _name(connection, company.id, "project", project),
            said.get((member, project), OPEN),
            len(waiting.get((member, project), ())),
            sum(waiting.get((member, project), ())),
        )
        for member, project in sorted(
            waiting.keys() - said.keys()
            if only_waiting
            else waiting.keys() | said.keys()
        )
    ]


def of_projects(
    connection: Connection, company: Company, projects: Collection[int]
) -> dict[int, tuple[str, bool]]:
    """Return the words that are of whole projects, and whether each may be changed."""
    rows = connection.execute(
        sa.select(_RULE).where(
            _RULE.c.team == company.team,
            _RULE.c.member_id == EVERYBODY,
            _RULE.c.project_id.in_(projects),
        )
    )
    return {
        row.project_id: (
            OURS if row.held_by == company.id else THEIRS,
            row.said_by == company.id,
        )
        for row in rows
    }


def _waiting(connection: Connection, company: Company) -> list[dict[str, Any]]:
    asked = [
        one
        for one in time_files.questions(connection, company.id)
        if time_files.asked(one) is not None
    ]
    rows = connection.execute(
        sa.select(_RECORD.c.mosaic).where(
            _RECORD.c.company_id == company.id,
            _RECORD.c.waits_for.in_(asked),
            # What only waits for what another file is making asks nobody.
            _RECORD.c.state == "refused",
        )
    )
    return list(rows.scalars())


def _name(
    connection: Connection, company_id: int, data_type: str, mosaic_id: int
) -> str:
    if (data_type, mosaic_id) == ("employee", EVERYBODY):
        return "everybody"
    found = mosaic_objects.get(connection, company_id, data_type, mosaic_id)
    told = "" if found is None else " ".join(mosaic_objects.called(found).split())
    return told or str(mosaic_id)


def say_whose(
    connection: Connection,
    company: Company,
    member_id: int,
    project_id: int,
    *,
    mine: bool,
    by: str,
    why: str | None,
    now: datetime,
) -> bool:
    """Say whose the hours of a person on a project are; False if it was said so.

    Of `EVERYBODY` it is a word of the project with all people that both files have.
    What entered a company file before stays there. A word that was said for this
    company may be changed by it.

    Raises:
        SaidElsewhere: for another file somebody has said otherwise.
        NotShared: with `mine` false, it is not one other file that could have them.
    """
    time_claims.lock(connection, company.team)
    holder = company.id if mine else _other(connection, company, member_id, project_id)
    where = (
        _RULE.c.team == company.team,
        _RULE.c.member_id == member_id,
        _RULE.c.project_id == project_id,
    )
    before = connection.execute(sa.select(_RULE).where(*where)).first()
    if before is not None and before.held_by == holder:
        return False
    _require_ours(before, company)
    values = {"held_by": holder, "said_by": company.id, "since": now}
    if before is None:
        key = {"team": company.team, "member_id": member_id, "project_id": project_id}
        connection.execute(_RULE.insert(), {**key, **values})
    else:
        connection.execute(_RULE.update().where(*where).values(**values))
        _read_again(connection, company, now)
    _wake(connection, company, member_id, project_id, now)
    registry.audit(
        connection,
        company.id,
        now,
        who=by,
        what="shared hours are this file's" if mine else "shared hours are another's",
        why=why,
        detail={"member_id": member_id, "project_id": project_id},
    )
    return True


def ask_again(
    connection: Connection, company: Company, project_id: int, *, by: str, now: datetime
) -> bool:
    """Take the word of a whole project back: it is asked; False if there is none.

    What entered a company file by it stays there.

    Raises:
        SaidElsewhere: it was said for another file.
    """
    time_claims.lock(connection, company.team)
    where = (
        _RULE.c.team == company.team,
        _RULE.c.member_id == EVERYBODY,
        _RULE.c.project_id == project_id,
    )
    before = connection.execute(sa.select(_RULE).where(*where)).first()
    if before is None:
        return False
    _require_ours(before, company)
    connection.execute(_RULE.delete().where(*where))
    _read_again(connection, company, now)
    registry.audit(
        connection,
        company.id,
        now,
        who=by,
        what="shared hours are asked about",
        detail={"member_id": EVERYBODY, "project_id": project_id},
    )
    return True


def _read_again(connection: Connection, company: Company, now: datetime) -> None:
    """Have Mosaic's time read whole: what was another file's is not recorded here."""
    registry.change(connection, company.id, mosaic_time_from=None, time_window_at=now)


def _require_ours(before: Row[Any] | None, company: Company) -> None:
    """Refuse to change a word that was said for another file."""
    if before is not None and before.said_by != company.id:
        raise SaidElsewhere(
            "In another company file of the team somebody has said already whose these "
            "hours are. Only there it can be changed."
        )


def _wake(
    connection: Connection,
    company: Company,
    member_id: int,
    project_id: int,
    now: datetime,
) -> None:
    """Have what waited for a word looked at again."""
    waiting = [
        one
        for one in time_files.questions(connection, company.id)
        if (asks := time_files.asked(one)) is not None
        and asks["job"][0] == project_id
        and member_id in {asks["person"], EVERYBODY}
    ]
    time_claiming.wake(connection, company.id, waiting, now)


def _other(
    connection: Connection, company: Company, member_id: int, project_id: int
) -> int:
    if member_id == EVERYBODY:
        # Who only means to link it will not be asked before it does: a word of a whole
        # project counts for files that have all of it.
        found = connection.execute(
            sa.select(_LINKED.c.holder).where(
                _LINKED.c.team == company.team,
                _LINKED.c.data_type == "project",
                _LINKED.c.mosaic_id == project_id,
            )
        )
        others: set[int] = set(found.scalars()) - {company.id}
    else:
        entry = {"person": member_id, "job": [project_id, None], "item": None}
        files = time_claims.load(connection, company.id, company.team, {-1: entry})
        others = set(files.able(member_id, project_id, None, None)) - {company.id}
    if len(others) != 1:
        raise NotShared(
            "It is not one other company file that has this person and project. Say in "
            "the file whose hours they are that they are its own."
        )
    (other,) = others
    return other


def left_behind(connection: Connection, team: str) -> int:
    """Return how many entries of Mosaic are of companies that were forgotten."""
    found: int = connection.execute(
        sa.select(sa.func.count()).where(
            _CLAIM.c.team == team, _CLAIM.c.held_by.is_(None)
        )
    ).scalar_one()
    return found


def succeed(
    connection: Connection, company: Company, *, by: str, why: str | None, now: datetime
) -> int:
    """Have a company file succeed those of its team that were forgotten.

    What they had in Mosaic is this one's, and read again. Returns how many entries.
    """
    time_claims.lock(connection, company.team)
    taken: int = connection.execute(
        _CLAIM.update()
        .where(_CLAIM.c.team == company.team, _CLAIM.c.held_by.is_(None))
        .values(held_by=company.id, txn_hash=None)
    ).rowcount
    if taken:
        _read_again(connection, company, now)
        due.look_at_all(connection, company.id, now)
        registry.audit(
            connection,
            company.id,
            now,
            who=by,
            what="succeeds a forgotten company file",
            why=why,
            detail={"entries": taken},
        )
    return taken
