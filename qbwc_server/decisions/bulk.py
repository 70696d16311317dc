"""The same choice for many records: in batches, with the company's lock for each.

What is refused is told with its reason and leaves the others as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.decisions import link_checks, linking, listing
from qbwc_server.decisions.linking import Way, Word
from qbwc_server.decisions.suggestions import Suggestion, suggest, the_exact_one
from qbwc_server.errors import QbwcError
from qbwc_server.kinds.list_plan import ELSEWHERE, SHARED_BY_NATURE
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_reading, company_transaction

_RECORD = tables.record
_BATCH = 100
_NAMED = 20
Said: TypeAlias = Way | Literal["undo", "unlink", "match"]
"""What is said of each; "match" links what has one exact match to that."""


class NoExactMatch(QbwcError):
    """There is no exact match, or more than one."""

    id = "link-no-exact-match"


@dataclass(slots=True)
class Answer:
    """What became of a choice for many.

    Which were changed, how many were so already, and which were refused, with the
    reason.
    """

    done: list[int] = field(default_factory=list)
    unchanged: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)

    @property
    def changed(self) -> int:
        """How many were changed."""
        return len(self.done)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records are meant, as `listing.page` understands it.

    `exact` leaves only those that have one exact match in Mosaic.
    """

    group: str
    need: str | None = None
    state: str | None = None
    search: str = ""
    exact: bool = False


def say(
    engine: Engine,
    company: Company,
    said: Said,
    records: Sequence[int] | Filter,
    *,
    by: str,
    clock: Callable[[], datetime],
    why: str | None = None,
    share: bool = False,
) -> Answer:
    """Say the same of many records; `share` as in `linking.link`.

    Matching goes round again while it finds more: a job has its place only when its
    customer is linked.
    """
    answer = Answer()
    while True:
        before = answer.changed
        answer.unchanged, answer.refused = 0, []
        for ids in _batches(engine, company, records):
            with company_transaction(engine, company.id) as connection:
                word = Word(by, clock(), why)
                _say(connection, company, said, ids, word, answer, records, share=share)
        if said != "match" or answer.changed == before:
            break
    with company_transaction(engine, company.id) as connection:
        registry.audit(
            connection,
            company.id,
            clock(),
            who=by,
            what=f"said of records: {said}",
            why=why,
            detail=_told(answer, records),
        )
    return answer


def _told(answer: Answer, records: Sequence[int] | Filter) -> dict[str, object]:
    told: dict[str, object] = {
        "changed": answer.changed,
        "refused": len(answer.refused),
    }
    if not isinstance(records, Filter):
        told["records"] = list(records[:_NAMED])
    return told


def _batches(
    engine: Engine, company: Company, records: Sequence[int] | Filter
) -> Iterator[list[int]]:
    if not isinstance(records, Filter):
        ids = list(records)
        yield from (ids[at : at + _BATCH] for at in range(0, len(ids), _BATCH))
        return
    after: int | None = 0
    while after is not None:
        with company_reading(engine, company.id) as connection:
            found, after = listing.matching(
                connection,
                company.id,
                records.group,
                need=records.need,
                state=records.state,
                search=records.search,
                after=after,
                limit=_BATCH,
            )
        yield found


def _say(
    connection: Connection,
    company: Company,
    said: Said,
    ids: list[int],
    word: Word,
    answer: Answer,
    records: Sequence[int] | Filter,
    *,
    share: bool,
) -> None:
    only_exact = isinstance(records, Filter) and records.exact
    matches: dict[int, Suggestion | None] = {}
    if said == "match" or only_exact:
        matches = _matches(connection, company, ids)
    for record_id in ids:
        if only_exact and matches.get(record_id) is None:
            continue
        try:
            if said == "match":
                done = _match(
                    connection, company.id, record_id, matches, word, share=share
                )
            elif said == "undo":
                done = linking.undo(connection, company.id, record_id, word)
            elif said == "unlink":
                done = linking.unlink(connection, company.id, record_id, word)
            else:
                done = linking.choose(connection, company.id, record_id, said, word)
        except QbwcError as refused:
            answer.refused.append((record_id, refused.support))
        else:
            if done:
                answer.done.append(record_id)
            else:
                answer.unchanged += 1


def _matches(
    connection: Connection, company: Company, ids: Sequence[int]
) -> dict[int, Suggestion | None]:
    """Return the exact match of each record that is not linked, if it has one."""
    rows = connection.execute(
        sa.select(_RECORD).where(
            _RECORD.c.company_id == company.id, _RECORD.c.id.in_(ids)
        )
    ).all()
    suggested = suggest(connection, company, rows)
    linked = {row.id for row in rows if row.mosaic_id is not None}
    return {
        record_id: the_exact_one(suggested.get(record_id, ()))
        for record_id in set(ids) - linked
    }


def _match(
    connection: Connection,
    company_id: int,
    record_id: int,
    matches: dict[int, Suggestion | None],
    word: Word,
    *,
    share: bool,
) -> bool:
    if record_id not in matches:
        return False
    one = matches[record_id]
    if one is None:
        raise NoExactMatch("It has no exact match in Mosaic, or more than one.")
    if one.elsewhere and not share and one.data_type not in SHARED_BY_NATURE:
        raise link_checks.TakenElsewhere(f"{ELSEWHERE} Say whether both share it.")
    return linking.link(
        connection, company_id, record_id, one.mosaic_id, word, share=share
    )
