"""Which records need what, by the rule of `words.need`: conditions, and counts.

Rule: no count reads the records. Each kind and state is counted in an index alone, up
to a bound; what needs to be looked up in records are the few that wait or are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server import words
from qbwc_server.kinds import KINDS, time_entry, tries
from qbwc_server.standing.hindrance import Reason
from qbwc_server.standing.reasons import OURS
from qbwc_server.storage import tables

_RECORD = tables.record
SHOWN: Final = {
    **{kind.name: kind.plural for kind in KINDS.values() if kind.mirror is not None},
    time_entry.NAME: time_entry.PLURAL,
}
"""The kinds that people are shown, in their order, with their plurals."""
MOST: Final = 1_000_000
"""More than so many are told as "more than"."""
_SPLIT: Final = {
    "unlinked": ("waits_for IS NULL", "waits_for IS NOT NULL"),
    "refused": (f"NOT {OURS}", OURS),
}
"""States in which not all need the same: first those that wait for nobody else.

Written as the partial indexes are, which must know them word by word.
"""


@dataclass(frozen=True, slots=True)
class Part:
    """Records of a kind in a state: all, or those of which `which` holds."""

    kind: str
    state: str
    which: str = ""

    @property
    def condition(self) -> sa.TextClause:
        """What a row must be, besides of its kind."""
        also = f" AND {self.which}" if self.which else ""
        return sa.text(f"state = '{self.state}'{also}")


@dataclass(frozen=True, slots=True)
class Counted:
    """How many records of a kind stand where; each number stops at `MOST` + 1."""

    kind: str
    plural: str
    by_need: dict[str, int]
    conflicts: int = 0
    """Those of `needs_you` in which both sides changed the same field."""

    @property
    def total(self) -> int:
        """How many there are that take part; left out ones do not."""
        return sum(n for need, n in self.by_need.items() if need != "left_out")


def parts(kind: str, need: str | None = None) -> Iterator[Part]:
    """Yield the parts in which the records of a kind need something, or anything."""
    for state in tables.RECORD_STATES:
        needs = [_need(kind, state, other=other) for other in (False, True)]
        if need is None or needs == [need, need]:
            yield Part(kind, state)
        elif need in needs:
            yield Part(kind, state, _SPLIT[state][needs.index(need)])


def _need(kind: str, state: str, *, other: bool) -> str:
    """Return what a record needs; `other` if it waits for a record, or for us."""
    return words.need(kind, state, waits=other, ours=other)


def of(row: Row[Any], held_by: Reason | None = None) -> words.Standing:
    """Return where a record stands; `held_by` is from `reasons.holding`."""
    waits = row.waits_for is not None
    told = None
    if held_by is not None:
        told = (held_by.why, held_by.who_must_act, held_by.next_step)
    return words.standing(
        row.kind,
        row.state,
        waits=waits,
        choice=row.choice,
        restored=row.restored,
        unread=row.unread,
        fails=row.failures >= tries.MOST,
        only_mosaic=row.quickbooks_id is None,
        held_by=told,
    )


def count(connection: Connection, company_id: int) -> int:
    """Return in how many records a person acts next; above `words.MANY` one more."""
    found: int = connection.execute(_all_of_you(), {"company": company_id}).scalar_one()
    return min(found, words.MANY + 1)


@cache
def _all_of_you() -> sa.Select[int]:
    """Count them; it is asked at every session and pass, and takes long to make."""
    asked = [_some(part) for kind in SHOWN for part in parts(kind, "needs_you")]
    every = sa.union_all(*asked).subquery()
    return sa.select(sa.func.count()).select_from(every)


def _some(part: Part) -> sa.Select[tuple[int]]:
    rows = (
        sa.select(_RECORD.c.id)
        .where(
            _RECORD.c.company_id == sa.bindparam("company"),
            _RECORD.c.kind == part.kind,
            part.condition,
        )
        .order_by(_RECORD.c.id)
        .limit(words.MANY + 1)
        .subquery()
    )
    return sa.select(rows.c.id)


def _counted(kind: str, state: str) -> sa.Select[str, str, int, int]:
    """Count by `ix_record_state` alone; `others` wait for another record, or for us.

    Only where it matters whether one does is that looked up in its row.
    """
    own, other = (_need(kind, state, other=one) for one in (False, True))
    waits = sa.text(_SPLIT[state][1]) if own != other else sa.false()
    rows = (
        sa.select(_RECORD.c.id, sa.case((waits, 1)).label("waits"))
        .where(
            _RECORD.c.company_id == sa.bindparam("company"),
            _RECORD.c.kind == kind,
            _RECORD.c.state == state,
        )
        .order_by(_RECORD.c.id)
        .limit(MOST + 1)
        .subquery()
    )
    return sa.select(
        sa.literal(kind).label("kind"),
        sa.literal(state).label("state"),
        sa.func.count().label("many"),
        sa.func.count(rows.c.waits).label("others"),
    ).select_from(rows)


_COUNTS: Final = sa.union_all(
    *(_counted(kind, state) for kind in SHOWN for state in tables.RECORD_STATES)
)


def counts(connection: Connection, company_id: int) -> tuple[Counted, ...]:
    """Return how many records of each kind stand where, read up to `MOST` each."""
    found = {kind: dict.fromkeys(words.NEEDS, 0) for kind in SHOWN}
    conflicts = dict.fromkeys(SHOWN, 0)
    for row in connection.execute(_COUNTS, {"company": company_id}):
        if row.state == "conflict":
            conflicts[row.kind] = row.many
        for other, number in ((False, row.many - row.others), (True, row.others)):
            found[row.kind][_need(row.kind, row.state, other=other)] += number
    return tuple(
        Counted(kind, SHOWN[kind], found[kind], conflicts[kind]) for kind in SHOWN
    )
