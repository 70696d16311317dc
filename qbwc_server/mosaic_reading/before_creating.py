"""Reading Mosaic's time anew before entries are made there, as `gate` asks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy.engine import Engine

from qbwc_server.kinds import gate
from qbwc_server.kinds.gate import Reading
from qbwc_server.mosaic_reading import lately
from qbwc_server.mosaic_reading.time_window import TimeReader, Window
from qbwc_server.storage.database import company_reading

_A_YEAR = timedelta(days=364)
_OUT_OF_ORDER = timedelta(days=31)
"""Writes leave by months, the newest first, and one that failed comes again later."""
_HOT: tuple[str, ...] = ("time_hot_at",)
_WHOLE: tuple[str, ...] = ("time_window_at", "time_hot_at")


class BeforeCreating:
    """Reads the days on which entries are about to be made, where that is too long ago.

    A first load takes hours: what people enter in Mosaic meanwhile is seen before it is
    made there a second time.
    """

    def __init__(
        self,
        engine: Engine,
        company_id: int,
        reader: TimeReader,
        window: Window,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._company_id = company_id
        self._reader = reader
        self._window = window
        self._clock = clock
        self._known: list[Reading] | None = None
        """What was read lately, as those that are sent together know it."""

    def read(self, next_ones: Sequence[tuple[str, int]], most: int) -> None:
        """Read what was not read lately.

        Args:
            next_ones: day (YYYY-MM-DD) and member of each entry, the next first.
            most: how many of them are about to be made; a read for them takes the
                people of all and at most a year of their days.

        Raises:
            MosaicError, BudgetSpent: it could not be read to its end.
        """
        whole: set[tuple[str, ...]] = set()
        self._known = None
        while (newest := self._not_read(next_ones[:most])) is not None:
            today, window = self._clock().date(), self._window
            days, then = window.days, _WHOLE
            if newest >= (today - window.hot_days).isoformat():
                days, then = window.hot_days, _HOT
            if newest >= (today - days).isoformat() and then not in whole:
                whole.add(then)
                self._reader.read_last(days, self._clock(), then)
            else:  # or all of it takes so long that it is old when it is read
                self._read_of(newest, next_ones)
            self._known = None

    def were_read(self, made: Sequence[tuple[str, int]]) -> bool:
        """Tell whether entries may be made, which are planned together.

        What was read for those before them may not count any more: something is linked
        otherwise since.
        """
        self._known = None
        return self._not_read(made) is None

    def was_read(self, day: str, member: int) -> bool:
        """Tell whether an entry may be made as far as reading Mosaic goes."""
        if self._not_read([(day, member)]) is None:
            return True
        self._known = None
        return self._not_read([(day, member)]) is None

    def _not_read(self, next_ones: Sequence[tuple[str, int]]) -> str | None:
        """Return the newest day of entries that was not read lately, if any."""
        if self._known is None:
            with company_reading(self._engine, self._company_id) as connection:
                self._known = lately.readings(connection, self._company_id)
        known = self._known
        now, hot_days = self._clock(), self._window.hot_days
        return max(
            (
                day
                for day, member in next_ones
                if not gate.mosaic_was_read(day, member, known, now, hot_days)
            ),
            default=None,
        )

    def _read_of(self, newest: str, next_ones: Sequence[tuple[str, int]]) -> None:
        """Read a day and those before it that are next, of the people of these.

        And some days more, which cost no call: else each that comes after newer days
        were read would be a reading of its own.
        """
        last = date.fromisoformat(newest)
        year = (last + _OUT_OF_ORDER - _A_YEAR).isoformat()
        of_year = [(day, one) for day, one in next_ones if year <= day <= newest]
        first = date.fromisoformat(min(day for day, _ in of_year))
        last = min(last + _OUT_OF_ORDER, self._clock().date())
        members = frozenset(one for _, one in of_year)
        self._reader.read_range(first, last, members)
