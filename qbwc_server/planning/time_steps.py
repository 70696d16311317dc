"""One step for one time entry: planned, and kept as a write to one of the two sides.

Rule 1: a record has at most one write on its way, to either side. While its outcome is
open the record is not planned.
Rule 2: a write to QuickBooks that has not left yet is replaced by what is planned now.
Rule 3: before an entry is made on a side, that side was read down to its day, and what
it has there already is joined instead of made twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.companies.team import time_claims
from qbwc_server.delivery import outbox
from qbwc_server.delivery.sending import Step
from qbwc_server.jobs.queue import Job
from qbwc_server.keys import Keys
from qbwc_server.kinds import time_entry
from qbwc_server.kinds import time_plan as plans
from qbwc_server.kinds.list_plan import Choice
from qbwc_server.kinds.restored import OPEN
from qbwc_server.kinds.time_entry import NAME
from qbwc_server.kinds.two_way import (
    IN_MOSAIC,
    IN_QUICKBOOKS,
    Action,
    Do,
    agreed_after,
)
from qbwc_server.planning import (
    time_asked,
    time_copies,
    time_doubts,
    time_facts,
    time_waits,
    used_words,
)
from qbwc_server.planning.counterparts import late_changes
from qbwc_server.planning.counterparts.crossing import Crossing
from qbwc_server.planning.counterparts.finding import Counterparts
from qbwc_server.planning.counterparts.joins import join, note_all_known
from qbwc_server.planning.counterparts.pairs import Pairs
from qbwc_server.planning.counterparts.places import Places
from qbwc_server.planning.counterparts.readings import Readings
from qbwc_server.planning.time_files import TeamFiles
from qbwc_server.planning.time_gone import Gone
from qbwc_server.planning.time_rests import Rests
from qbwc_server.planning.time_waits import Waits
from qbwc_server.quickbooks import time_jobs
from qbwc_server.records import history, restored, transitions, unread
from qbwc_server.records.references import Links
from qbwc_server.storage import tables

_RECORD = tables.record


class TimeSteps:
    """Plans time entries of one company.

    `settle` is how long an answer of Mosaic may stay out before it is looked for;
    `window_days` how far back entries made in Mosaic are sent to QuickBooks, and
    `history_years` how far back both sides are read at first.
    """

    def __init__(
        self,
        company_id: int,
        keys: Keys,
        *,
        clock: Callable[[], datetime],
        settle: timedelta,
        window_days: int,
        history_years: int,
    ) -> None:
        self._company_id = company_id
        self._keys = keys
        self._clock = clock
        self._settle = settle
        self._window = timedelta(days=window_days)
        self._history = timedelta(days=365 * history_years)

    def plan(self, connection: Connection, record_ids: Sequence[int]) -> list[Step]:
        """Plan records; do what needs no Mosaic here, and keep and return the writes.

        What is asked of the database for all is asked once.
        """
        company = registry.get(connection, self._company_id)
        now = self._clock()
        oldest = (now - self._window).date().isoformat()
        rests = Rests(company.id)
        rows = self._readable(
            connection, self._due(connection, record_ids, now), rests, now
        )
        ids = [row.id for row in rows]
        open_calls = outbox.records_with_open_calls(connection, company.id, ids)
        jobs = time_jobs.open_of(connection, company.id, ids)
        links = Links(connection, company)
        links.prepare(rows)
        files = None
        if company.time_claims != time_claims.NONE:
            files = TeamFiles(connection, company, rows, self._keys, now)
        pairs = Pairs(connection, company.id, links, rows, files)
        places = Places(connection, company.id, links, pairs, now)
        gave_up = outbox.records_given_up(connection, company.id, ids)
        joined: set[int] = set()
        rules = time_facts.rules_of(company)
        crossing = Crossing.of(connection, company, links, pairs, rows, joined, now)
        batch = _Batch(
            company,
            links,
            rests,
            pairs,
            places,
            Counterparts(
                connection,
                company.id,
                pairs,
                places,
                crossing,
                restored.missing_on(
                    connection, company.id, {row.day for row in rows if row.day}
                ),
                note_all_known(connection, company, self._history, now),
                joined,
                Readings.of(connection, company.id, self._window, pairs.words, now),
            ),
            time_doubts.doubted(connection, company.id),
            Gone(connection, company, links, rules, now, oldest, crossing),
            Waits(
                connection,
                company,
                self._window,
                self._history,
                gave_up,
                now,
                time_waits.moved_beyond(connection, company.id, rows, oldest),
            ),
            files,
            joined,
        )
        for row in rows:
            if row.id in batch.joined:
                continue
            mine = jobs.get(row.id, [])
            doubtful = next((job.reason for job in mine if job.in_doubt), None)
            if (
                row.id in open_calls
                or any(job.state in {"sent", "unsure"} for job in mine)
                or (
                    row.mosaic_id is not None
                    and (row.waits_for or "").startswith("call:")
                )
            ):
                batch.rests.leave(row.id)
            elif doubtful is not None:
                # Another write could be the second one: a person looks first.
                state = "do_not_link" if row.choice == Choice.NONE else "refused"
                batch.rests.take(row, Action(Do.NOTHING, doubtful, state))
            elif batch.counterparts.typed_again(row, now):
                time_jobs.withdraw(connection, mine, "Planned anew.", now)
            else:
                self._plan(connection, batch, row, mine)
        batch.rests.keep(connection, now)
        if batch.files is not None:
            making = {a.fields["person"] for _, a in batch.writes if a.do is Do.CREATE}
            batch.files.keep(making, now)
        return self._keep(connection, batch.writes, now)

    def _readable(
        self,
        connection: Connection,
        rows: Sequence[Row[Any]],
        rests: Rests,
        now: datetime,
    ) -> list[Row[Any]]:
        """Return the records that can be planned.

        Of the others nobody knows what QuickBooks has: they rest, and what waits to be
        written about them is taken back.
        """
        resting = [row for row in rows if row.unread is not None]
        if not resting:
            return list(rows)
        jobs = time_jobs.open_of(
            connection, self._company_id, [row.id for row in resting]
        )
        for row in resting:
            mine = [
                job
                for job in jobs.get(row.id, [])
                if job.state not in {"sent", "unsure"} and not job.in_doubt
            ]
            time_jobs.withdraw(connection, mine, unread.UNREAD, now)
            if row.choice == Choice.NONE:
                rests.leave(row.id)
            else:
                reason = unread.reason_of(row.unread)
                rests.take(row, Action(Do.NOTHING, reason, "refused"))
        return [row for row in rows if row.unread is None]

    def _plan(
        self,
        connection: Connection,
        batch: _Batch,
        row: Row[Any],
        jobs: list[Job],
    ) -> None:
        now = self._clock()
        if row.choice == Choice.NONE and row.restored not in OPEN:
            action = Action(Do.NOTHING, row.reason, "do_not_link")
        else:
            row, stop = self._of_this_file(connection, batch, row)
            if stop is None:
                changed, stop = batch.gone.back(row)
                row = self._row(connection, row.id) if changed else row
            if stop is None:
                row, action = self._decide(connection, batch, row)
                if batch.files is not None:
                    batch.files.linked(row)
            else:
                action = stop
        if action.do in IN_QUICKBOOKS:
            to = batch.company, row, action
            time_jobs.enqueue(connection, *to, jobs, batch.links, now)
            return
        time_jobs.withdraw(connection, jobs, "Planned anew.", now)
        if batch.files is not None and row.id in batch.files.not_ours:
            return
        if action.do in IN_MOSAIC:
            batch.writes.append((row, action))
        else:
            batch.rests.take(row, action)

    def _of_this_file(
        self, connection: Connection, batch: _Batch, row: Row[Any]
    ) -> tuple[Row[Any], Action | None]:
        """Return why another company file of the team keeps a record from its plan.

        The record comes back joined where it was this file's before.
        """
        if batch.files is None:
            return row, None
        if batch.files.let_go(row, self._clock()):
            row = self._row(connection, row.id)
        before, wait = batch.files.own_again(row)
        if before is not None:
            join(connection, row, before, self._clock())
            batch.joined.add(before.id)
            row = self._row(connection, row.id)
        return row, wait or batch.files.stops(row)

    def _due(
        self, connection: Connection, record_ids: Sequence[int], now: datetime
    ) -> list[Row[Any]]:
        """Return those of the records that are due, in the order of the ids."""
        rows = connection.execute(
            sa.select(_RECORD).where(
                _RECORD.c.company_id == self._company_id,
                _RECORD.c.id.in_(record_ids),
                _RECORD.c.due_at <= now,
            )
        ).all()
        place = {record_id: number for number, record_id in enumerate(record_ids)}
        return sorted(rows, key=lambda row: place[row.id])

    def _decide(
        self, connection: Connection, batch: _Batch, row: Row[Any]
    ) -> tuple[Row[Any], Action]:
        """Return the next step, and the record as it is then.

        What both sides have is agreed on here; what only seems to be missing is joined.
        """
        company, links, now = batch.company, batch.links, self._clock()
        while True:
            late = late_changes.of(connection, row, now)
            entry = time_facts.entry_of(company, row, links, late)
            rules = time_facts.rules_of(company)
            action = plans.plan(entry, replace(rules, held=None))
            if action.do is Do.AGREE:
                agreed = agreed_after(row.agreed, action.basis, row.mosaic, "mosaic")
                transitions.agree(connection, self._company_id, row.id, agreed)
            else:
                leave = {one.id for one, _ in batch.writes}
                if not batch.counterparts.find(
                    row, entry, action, leave=leave, now=now
                ):
                    break
            row = self._row(connection, row.id)
        if used_words.taken_away(connection, row, entry, self._clock()):
            row = self._row(connection, row.id)
        if rules.held is not None:
            action = plans.plan(entry, rules)
        wait = batch.counterparts.waits(row, action, now)
        wait = wait or batch.gone.missing(row, entry, action)
        wait = wait or batch.places.may_take(row, entry, action)
        wait = wait or batch.waits.for_reading(row, action)
        wait = wait or time_doubts.held(batch.doubted, row, action)
        if row.day in batch.pairs.days:
            wait = wait or time_doubts.held_in_mosaic(
                connection, row, entry, action, batch.pairs.words
            )
        wait = wait or time_asked.held(
            connection, batch.pairs.words_for(row, action, now), row, action
        )
        wait = wait or time_copies.held(
            connection, company, row, entry, action, links, batch.files
        )
        wait = wait or batch.waits.for_a_person(row, action)
        return row, wait or batch.waits.beyond(row, action)

    def _keep(
        self,
        connection: Connection,
        planned: list[tuple[Row[Any], Action]],
        now: datetime,
    ) -> list[Step]:
        """Keep writes to Mosaic as calls before they leave."""
        writes = [_write(row, action) for row, action in planned]
        calls = outbox.begin(
            connection, self._company_id, writes, now=now, settle=self._settle
        )
        before = [
            history.Happened(
                row.id,
                f"{write.operation} asked for in Mosaic",
                "plan",
                {"before": row.mosaic, "sent": write.fields},
            )
            for (row, _), write in zip(planned, writes, strict=True)
            if write.mosaic_id is not None
        ]
        history.events(connection, self._company_id, before, at=now)
        for row, action in planned:
            if action.lost:
                kept = time_jobs.conflict(row.conflict, action)
                transitions.keep_conflict(connection, row.company_id, row.id, kept)
        return [
            Step(
                call_id,
                ref,
                write.operation,
                NAME,
                write.mosaic_id,
                dict(write.fields),
            )
            for (call_id, ref), write in zip(calls, writes, strict=True)
        ]

    def _row(self, connection: Connection, record_id: int) -> Row[Any]:
        return connection.execute(
            sa.select(_RECORD).where(
                _RECORD.c.company_id == self._company_id, _RECORD.c.id == record_id
            )
        ).one()


@dataclass(slots=True)
class _Batch:
    """What the records that are planned together share.

    `joined` are those that are gone because they were joined with another.
    """

    company: Company
    links: Links
    rests: Rests
    pairs: Pairs
    places: Places
    counterparts: Counterparts
    doubted: list[Job]
    gone: Gone
    waits: Waits
    files: TeamFiles | None
    """Where the team has several company files: what is whose."""
    joined: set[int]
    writes: list[tuple[Row[Any], Action]] = field(default_factory=list)
    """What is to be written to Mosaic when all are planned."""


def _write(row: Row[Any], action: Action) -> outbox.New:
    new = action.do is Do.CREATE
    return outbox.New(
        operation=action.do.value,
        data_type=NAME,
        record_id=row.id,
        mosaic_id=None if new else row.mosaic_id,
        fields=time_entry.mosaic_fields(action.fields),
        key=time_entry.content_key(action.fields) if new else "",
        reason=action.reason,
        basis=action.basis,
    )
