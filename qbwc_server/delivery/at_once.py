"""What is known of several writes of time that are settled together.

Where all went as expected, which is nearly always, none of them has to ask for itself.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.kinds.time_entry import NAME
from qbwc_server.records import history
from qbwc_server.records.edits import InMosaic
from qbwc_server.records.history import Happened
from qbwc_server.storage import tables

_RECORD = tables.record


@dataclass(frozen=True, slots=True)
class AtOnce:
    """The records of some writes, by their ids, and what is to be told of them.

    No record has what was made yet, and none waits for it.
    """

    records: dict[int, Row[Any]]
    in_mosaic: InMosaic
    happened: list[Happened] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        connection: Connection,
        company_id: int,
        calls: Sequence[Row[Any]],
        numbers: Collection[int],
        now: datetime,
    ) -> Self | None:
        """Return what is known of calls, of which Mosaic answered with `numbers`.

        None where one of them is not as the others: then each asks for itself.
        """
        ids = {call.record_id for call in calls}
        if len(calls) < 2 or len({len(calls), len(ids), len(numbers)}) > 1:
            return None
        mine = _RECORD.c.company_id == company_id
        beside = sa.union_all(
            sa.select(_RECORD.c.id).where(
                mine, _RECORD.c.waits_for.in_([f"call:{call.id}" for call in calls])
            ),
            sa.select(_RECORD.c.id).where(
                mine,
                _RECORD.c.mosaic_type == NAME,
                _RECORD.c.mosaic_id.in_(sorted(numbers)),
            ),
        )
        if connection.execute(beside.limit(1)).first() is not None:
            return None
        rows = connection.execute(
            sa.select(_RECORD).where(mine, _RECORD.c.id.in_(sorted(ids)))
        )
        found = {row.id: row for row in rows}
        return cls(found, InMosaic(connection, company_id, now))

    def keep(self, connection: Connection, company_id: int, now: datetime) -> None:
        """Write down what happened to the records."""
        history.events(connection, company_id, self.happened, at=now)
