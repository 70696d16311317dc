"""Asks Mosaic for time entries by their numbers, and where that is refused by day."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.kinds import time_entry
from qbwc_server.mosaic.errors import Invalid, NotFound
from qbwc_server.mosaic_reading import by_number, time_mosaic
from qbwc_server.mosaic_reading.by_number import Found
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction

_RECORD = tables.record
_WITNESSES = 3
_MOST_DAYS = 10


class Lists(Protocol):
    """The part of Mosaic's client that reads lists."""

    def read(self, data_type: str, **filters: Any) -> Iterator[dict[str, Any]]:
        """Return every object of a type that the filters leave."""


class TimeQuestions:
    """Questions about one company's time entries; what they find is kept by others.

    `alive` is called before each and raises when another worker has the company.
    """

    def __init__(
        self,
        engine: Engine,
        company_id: int,
        lists: Lists,
        *,
        alive: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._company_id = company_id
        self._lists = lists
        self._alive = alive

    def ask(self, mosaic_ids: Iterable[int]) -> Found:
        """Ask for entries by their numbers, in their days' lists where that fails.

        A refusal of such a question raises nothing: it is no reason to stop the rest.

        Raises:
            MosaicError, BudgetSpent: Mosaic cannot be asked now.
        """
        found = by_number.find(self._numbers, mosaic_ids, self._others)
        for day in self._days(found.unsure):
            found.seen(self._answer(start_date=day, end_date=day) or ())
        return found

    def _numbers(self, mosaic_ids: Sequence[int]) -> list[dict[str, Any]] | None:
        return self._answer(time_entry_ids=list(mosaic_ids))

    def _answer(self, **filters: Any) -> list[dict[str, Any]] | None:
        """Return a list; None if Mosaic refuses what is asked."""
        self._alive()
        try:
            return list(self._lists.read(time_entry.NAME, **filters))
        except (Invalid, NotFound):
            return None

    def _others(self, but: AbstractSet[int]) -> list[int]:
        """Return some entries that Mosaic showed when it was read last."""
        with company_transaction(self._engine, self._company_id) as connection:
            found = connection.execute(
                sa.select(_RECORD.c.mosaic_id)
                .where(
                    *time_mosaic.believed_there(self._company_id),
                    _RECORD.c.misses == 0,
                )
                .order_by(_RECORD.c.day.desc(), _RECORD.c.id.desc())
                .limit(len(but) + _WITNESSES)
            ).scalars()
            return [one for one in found if one not in but][:_WITNESSES]

    def _days(self, mosaic_ids: AbstractSet[int]) -> list[str]:
        """Return the days that entries were on, the newest; no more than are read."""
        if not mosaic_ids:
            return []
        with company_transaction(self._engine, self._company_id) as connection:
            told = time_mosaic.snapshots(connection, self._company_id, mosaic_ids)
        days = {one["date"] for one in told.values() if one}
        return sorted(days, reverse=True)[:_MOST_DAYS]
