"""What a person says at once of all that two company files of a team have in common.

A word is of a row that was shown: a record, and the object of Mosaic that it was shown
with. What stands under something follows it: under what is shared it may be shared, and
under what is made anew it is made anew by itself, so that no word is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.companies.team.time_claims import EVERYBODY
from qbwc_server.decisions import linking, time_sharing
from qbwc_server.decisions.bulk import Answer
from qbwc_server.decisions.linking import Way, Word
from qbwc_server.decisions.overlap import Overlap
from qbwc_server.errors import QbwcError
from qbwc_server.kinds.list_plan import SHARED_BY_NATURE
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction

_CLAIM = tables.mosaic_claim
_BATCH, _NAMED = 100, 20
_ABOVE: Final = {"project": "client", "phase": "project"}
Said: TypeAlias = Way | Literal["share"]
Whose: TypeAlias = Literal["ours", "theirs", "ask"]
Shown: TypeAlias = tuple[int, int]
"""A record and the object of Mosaic that it was shown with."""
NOT_BELOW: Final = "What it stands under is not shared, so it cannot be."


@dataclass(frozen=True, slots=True)
class Row:
    """What both files have, with how deep it stands among the others: 0 is the top."""

    depth: int
    one: Overlap


@dataclass(frozen=True, slots=True)
class Step:
    """What is done with a record."""

    record_id: int
    mosaic_id: int
    said: Said


def in_order(common: Sequence[Overlap]) -> list[Row]:
    """Return what needs or had a word: each client, its projects, then their phases.

    Pure. What stands under something that is not there stands at the top.
    """
    some = [one for one in common if one.data_type not in SHARED_BY_NATURE]
    there = {(one.data_type, one.mosaic_id) for one in some}
    below: dict[tuple[str, int] | None, list[Overlap]] = {}
    for one in some:
        above = _above(one)
        below.setdefault(above if above in there else None, []).append(one)

    def of(above: tuple[str, int] | None, depth: int) -> list[Row]:
        found = []
        for one in sorted(below.get(above, ()), key=_by_name):
            found.append(Row(depth, one))
            found += of((one.data_type, one.mosaic_id), depth + 1)
        return found

    return of(None, 0)


def _above(one: Overlap) -> tuple[str, int] | None:
    over = _ABOVE.get(one.data_type)
    return None if over is None or one.parent is None else (over, one.parent)


def _by_name(one: Overlap) -> tuple[str, int]:
    return (one.record_name or one.name).casefold(), one.mosaic_id


def steps(
    rows: Sequence[Row], said: Mapping[Shown, Said | None], all_: Said | None
) -> tuple[list[Step], list[tuple[int, str]]]:
    """Return what is done, those above first, and which records are refused and why.

    Pure. `said` has a word for each row that was shown, or None; `all_` is the word for
    these. What only followed from `all_` is not refused.
    """
    done: list[Step] = []
    refused: list[tuple[int, str]] = []
    left: set[tuple[str, int]] = set()
    for row in rows:
        one = row.one
        if not one.needs_word or one.record_id is None:
            continue
        shown = one.record_id, one.mosaic_id
        own = said.get(shown)
        word = own or (all_ if shown in said else None)
        is_below = _above(one) in left
        if word != "share" or is_below:
            left.add((one.data_type, one.mosaic_id))
        if word is None or (is_below and own is None):
            continue
        if word == "share" and is_below:
            refused.append((one.record_id, NOT_BELOW))
        else:
            done.append(Step(*shown, word))
    return done, refused


def carry_out(
    engine: Engine,
    company: Company,
    wanted: Sequence[Step],
    *,
    by: str,
    clock: Callable[[], datetime],
) -> Answer:
    """Do what was said, in batches; what is refused leaves the others as they are."""
    answer = Answer()
    for at in range(0, len(wanted), _BATCH):
        with company_transaction(engine, company.id) as connection:
            word = Word(by, clock())
            for step in wanted[at : at + _BATCH]:
                try:
                    done = _do(connection, company.id, step, word)
                except QbwcError as error:
                    answer.refused.append((step.record_id, error.support))
                else:
                    answer.done += [step.record_id] if done else []
                    answer.unchanged += not done
    if wanted:
        with company_transaction(engine, company.id) as connection:
            detail = {
                "changed": answer.changed,
                "refused": len(answer.refused),
                "records": [step.record_id for step in wanted[:_NAMED]],
            }
            what = "said what both files share"
            registry.audit(
                connection, company.id, clock(), who=by, what=what, detail=detail
            )
    return answer


def _do(connection: Connection, company_id: int, step: Step, word: Word) -> bool:
    if step.said != "share":
        return linking.choose(connection, company_id, step.record_id, step.said, word)
    return linking.link(
        connection, company_id, step.record_id, step.mosaic_id, word, share=True
    )


def say_hours(
    connection: Connection,
    company: Company,
    said: Mapping[tuple[int, int], Whose],
    *,
    by: str,
    now: datetime,
) -> list[str]:
    """Say whose the hours of people on projects are; return each refusal's reason.

    `said` is by a person, or `EVERYBODY`, and a project that both files are linked to:
    others are left out. "ask" takes back what was said of everybody.
    """
    shared = _shared(connection, company, {project for _, project in said})
    refused = []
    for (member, project), whose in said.items():
        if project not in shared:
            continue
        try:
            if whose != "ask":
                mine = whose == "ours"
                time_sharing.say_whose(
                    connection,
                    company,
                    member,
                    project,
                    mine=mine,
                    by=by,
                    why=None,
                    now=now,
                )
            elif member == EVERYBODY:
                time_sharing.ask_again(connection, company, project, by=by, now=now)
        except time_sharing.SaidElsewhere as error:
            refused += [error.support] if whose != "ask" else []
        except QbwcError as error:
            refused.append(error.support)
    return list(dict.fromkeys(refused))


def _shared(connection: Connection, company: Company, projects: set[int]) -> set[int]:
    """Return which projects this file is linked to and another one has, too."""
    other = _CLAIM.alias("other")
    rows = connection.execute(
        sa.select(_CLAIM.c.mosaic_id).where(
            _CLAIM.c.team == company.team,
            _CLAIM.c.data_type == "project",
            _CLAIM.c.mosaic_id.in_(projects),
            _CLAIM.c.holder == company.id,
            _CLAIM.c.meant.is_(False),
            sa.exists().where(
                other.c.team == _CLAIM.c.team,
                other.c.data_type == _CLAIM.c.data_type,
                other.c.mosaic_id == _CLAIM.c.mosaic_id,
                other.c.holder != company.id,
            ),
        )
    )
    return set(rows.scalars())
