"""Deletions of equal entries, one on each side, that were meant for one hour.

Before a deletion is carried over, what stands of the two is joined; where the first
was carried over already, a person is asked about the second.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Self

from sqlalchemy.engine import Connection, Row

from qbwc_server.companies.registry import Company
from qbwc_server.kinds.crossed import Step
from qbwc_server.kinds.tombstone import Side, Word
from qbwc_server.kinds.two_way import Action, Do
from qbwc_server.planning.counterparts.pairs import Pairs
from qbwc_server.quickbooks import time_jobs
from qbwc_server.records import tombstones
from qbwc_server.records.one_or_two import apart
from qbwc_server.records.one_or_two.crossed import Crossed
from qbwc_server.records.references import Links

_NEXT_READING: Final = timedelta(minutes=5)
_ANOTHER: Final = (
    "Record {}, an equal one of that person and day, is deleted on the other side, or "
    "was just not shown there. This one waits until that is known: perhaps one of the "
    "two was meant, each time."
)


def lost_side(action: Action) -> Side:
    """Return the side whose loss a deletion would carry over."""
    return "mosaic" if action.do is Do.DEL else "quickbooks"


@dataclass(slots=True)
class Crossing:
    """Equal entries of which each side lost one, for records planned together.

    `gone` are records that are not to be planned any more in this batch.
    """

    connection: Connection
    company_id: int
    pairs: Pairs
    crossed: Crossed
    gone: set[int]
    _waits: dict[int, Row[Any]] = field(default_factory=dict)
    _used: set[int] = field(default_factory=set)

    @classmethod
    def of(
        cls,
        connection: Connection,
        company: Company,
        links: Links,
        pairs: Pairs,
        rows: Sequence[Row[Any]],
        gone: set[int],
        now: datetime,
    ) -> Self:
        """Return what may have crossed on the days of records."""
        days = {row.day for row in rows if row.day}
        crossed = Crossed(connection, company, links, days, now)
        return cls(connection, company.id, pairs, crossed, gone)

    def join(
        self, row: Row[Any], action: Action, leave: Collection[int], now: datetime
    ) -> bool:
        """Join what stands on each side; tell whether there was such a one."""
        side = lost_side(action)
        stone = tombstones.of_side(row, side)
        if stone is None or stone.word is Word.STAYS:
            return False
        step, other = self.crossed.beside(
            row,
            side,
            self.pairs.words,
            without={*leave, *self.gone, *self._used},
            busy=self._busy,
        )
        if step is Step.WAIT and other is not None:
            self._waits[row.id] = other
        if step is not Step.JOIN or other is None:
            return False
        self._withdraw(other, now)
        here, there = (row, other) if side == "mosaic" else (other, row)
        apart.stand_together(self.connection, here, there, now)
        # The other one is due, and planned with the next ones as it is now.
        self.gone.add(other.id)
        self._used.add(row.id)
        return True

    def waits(self, row: Row[Any], action: Action, now: datetime) -> Action | None:
        """Hold a deletion until it is known what becomes of the equal one."""
        other = self._waits.get(row.id)
        if other is None or action.do not in {Do.DEL, Do.DELETE}:
            return None
        reason = _ANOTHER.format(f"{self.company_id}-{other.id}")
        return Action(Do.NOTHING, reason, until=now + _NEXT_READING)

    def carried(self, row: Row[Any], action: Action) -> Row[Any] | None:
        """Return the equal one whose deletion was carried over already."""
        step, other = self.crossed.beside(
            row, lost_side(action), self.pairs.words, without=self.gone | self._used
        )
        return other if step is Step.ASK else None

    def _busy(self, rows: list[Row[Any]]) -> set[int]:
        """Return of which records something is on its way, or nobody knows."""
        ids = [row.id for row in rows]
        jobs = time_jobs.open_of(self.connection, self.company_id, ids)
        doubted = {
            one for one, mine in jobs.items() if any(job.in_doubt for job in mine)
        }
        calls = {one.id for one in rows if (one.waits_for or "").startswith("call:")}
        free = {one.id for one in self.pairs.resting(rows)}
        return (set(ids) - free) | doubted | calls

    def _withdraw(self, other: Row[Any], now: datetime) -> None:
        """Take back what waits to be done in QuickBooks about the other one."""
        jobs = time_jobs.open_of(self.connection, self.company_id, [other.id])
        time_jobs.withdraw(
            self.connection, jobs.get(other.id, []), "Planned anew.", now
        )
