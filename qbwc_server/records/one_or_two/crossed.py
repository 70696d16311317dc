"""Finds equal entries of which somebody deleted one on each side, in different pairs.

`kinds.crossed` decides; here is only gathered what it has to know. What the days of
many records have is asked once for each side.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies.registry import Company
from qbwc_server.companies.team import time_claims
from qbwc_server.kinds import crossed
from qbwc_server.kinds.crossed import Step
from qbwc_server.kinds.identity import Words, likeness
from qbwc_server.kinds.time_entry import NAME
from qbwc_server.kinds.tombstone import Side, Stone, Who
from qbwc_server.records import tombstones
from qbwc_server.records.choices import takes_part
from qbwc_server.records.references import Links
from qbwc_server.storage import tables

_RECORD = tables.record
_OTHER: Final[Mapping[Side, Side]] = {"quickbooks": "mosaic", "mosaic": "quickbooks"}
_SOMEBODY: Final[Mapping[Side, Who]] = {
    "quickbooks": Who.PERSON,
    "mosaic": Who.NOT_SHOWN,
}
_FIRST: Final = (Step.JOIN, Step.WAIT, Step.ASK)
"""Which step is taken where several equal entries want one each."""
Busy: TypeAlias = Callable[[list[Row[Any]]], Collection[int]]
"""Returns of which records something is on its way."""
_ByDay: TypeAlias = "dict[tuple[str | None, str | None], list[Row[Any]]]"


@dataclass(slots=True)
class Crossed:
    """What somebody deleted on one side, on the days of records looked at together."""

    connection: Connection
    company: Company
    links: Links
    days: Collection[str]
    now: datetime
    _lost: dict[Side, _ByDay] = field(default_factory=dict)

    def beside(
        self,
        row: Row[Any],
        side: Side,
        words: Words,
        *,
        without: Collection[int] = (),
        busy: Busy = lambda _: (),
    ) -> tuple[Step, Row[Any] | None]:
        """Return what is done about an entry that a side lost, and the equal one.

        Records of `without` are about to get a counterpart of their own.
        """
        mine = tombstones.of_side(row, side)
        if mine is None or row.restored or not tombstones.somebody_took(row, side):
            return Step.CARRY, None
        equal = [
            one
            for one in self._lost_there(side).get((row.day, row.parent_id), ())
            if one.id not in without
            and _pair(row, one, side) not in words
            and (likeness(self._terms(one), self._terms(row)) or _were_alike(one, row))
        ]
        if not equal:
            return Step.CARRY, None
        on_its_way = busy(equal)
        steps: dict[Step, list[Row[Any]]] = {}
        for one in equal:
            # Also what one read missed has a stone already.
            step = crossed.step(
                mine.at,
                Stone.of(one.gone, _OTHER[side]),
                Stone.of(one.gone, side) if _is_gone(one, side) else None,
                self.now,
                counts=_is_gone(one, _OTHER[side]),
                busy=one.id in on_its_way,
            )
            steps.setdefault(step, []).append(one)
        found = next((one for one in _FIRST if one in steps), None)
        if found is None:
            return Step.CARRY, None
        terms = self._terms(row)
        return found, max(
            steps[found], key=lambda one: (likeness(self._terms(one), terms), -one.id)
        )

    def _terms(self, row: Row[Any]) -> Mapping[str, Any]:
        """Return what stands of an entry, or stood last, in Mosaic's terms."""
        if row.quickbooks_gone:
            return dict(row.mosaic or {})
        return self.links.facing(row.quickbooks)

    def _lost_there(self, side: Side) -> _ByDay:
        """Return what the other side than one lost by somebody, by day and person."""
        if side not in self._lost:
            there = _OTHER[side]
            rows = self.connection.execute(
                sa.select(_RECORD)
                .where(
                    _RECORD.c.company_id == self.company.id,
                    _RECORD.c.kind == NAME,
                    _RECORD.c.day.in_(sorted(self.days)),
                    _RECORD.c.quickbooks_id.is_not(None),
                    _RECORD.c.mosaic_id.is_not(None),
                    _lost(there),
                    _who(there) == _SOMEBODY[there].value,
                    ~_gone(side) | (_who(side) == Who.OURS.value),
                    _RECORD.c.restored.is_(None),
                    _RECORD.c.unread.is_(None),
                    takes_part(),
                )
                .order_by(_RECORD.c.id)
            ).all()
            found: _ByDay = {}
            for one in self._of_this_file(list(rows)):
                found.setdefault((one.day, one.parent_id), []).append(one)
            self._lost[side] = found
        return self._lost[side]

    def _of_this_file(self, rows: list[Row[Any]]) -> list[Row[Any]]:
        if not rows or self.company.time_claims == time_claims.NONE:
            return rows
        numbers = [one.mosaic_id for one in rows]
        held = time_claims.claims(self.connection, self.company.team, numbers)
        others = {
            number
            for number, claim in held.items()
            if claim.holder not in {None, self.company.id}
        }
        return [one for one in rows if one.mosaic_id not in others]


def _pair(row: Row[Any], one: Row[Any], side: Side) -> tuple[str, int]:
    """Return which two entries would stand together."""
    here, there = (row, one) if side == "mosaic" else (one, row)
    return here.quickbooks_id, there.mosaic_id


def _were_alike(one: Row[Any], row: Row[Any]) -> bool:
    """Tell whether two are or were equal on either side, however that is linked now."""
    sides = ((one.quickbooks, row.quickbooks), (one.mosaic, row.mosaic))
    return all(here and there and likeness(here, there) for here, there in sides)


def _is_gone(row: Row[Any], side: Side) -> bool:
    return bool(getattr(row, f"{side}_gone"))


def _gone(side: Side) -> sa.ColumnElement[bool]:
    return _RECORD.c[f"{side}_gone"].is_(True)


def _lost(side: Side) -> sa.ColumnElement[bool]:
    """Return the condition that a side lost an entry, or that one read missed it."""
    if side == "quickbooks":
        return _gone(side)
    return _gone(side) | (_RECORD.c.misses > 0)


def _who(side: Side) -> sa.ColumnElement[str]:
    found: sa.ColumnElement[str] = _RECORD.c.gone[side]["who"].as_string()
    return found
