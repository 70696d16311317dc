"""One step for one time entry: planned, and kept as a write to one of the two sides.

Rule 1: a record has at most one write on its way, to either side. While its outcome is
open the record is not planned.
Rule 2: a write to QuickBooks that has not left yet is replaced by what is planned now.
Rule 3: before an entry is made on a side, that side was read down to its day, and what
it has there already is joined instead of made twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server import (
    companies,
    models,
    mosaic_calls,
    queue,
    reading,
    records,
    time_jobs,
    two_way,
)
from qbwc_server import time_plan as plans
from qbwc_server.companies import Company
from qbwc_server.kinds import time_entry
from qbwc_server.kinds.time_entry import NAME
from qbwc_server.links import Links
from qbwc_server.qbxml.values import (
    InvalidValue,
    true_offset_minutes,
    wall_datetime,
)
from qbwc_server.sending import Step
from qbwc_server.time_joins import join_before_add, join_before_create
from qbwc_server.two_way import (
    IN_MOSAIC,
    IN_QUICKBOOKS,
    Action,
    Do,
    Entry,
    SideName,
)

_RECORD, _JOB = models.record, models.job
_MOST_TRIES = 3
"""Writes in a row about one record; more means that a side does not do what it says."""
WAITS_FOR_MOSAIC, WAITS_FOR_QUICKBOOKS = "time:mosaic", "time:quickbooks"
_UNCHANGED = ("in_sync", "gone")


class TimeSteps:
    """Plans time entries of one company.

    `settle` is how long an answer of Mosaic may stay out before it is looked for;
    `window_days` how far back entries made in Mosaic are sent to QuickBooks, and
    `history_years` how far back both sides are read at first.
    """

    def __init__(
        self,
        company_id: int,
        *,
        clock: Callable[[], datetime],
        settle: timedelta,
        window_days: int,
        history_years: int,
    ) -> None:
        self._company_id = company_id
        self._clock = clock
        self._settle = settle
        self._window = timedelta(days=window_days)
        self._history = timedelta(days=365 * history_years)

    def plan(self, connection: Connection, record_id: int) -> Step | None:
        """Plan one record; do what needs no Mosaic here, or keep and return a write."""
        company = companies.get(connection, self._company_id)
        row = self._row(connection, record_id)
        now = self._clock()
        if row.due_at is None or row.due_at > now:
            return None
        if (row.waits_for or "").startswith("call:"):
            self._change(connection, record_id, due_at=None)
            return None
        open_call = mosaic_calls.open_calls(
            connection, company.id, models.mosaic_call.c.record_id == record_id
        )
        jobs = queue.select(
            connection,
            company.id,
            _JOB.c.record_id == record_id,
            _JOB.c.finished_at.is_(None),
        )
        if open_call or any(job.state in {"sent", "unsure"} for job in jobs):
            self._change(connection, record_id, due_at=None)
            return None
        if doubtful := [job.reason for job in jobs if job.in_doubt]:
            # Another write could be the second one: a person looks first.
            self._change(
                connection,
                record_id,
                due_at=None,
                state="refused",
                reason=doubtful[0],
            )
            return None
        if row.state == "do_not_link":
            action = Action(Do.NOTHING, row.reason, "do_not_link")
        else:
            row, action = self._decide(connection, company, row)
        if action.do in IN_QUICKBOOKS:
            time_jobs.enqueue(connection, company, row, action, jobs, now)
            return None
        time_jobs.withdraw(connection, jobs, "Planned anew.", now)
        if action.do in IN_MOSAIC:
            return self._keep(connection, row, action, now)
        self._rest(connection, row, action, now)
        return None

    def _decide(
        self, connection: Connection, company: Company, row: Row[Any]
    ) -> tuple[Row[Any], Action]:
        """Return the next step, and the record as it is then.

        What both sides have already is agreed on here, and what only seems to be
        missing on a side is joined.
        """
        while True:
            links = Links(connection, company)
            entry = self._entry(company, row, links)
            action = plans.plan(entry, _rules(company))
            if action.do is Do.AGREE:
                agreed = _agree(row.agreed, action.basis)
                self._change(connection, row.id, agreed=agreed)
            elif not self._joined(connection, company, row, entry, action, links):
                break
            row = self._row(connection, row.id)
        wait = self._must_wait(connection, company, row, action)
        return row, wait or self._not_again(connection, row, action) or action

    def _entry(self, company: Company, row: Row[Any], links: Links) -> Entry:
        quickbooks = None if row.quickbooks_gone else row.quickbooks
        mosaic = None if row.mosaic_gone else row.mosaic
        return Entry(
            quickbooks=quickbooks,
            mosaic=mosaic,
            agreed=row.agreed,
            quickbooks_gone=row.quickbooks_gone,
            mosaic_gone=row.mosaic_gone,
            facing={} if quickbooks is None else links.facing(quickbooks),
            back={} if mosaic is None else links.back(mosaic),
            locked=None if quickbooks is None else _lock(company, quickbooks),
            closed=None if mosaic is None else _closed(company, mosaic["date"]),
            newest=_newest(company, row),
            settled={
                name: told["settled"]
                for name, told in (row.conflict or {}).items()
                if told.get("settled")
            },
        )

    def _joined(
        self,
        connection: Connection,
        company: Company,
        row: Row[Any],
        entry: Entry,
        action: Action,
        links: Links,
    ) -> bool:
        """Join a record with its counterpart that was made on the other side."""
        now = self._clock()
        if action.do is Do.CREATE and row.mosaic_id is None:
            return join_before_create(connection, company, row, entry, now)
        if action.do is Do.ADD and row.quickbooks_id is None:
            return join_before_add(connection, company, row, entry, links, now)
        return False

    def _must_wait(
        self, connection: Connection, company: Company, row: Row[Any], action: Action
    ) -> Action | None:
        """Hold back what is made on a side that was not read down to its day yet."""
        if action.do is Do.CREATE and row.mosaic_id is None:
            reached = company.mosaic_time_from
            start = (self._clock() - self._history).date().isoformat()
            # What is older than all that is ever read has nothing to wait for.
            if reached is None or row.day < reached > start:
                reason = "Waits until Mosaic's time entries of its day are read."
                return Action(Do.NOTHING, reason, "pending", waits_for=WAITS_FOR_MOSAIC)
        if action.do is Do.ADD and row.quickbooks_id is None:
            oldest = (self._clock() - self._window).date().isoformat()
            if row.day < oldest:
                reason = (
                    f"Is only in Mosaic, and older than the {self._window.days} days "
                    "that are sent to QuickBooks."
                )
                return Action(Do.NOTHING, reason, "unlinked")
            known = reading.state(connection, company.id, NAME)
            if known is None or known.reach is None or row.day < known.reach:
                reason = "Waits until QuickBooks' time entries of its day are read."
                return Action(
                    Do.NOTHING, reason, "pending", waits_for=WAITS_FOR_QUICKBOOKS
                )
        return None

    def _not_again(
        self, connection: Connection, row: Row[Any], action: Action
    ) -> Action | None:
        """Stop a write that was made several times and changed nothing."""
        if action.do in IN_QUICKBOOKS | IN_MOSAIC and row.attempt >= _MOST_TRIES:
            side = "QuickBooks" if action.do in IN_QUICKBOOKS else "Mosaic"
            reason = (
                f"{side} took the same change {row.attempt} times but has not made it. "
                f"Look at the entry there. {action.reason or ''}"
            )
            return Action(Do.NOTHING, reason.strip(), "refused")
        if action.do is Do.CREATE and mosaic_calls.gave_up_record(
            connection, row.company_id, row.id
        ):
            return Action(Do.NOTHING, mosaic_calls.NEVER_APPEARED, "refused")
        return None

    def _keep(
        self, connection: Connection, row: Row[Any], action: Action, now: datetime
    ) -> Step:
        """Keep a write to Mosaic as a call before it leaves."""
        sent = time_entry.mosaic_fields(action.fields)
        mosaic_id = None if action.do is Do.CREATE else row.mosaic_id
        key = ""
        if action.do is Do.CREATE:
            key = time_entry.content_key(action.fields)
        call_id, ref = mosaic_calls.begin(
            connection,
            row.company_id,
            operation=action.do.value,
            data_type=NAME,
            record_id=row.id,
            mosaic_id=mosaic_id,
            fields=sent,
            basis=action.basis,
            key=key,
            reason=action.reason,
            now=now,
            settle=self._settle,
        )
        if action.do is not Do.CREATE:
            records.event(
                connection,
                row.company_id,
                row.id,
                at=now,
                what=f"{action.do.value} asked for in Mosaic",
                by="plan",
                detail={"before": row.mosaic, "sent": sent},
            )
        self._change(
            connection, row.id, conflict=time_jobs.conflict(row.conflict, action)
        )
        return Step(call_id, ref, action.do.value, NAME, mosaic_id, sent)

    def _rest(
        self, connection: Connection, row: Row[Any], action: Action, now: datetime
    ) -> None:
        values: dict[str, object] = {}
        if action.lost:
            values["conflict"] = time_jobs.conflict(row.conflict, action)
        if action.state in _UNCHANGED:
            values["attempt"] = 0
        self._change(
            connection,
            row.id,
            state=action.state,
            reason=action.reason,
            waits_for=action.waits_for,
            due_at=None,
            **values,
        )
        if action.state == "gone" and row.state != "gone":
            records.event(
                connection, row.company_id, row.id, at=now, what="gone", by="plan"
            )

    def _row(self, connection: Connection, record_id: int) -> Row[Any]:
        return connection.execute(
            sa.select(_RECORD).where(
                _RECORD.c.company_id == self._company_id, _RECORD.c.id == record_id
            )
        ).one()

    def _change(self, connection: Connection, record_id: int, **values: object) -> None:
        connection.execute(
            _RECORD.update()
            .where(_RECORD.c.company_id == self._company_id, _RECORD.c.id == record_id)
            .values(**values)
        )


def _rules(company: Company) -> two_way.Company:
    held = None
    if not company.delivers:
        live = company.mode == "live"
        held = "Stopped until somebody has looked" if live else company.mode.title()
    return two_way.Company(company.policy, company.two_way, held)


def _lock(company: Company, quickbooks: Mapping[str, Any]) -> str | None:
    if quickbooks["billable"] == time_entry.BILLED:
        return "It is on an invoice in QuickBooks."
    return _closed(company, quickbooks["date"])


def _closed(company: Company, day: str) -> str | None:
    if company.closing_date and day <= company.closing_date:
        return f"The books are closed up to {company.closing_date}."
    return None


def _newest(company: Company, row: Row[Any]) -> SideName:
    """Return the side that was edited last; QuickBooks if that cannot be told."""
    if not row.quickbooks or not row.mosaic:
        return "quickbooks"
    here = _edited_in_quickbooks(company, row)
    try:
        there = datetime.fromisoformat(row.mosaic.get("updated_at") or "")
    except ValueError:
        return "quickbooks"
    if here is None:
        return "quickbooks"
    if there.tzinfo is None:
        there = there.replace(tzinfo=UTC)
    return "mosaic" if there > here else "quickbooks"


def _edited_in_quickbooks(company: Company, row: Row[Any]) -> datetime | None:
    """Return when QuickBooks' entry was edited.

    EditSequence is the Unix second of the edit in nearly every real record; otherwise
    the wall clock with the offset learnt from others.
    """
    modified, sequence = row.time_modified or "", row.edit_sequence or ""
    if true_offset_minutes(modified, sequence) is not None:
        return datetime.fromtimestamp(int(sequence), UTC)
    try:
        wall = wall_datetime(modified)
    except InvalidValue:
        return None
    return wall.replace(tzinfo=UTC) - timedelta(minutes=company.offset_minutes or 0)


def _agree(
    agreed: Mapping[str, Any] | None, basis: Mapping[str, list[Any]]
) -> dict[str, Any]:
    before = agreed or {}
    new = {side: dict(before.get(side, {})) for side in ("quickbooks", "mosaic")}
    for name, (quickbooks, mosaic) in basis.items():
        new["quickbooks"][name], new["mosaic"][name] = quickbooks, mosaic
    return new
