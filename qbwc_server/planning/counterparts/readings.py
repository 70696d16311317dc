"""When both sides were read, for entries that are about to be taken for one.

Somebody who typed the same hours on both sides may have deleted one of them again
before it was read. Joined with that, the other one would be deleted, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from sqlalchemy.engine import Connection, Row

from qbwc_server.kinds import gate
from qbwc_server.kinds.gate import Reading
from qbwc_server.kinds.identity import Word, Words
from qbwc_server.kinds.time_entry import NAME
from qbwc_server.mosaic_reading import lately
from qbwc_server.quickbooks import list_requests


@dataclass(frozen=True, slots=True)
class Readings:
    """When QuickBooks' changes and Mosaic's days were last read to the end.

    `deletions` is when QuickBooks was last asked what was deleted: changes alone do not
    tell. `oldest` is the first day on which Mosaic is read again and again: what is
    older is never read once more.
    """

    quickbooks: datetime | None
    deletions: datetime | None
    mosaic: tuple[Reading, ...]
    oldest: str
    words: Words

    @classmethod
    def of(
        cls,
        connection: Connection,
        company_id: int,
        window: timedelta,
        words: Words,
        now: datetime,
    ) -> Self:
        """Return what was read lately of a company."""
        changes, deletions = (
            list_requests.state(connection, company_id, kind)
            for kind in (NAME, list_requests.TIME_DELETIONS)
        )
        return cls(
            None if changes is None else changes.begun_at,
            None if deletions is None else deletions.begun_at,
            tuple(lately.readings(connection, company_id)),
            (now - window).date().isoformat(),
            words,
        )

    def quickbooks_since(self, moment: datetime) -> bool:
        """Tell whether QuickBooks' changes were read since a moment."""
        return self.quickbooks is not None and self.quickbooks >= moment

    def _quickbooks_whole(self) -> datetime | None:
        if self.quickbooks is None or self.deletions is None:
            return None
        return min(self.quickbooks, self.deletions)

    def both_stand(
        self, row: Row[Any], other: Row[Any], first_known_at: datetime | None
    ) -> bool:
        """Tell whether two records, one of each side, may be joined.

        Before all of both sides was known for the first time, what is equal had been on
        both before. Not so after a restored backup: until all is known anew, somebody
        may have deleted one of the two. What a complete read did not show is never
        joined by being equal.
        """
        here, there = (other, row) if row.quickbooks_id is None else (row, other)
        pair = (here.quickbooks_id, there.mosaic_id)
        if self.words.get(pair) is Word.ONE:
            return True
        if there.misses:
            return False
        if first_known_at is None:
            return True
        if max(here.created_at, there.created_at) <= first_known_at:
            return True
        if there.day < self.oldest:
            return True
        shown = [
            one.begun_at
            for one in self.mosaic
            if one.covers(there.mosaic["date"], there.mosaic["person"])
        ]
        return gate.both_stand(
            here.created_at,
            there.created_at,
            here_read=self._quickbooks_whole(),
            there_read=max(shown, default=None),
        )
