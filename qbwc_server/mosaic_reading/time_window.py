"""Reading time from Mosaic: once all of it, then a window of days again and again.

Mosaic has no "what changed since". The first time everything is read, the newest year
first and one year in a pass, so that other work goes on between. Then the last days are
read often and a longer window now and then.

Rule 1: a range counts as read only when the list ended by itself.
Rule 2: an entry is gone when two complete reads of its day, or a callback, missed it,
and Mosaic, asked for just that entry, does not show it either.
Rule 3: many gone at once need a person's word: an emptied team looks just like that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from qbwc_server.companies import attention, copied, registry
from qbwc_server.companies.registry import Company
from qbwc_server.companies.team import time_claims
from qbwc_server.kinds import time_entry
from qbwc_server.kinds.gate import Reading
from qbwc_server.kinds.tombstone import Word
from qbwc_server.mosaic_reading import lately, missed, time_mosaic
from qbwc_server.mosaic_reading.time_mosaic import believed_there
from qbwc_server.mosaic_reading.time_questions import Lists, TimeQuestions
from qbwc_server.quickbooks.list_answers import too_many
from qbwc_server.records import due, time_of_mosaic, tombstones, waiting
from qbwc_server.records.one_or_two import joined
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction

WAITS_FOR_MOSAIC = "time:mosaic"
"""What records wait for whose day was not read from Mosaic yet."""

_RECORD = tables.record
_READING = tables.reading
_CHUNK = 500
_MISSES = 2
_A_YEAR = 365
_LAST = "9999-12-31"


@dataclass(frozen=True, slots=True)
class Window:
    """The settings: which days are read, and how often."""

    history: timedelta
    days: timedelta
    every: timedelta
    hot_days: timedelta
    hot_every: timedelta

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the window of the settings."""
        return cls(
            history=timedelta(days=settings.time_history_years * _A_YEAR),
            days=timedelta(days=settings.time_window_days),
            every=timedelta(minutes=settings.time_window_minutes),
            hot_days=timedelta(days=settings.time_hot_days),
            hot_every=timedelta(minutes=settings.time_hot_minutes),
        )

    def next_at(self, company: Company, now: datetime) -> datetime | None:
        """Return when time is to be read next; None if it is not."""
        if company.mode == "paused" or company.mosaic_key is None:
            return None
        if self.older(company, now) is not None:
            return now
        moments = [_moment(company.time_window_at, self.every, now)]
        if company.two_way:
            moments.append(_moment(company.time_hot_at, self.hot_every, now))
        return min(moments)

    def is_ahead(self, company: Company, now: datetime) -> bool:
        """Tell whether the next readings were set by a clock that was ahead."""
        moments = (
            (company.time_window_at, self.every),
            (company.time_hot_at, self.hot_every),
        )
        return any(at is not None and at > now + every for at, every in moments)

    def older(self, company: Company, now: datetime) -> tuple[date, date | None] | None:
        """Return the next range of days of the first read; None if it is complete."""
        today = now.date()
        oldest = today - self.history
        if company.mosaic_time_from is None:
            return max(today - timedelta(days=_A_YEAR), oldest), None
        reached = date.fromisoformat(company.mosaic_time_from)
        if reached <= oldest:
            return None
        first = max(reached - timedelta(days=_A_YEAR), oldest)
        return first, reached - timedelta(days=1)


class TimeReader:
    """Reads one company's time from Mosaic.

    `patient` is entered around reads that are of use only when they come to their end;
    `alive` is called between them and raises when another worker has the company.
    """

    def __init__(
        self,
        engine: Engine,
        company_id: int,
        lists: Lists,
        window: Window,
        *,
        clock: Callable[[], datetime],
        alive: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._company_id = company_id
        self._lists = lists
        self._window = window
        self._clock = clock
        self._alive = alive
        self.questions = TimeQuestions(engine, company_id, lists, alive=alive)

    def read_due(self) -> None:
        """Read what is due: the last days, the window, or one range of the first read.

        Raises:
            MosaicError, BudgetSpent: it could not be read to its end.
        """
        with self._transaction() as connection:
            company = registry.get(connection, self._company_id)
        now, window = self._clock(), self._window
        due = window.next_at(company, now)
        if due is None or due > now or self.read_again():
            return
        older = window.older(company, now)
        if older is not None:
            self._read_older(*older, now)

    def read_again(self) -> bool:
        """Read the last days or the window if they are due; tell whether that was so.

        Raises:
            MosaicError, BudgetSpent: it could not be read to its end.
        """
        with self._transaction() as connection:
            company = registry.get(connection, self._company_id)
        now, window = self._clock(), self._window
        if company.mosaic_time_from is None:
            return False
        if _moment(company.time_window_at, window.every, now) <= now:
            self.read_last(window.days, now, ("time_window_at", "time_hot_at"))
            return True
        hot_at = _moment(company.time_hot_at, window.hot_every, now)
        if company.two_way and hot_at <= now:
            self.read_last(window.hot_days, now, ("time_hot_at",))
            return True
        return False

    def read_last(self, days: timedelta, now: datetime, then: tuple[str, ...]) -> None:
        """Read the last days, and whatever lies ahead; `then` are the moments it moves.

        Raises:
            MosaicError, BudgetSpent: it could not be read to its end.
        """
        first = now.date() - days
        gone = self.read_range(first, None)
        next_at = {
            "time_window_at": now + self._window.every,
            "time_hot_at": now + self._window.hot_every,
        }
        with self._transaction() as connection:
            registry.change(
                connection, self._company_id, **{name: next_at[name] for name in then}
            )
        self.ask_gone(gone, first=first)

    def _read_older(self, first: date, last: date | None, now: datetime) -> None:
        self.read_range(first, last)
        with self._transaction() as connection:
            values: dict[str, object] = {"mosaic_time_from": first.isoformat()}
            if last is None:
                values |= {
                    "time_window_at": now + self._window.every,
                    "time_hot_at": now + self._window.hot_every,
                }
            registry.change(connection, self._company_id, **values)
            company = registry.get(connection, self._company_id)
            if self._window.older(company, now) is None:
                copied.was_read(connection, company, "mosaic")
            waiting.wake_from(
                connection,
                self._company_id,
                WAITS_FOR_MOSAIC,
                first.isoformat(),
                self._clock(),
            )

    def read_range(
        self, first: date, last: date | None, members: frozenset[int] | None = None
    ) -> list[int]:
        """Read a range of days; return which entries it missed often enough.

        Of some `members` only it tells nothing about what is gone.
        """
        self._alive()
        with self._transaction() as connection:
            links = time_claims.links(connection, self._company_id)
        begun_at = self._clock()
        filters: dict[str, Any] = {"start_date": first}
        if last is not None:
            filters["end_date"] = last
        if members is not None:
            filters["member_ids"] = sorted(members)
        shown: set[int] = set()
        for part in _chunks(self._lists.read(time_entry.NAME, **filters), _CHUNK):
            shown |= {body["mosaic_id"] for body in part}
            self._keep(part)
            self._alive()
        since, until = first.isoformat(), _LAST if last is None else last.isoformat()
        read = Reading(since, until, begun_at, members)
        with self._transaction() as connection:
            lately.keep(connection, self._company_id, read, self._clock(), links)
            if members is not None:
                return []
            found = missed.count(connection, self._company_id, read, shown, _MISSES)
            joined.stood(
                connection, self._company_id, "mosaic", begun_at, (since, until)
            )
            return found

    def ask(self, mosaic_ids: Iterable[int]) -> set[int]:
        """Ask for entries by their numbers and keep them; return which are there."""
        found = self.questions.ask(mosaic_ids)
        self._keep(list(found.bodies.values()))
        return set(found.bodies)

    def ask_gone(
        self, mosaic_ids: Iterable[int], *, first: date | None = None, by: str = "list"
    ) -> set[int]:
        """Ask for entries that seem to be gone, and mark those that are.

        `first` is the first day of the range that missed them. Returns those of which
        Mosaic did not say whether they are there.
        """
        with self._transaction() as connection:
            stopped = self._is_stopped(connection, first)
            accepted = _accepted(connection, self._company_id)
            asked = set(mosaic_ids)
            if accepted:
                asked |= set(missed.often(connection, self._company_id, _MISSES))
        if stopped:
            return set()  # they are asked for when a person has spoken
        found = self.questions.ask(asked)
        self._keep(list(found.bodies.values()))
        gone, lost = found.absent, found.absent | found.unsure
        if accepted:
            gone = gone | found.refused
        with self._transaction() as connection:
            # Where Mosaic has nothing else, nothing witnesses a refusal. What only it
            # had takes nothing along when it goes, and is known again when it is shown.
            gone = gone | missed.only_in_mosaic(
                connection, self._company_id, found.refused
            )
            known = _known(connection, self._company_id, first)
            # What cannot be told now counts too: found out a few in each pass, an
            # emptied team would never seem to lose many at once.
            if lost and not accepted and too_many(len(lost), known):
                # They are found by `missed.often` once a person has spoken.
                time_of_mosaic.count_as_missed(
                    connection, self._company_id, lost, _MISSES
                )
                attention.attend(
                    connection,
                    self._company_id,
                    error_id=attention.GONE_IN_MOSAIC,
                    text=f"{len(lost)} of {known} time entries are no longer in "
                    "Mosaic. Nothing was removed from QuickBooks. If that is right, "
                    "say so on the setup page.",
                    now=self._clock(),
                )
                return set()
            time_mosaic.mark_gone(
                connection,
                self._company_id,
                gone,
                by=by,
                now=self._clock(),
                word=Word.DELETED if accepted else None,
            )
            if accepted and gone == lost:
                connection.execute(
                    _READING.update()
                    .where(_accepting(self._company_id))
                    .values(deletions_accepted=False)
                )
        return lost - gone

    def _is_stopped(self, connection: Connection, first: date | None) -> bool:
        """Tell whether a person is asked about what is gone, and ask no longer.

        That is so where a reading from `first` on shows again what was missed.
        """
        reason, company_id = attention.GONE_IN_MOSAIC, self._company_id
        if first is None or not attention.stands(connection, company_id, reason):
            return attention.stands(connection, company_id, reason)
        still = missed.often(connection, company_id, _MISSES)
        if too_many(len(still), _known(connection, company_id, first)):
            return True
        attention.over(connection, company_id, reason, now=self._clock())
        due.look_at_all(connection, company_id, self._clock())
        return False

    def look_again(self) -> None:
        """Ask for the numbers of entries that were not shown for a day.

        Raises:
            MosaicError, BudgetSpent: Mosaic cannot be asked now.
        """
        with self._transaction() as connection:
            due = tombstones.to_be_asked_for(
                connection, self._company_id, self._clock(), _CHUNK
            )
        if not due:
            return
        found = self.questions.ask(due)
        self._keep(list(found.bodies.values()))
        with self._transaction() as connection:
            absent = [due[one] for one in due if one in found.absent]
            tombstones.note_asked(connection, self._company_id, absent, self._clock())

    def _keep(self, bodies: list[dict[str, Any]]) -> None:
        with self._transaction() as connection:
            time_mosaic.keep_mosaic(
                connection, self._company_id, bodies, now=self._clock()
            )

    def _transaction(self) -> Any:
        return company_transaction(self._engine, self._company_id)


def _moment(at: datetime | None, every: timedelta, now: datetime) -> datetime:
    """Return when a read is due; one further ahead than any is a wrong clock's."""
    return now if at is None or at > now + every else at


def _known(connection: Connection, company_id: int, first: date | None) -> int:
    """Return how many entries Mosaic is believed to have, from a day on."""
    counted = sa.select(sa.func.count()).select_from(_RECORD)
    counted = counted.where(*believed_there(company_id))
    if first is not None:
        counted = counted.where(_RECORD.c.day >= first.isoformat())
    found: int = connection.execute(counted).scalar_one()
    return found


def _accepting(company_id: int) -> sa.ColumnElement[bool]:
    return (_READING.c.company_id == company_id) & (
        _READING.c.kind == registry.MOSAIC_TIME
    )


def _accepted(connection: Connection, company_id: int) -> bool:
    said = connection.execute(
        sa.select(_READING.c.deletions_accepted).where(_accepting(company_id))
    ).scalar()
    return bool(said)


def _chunks(items: Iterator[Any], size: int) -> Iterator[list[Any]]:
    part: list[Any] = []
    for one in items:
        part.append(one)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part
