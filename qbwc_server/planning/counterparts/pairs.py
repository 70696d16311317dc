"""Finds for an entry that one side has alone the same one that the other has alone.

All that both sides have alone of a person and day are paired at once, so that of
several equal ones each gets its own, whichever is planned first. `identity` says which
are one; here is only gathered what it has to know.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.jobs import queue
from qbwc_server.kinds import identity
from qbwc_server.kinds.identity import Word, Words
from qbwc_server.kinds.restored import NOT_THERE
from qbwc_server.kinds.time_entry import CLOCKS_DIFFER, NAME
from qbwc_server.kinds.tombstone import Side
from qbwc_server.kinds.two_way import Action, Do
from qbwc_server.planning.time_files import TeamFiles
from qbwc_server.records.choices import takes_part
from qbwc_server.records.one_or_two import meanwhile, said
from qbwc_server.records.references import Links
from qbwc_server.storage import tables

_RECORD, _JOB, _CALL = tables.record, tables.job, tables.mosaic_call


class Pairs:
    """The entries that each side has alone, for records that are planned together.

    What it has read stays true while they are planned: whatever is joined leaves with
    its partner.
    """

    def __init__(
        self,
        connection: Connection,
        company_id: int,
        links: Links,
        rows: Sequence[Row[Any]],
        files: TeamFiles | None,
    ) -> None:
        self._connection = connection
        self._company_id = company_id
        self._links = links
        self._files = files
        self._partners: dict[tuple[str, str, int], dict[int, Row[Any]]] = {}
        self._of_days: dict[str, list[Row[Any]]] = {}
        self._alone = [row for row in rows if row.quickbooks_id is None]
        self._missed: list[Row[Any]] | None = None
        self._planned_days = {row.day for row in rows if row.day}
        self._here: set[str] | None = None
        self.days = set(
            connection.execute(
                sa.select(_RECORD.c.day)
                .where(
                    _RECORD.c.company_id == company_id,
                    _RECORD.c.quickbooks_id.is_(None),
                    _RECORD.c.mosaic_id.is_not(None),
                    _RECORD.c.day.in_(sorted(self._planned_days)),
                )
                .distinct()
            ).scalars()
        )
        ids = [row.quickbooks_id for row in rows if row.quickbooks_id]
        numbers = [row.mosaic_id for row in rows if row.mosaic_id]
        self.words = said.words_of(
            connection, company_id, quickbooks_ids=ids, mosaic_ids=numbers
        )
        ones = [pair for pair, word in self.words.items() if word is Word.ONE]
        self._called_one = {one for pair in ones for one in pair}

    def partner(self, row: Row[Any], person: str, member: int) -> Row[Any] | None:
        """Return the record that is the same entry, on the other side alone.

        `person` is whose time it is in QuickBooks, `member` in Mosaic.
        """
        named = {row.quickbooks_id, row.mosaic_id} & self._called_one
        if row.quickbooks_id and row.day not in self.days and not named:
            return None
        key = (row.day, person, member)
        if key not in self._partners:
            self._partners[key] = self._paired(*key)
        return self._partners[key].get(row.id)

    def beside(
        self, row: Row[Any], person: str, member: int
    ) -> Iterator[tuple[Row[Any], Row[Any]]]:
        """Give the pairs of which an entry without a partner is as like as their own.

        Should one of the two be gone by now, it is the partner of the other.
        """
        partners = self._partners.get((row.day, person, member), {})
        of_mosaic = row.quickbooks_id is None
        for one in partners.values():
            if (one.quickbooks_id is None) is of_mosaic:
                continue
            here, there = (one, row) if of_mosaic else (row, one)
            facing = self._links.facing(here.quickbooks)
            if identity.likeness(facing, there.mosaic):
                yield one, partners[one.id]

    def only_in_mosaic(self, day: str, member: int) -> list[Row[Any]]:
        """Return what Mosaic alone has of a person and day, and is not on its way."""
        there = [one for one in self._in_mosaic(day) if one.mosaic["person"] == member]
        return self.resting(there)

    def only_in_quickbooks(self, day: str, person: str) -> list[Row[Any]]:
        """Return what QuickBooks alone has of a person and day, not on its way."""
        return self.resting(self._in_quickbooks(day, person))

    def words_for(self, row: Row[Any], action: Action, now: datetime) -> Words:
        """Return what was said of entries, and what is asked from now on.

        What would be added to QuickBooks was joined with nothing there; still it may be
        what was sent to Mosaic and missed. That may have been edited or deleted since
        the entry was read, or an equal one was taken for it.
        """
        if action.do is not Do.ADD or row.quickbooks_id is not None:
            return self.words
        if self._missed is None:
            self._missed = meanwhile.missed_before(
                self._connection, self._company_id, self._alone, now
            )
        # What was there when it was looked for is another one.
        made = row.mosaic_created_at or now
        missed = [it for it in self._missed if made >= it.settled_at - CLOCKS_DIFFER]
        late = meanwhile.late_pairs(missed, row, now) - self.words.keys()
        meanwhile.ask(self._connection, self._company_id, late, now)
        return {**self.words, **dict.fromkeys(late, Word.ASKED)} if late else self.words

    def asked_beside(self, row: Row[Any], side: Side) -> Row[Any] | None:
        """Return what a side has beside what that side lost, and is asked about.

        A person was to say whether it is the same as what is deleted there now.
        """
        mine, its = "quickbooks_id", "mosaic_id"
        if side == "quickbooks":
            mine, its = its, mine
        at = 0 if its == "quickbooks_id" else 1
        ids = {
            pair[at]
            for pair, word in self.words.items()
            if word is Word.ASKED and pair[1 - at] == getattr(row, mine)
        }
        there = {one.id: one for one in self.resting(self._with([], its, ids))}
        if side == "mosaic":
            entry = self._links.facing(row.quickbooks)
            others = {key: one.mosaic for key, one in there.items()}
        else:
            entry = row.mosaic
            others = {
                key: self._links.facing(one.quickbooks) for key, one in there.items()
            }
        found = self.same(entry, others)
        return None if found is None else there[found]

    @staticmethod
    def same(
        entry: Mapping[str, Any], others: Mapping[int, Mapping[str, Any]]
    ) -> int | None:
        """Return which of some entries is the same as one, all in one side's terms."""
        found = identity.pairs({"": entry}, others, {})
        return found.get("")

    def _paired(self, day: str, person: str, member: int) -> dict[int, Row[Any]]:
        here = self._in_quickbooks(day, person)
        if self._files is not None and here:
            coming_back = self._files.coming_back(here)
            here = [one for one in here if one.id not in coming_back]
        if not here and not self._called_one:
            return {}
        there = [one for one in self._in_mosaic(day) if one.mosaic["person"] == member]
        if not there and not self._called_one:
            return {}
        words = said.words_of(
            self._connection,
            self._company_id,
            quickbooks_ids=[one.quickbooks_id for one in here],
            mosaic_ids=[one.mosaic_id for one in there],
        )
        ones = {pair for pair, word in words.items() if word is Word.ONE}
        if ones:
            # Whom a person called one may be of different days.
            here = self._with(here, "quickbooks_id", {txn_id for txn_id, _ in ones})
            there = self._with(there, "mosaic_id", {number for _, number in ones})
        resting = self.resting([*here, *there])
        mine = {one.quickbooks_id: one for one in resting if one.quickbooks_id}
        theirs = {one.mosaic_id: one for one in resting if not one.quickbooks_id}
        found = identity.pairs(
            {key: self._links.facing(one.quickbooks) for key, one in mine.items()},
            {key: one.mosaic for key, one in theirs.items()},
            words,
        )
        # While links are made anew a job may lead nowhere, or elsewhere, and the
        # project that it had still lead to it: added, it would be there twice.
        left = {key: one for key, one in mine.items() if key not in found}
        taken = set(found.values())
        found |= identity.pairs(
            {key: one.quickbooks for key, one in left.items()},
            {
                key: self._links.back(one.mosaic)
                for key, one in theirs.items()
                if left and key not in taken
            },
            words,
        )
        partners: dict[int, Row[Any]] = {}
        for txn_id, number in found.items():
            partners[mine[txn_id].id] = theirs[number]
            partners[theirs[number].id] = mine[txn_id]
        return partners

    def _in_mosaic(self, day: str) -> list[Row[Any]]:
        if day not in self._of_days:
            rows = self._rows(_in_mosaic(), day=day)
            self._of_days[day] = self._of_this_file(rows, {day})
        return self._of_days[day]

    def _with(
        self, rows: list[Row[Any]], column: str, ids: Collection[Any]
    ) -> list[Row[Any]]:
        """Return rows with those of some ids that are not among them."""
        left = set(ids) - {getattr(row, column) for row in rows}
        if not left:
            return rows
        of_mosaic = column == "mosaic_id"
        alone = _only_in_mosaic() if of_mosaic else _only_in_quickbooks()
        more = self._rows(_alone(_RECORD.c[column].in_(sorted(left)), *alone))
        if of_mosaic:
            days = {one.day for one in more}
            more = self._of_this_file(more, days, also_asked=True)
        return rows + more

    def _of_this_file(
        self, rows: list[Row[Any]], days: set[str], *, also_asked: bool = False
    ) -> list[Row[Any]]:
        if self._files is None or not rows:
            return rows
        others = self._files.others_on(days, also_asked=also_asked)
        return [one for one in rows if one.mosaic_id not in others]

    def resting(self, rows: list[Row[Any]]) -> list[Row[Any]]:
        """Leave out what is about to get a counterpart of its own."""
        ids = [row.id for row in rows]
        if not ids:
            return rows
        calls = self._connection.execute(
            sa.select(_CALL.c.record_id).where(
                _CALL.c.company_id == self._company_id,
                _CALL.c.record_id.in_(ids),
                _CALL.c.settled_at.is_(None),
            )
        )
        busy = set(calls.scalars()) | {
            job.record_id
            for job in queue.select(
                self._connection,
                self._company_id,
                _JOB.c.record_id.in_(ids),
                _JOB.c.state.in_(("sent", "unsure")),
            )
        }
        return [row for row in rows if row.id not in busy]

    def _in_quickbooks(self, day: str, person: str) -> list[Row[Any]]:
        if day in self._planned_days and day not in self._days_here():
            return []
        return self._rows(_in_quickbooks(), day=day, person=person)

    def _days_here(self) -> set[str]:
        """Return on which of the planned days QuickBooks has anything alone.

        Mostly on none, where what was made in Mosaic goes to QuickBooks.
        """
        if self._here is None:
            days = sa.select(_RECORD.c.day).where(
                _RECORD.c.company_id == self._company_id,
                _RECORD.c.kind == NAME,
                _RECORD.c.day.in_(sorted(self._planned_days)),
                *_only_in_quickbooks(),
            )
            self._here = set(self._connection.execute(days.distinct()).scalars())
        return self._here

    def _rows(self, wanted: sa.Select[Any], **given: object) -> list[Row[Any]]:
        given["company"] = self._company_id
        return list(self._connection.execute(wanted, given))


@cache
def _in_quickbooks() -> sa.Select[Any]:
    of_person = _RECORD.c.parent_id == sa.bindparam("person")
    return _alone(_of_day(), of_person, *_only_in_quickbooks())


@cache
def _in_mosaic() -> sa.Select[Any]:
    return _alone(_of_day(), *_only_in_mosaic())


def _of_day() -> sa.ColumnElement[bool]:
    return _RECORD.c.day == sa.bindparam("day")


def _alone(*conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return (
        sa.select(_RECORD)
        .where(
            _RECORD.c.company_id == sa.bindparam("company"),
            _RECORD.c.kind == NAME,
            *conditions,
        )
        .order_by(_RECORD.c.mosaic_id, _RECORD.c.id)
    )


def _only_in_quickbooks() -> Iterable[sa.ColumnElement[bool]]:
    return (
        _RECORD.c.quickbooks_id.is_not(None),
        _RECORD.c.mosaic_id.is_(None),
        _RECORD.c.quickbooks_gone.is_(False),
        _RECORD.c.unread.is_(None),
        takes_part(),
        ~sa.func.coalesce(_RECORD.c.restored, "").in_(sorted(NOT_THERE)),
    )


def _only_in_mosaic() -> Iterable[sa.ColumnElement[bool]]:
    return (
        _RECORD.c.quickbooks_id.is_(None),
        _RECORD.c.mosaic_id.is_not(None),
        _RECORD.c.mosaic_gone.is_(False),
        takes_part(),
        sa.func.coalesce(_RECORD.c.waits_for, "").not_like("call:%"),
    )
