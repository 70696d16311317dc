"""What the next live sync would do: planned on a copy by the planners that do it.

Rule: nothing is written to the company's own data, and neither side is asked. What is
known of the company is copied into a database in memory that is thrown away. There it
is live, what would be made in Mosaic counts as made, and so a job under a client that
is not there yet, and the hours on it, get the same answer as they will get.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row

from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.decisions import time_sharing
from qbwc_server.delivery import list_calls, outbox
from qbwc_server.delivery.sending import Step
from qbwc_server.keys import Keys
from qbwc_server.kinds import KINDS, time_entry
from qbwc_server.planning.list_steps import Steps
from qbwc_server.planning.time_steps import TimeSteps
from qbwc_server.records import due
from qbwc_server.records.references import PEOPLE
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_reading, make_engine, transaction

WOULD = {
    "link": "would be linked to what Mosaic has",
    "link_change": "would be linked to what Mosaic has, and changed there",
    "join": "are on both sides and would be joined",
    "join_change": "are on both sides: would be joined, and one of the two changed",
    "create": "would be created in Mosaic",
    "update": "would be changed in Mosaic",
    "archive": "would be archived in Mosaic",
    "unarchive": "would be brought back in Mosaic",
    "delete": "would be deleted in Mosaic",
    "add": "would be added to QuickBooks",
    "mod": "would be changed in QuickBooks",
    "del": "would be deleted in QuickBooks",
    "in_sync": "agree already",
    "pending": "wait",
    "unlinked": "stay unlinked",
    "locked": "stay locked",
    "conflict": "are in conflict",
    "refused": "are refused",
    "do_not_link": "are not to be linked",
    "gone": "are deleted",
}
"""Each outcome in words; the last eight are states in which nothing is done."""
_RESTS = tuple(WOULD)[-8:]
_ORDER = ("unlinked", *_RESTS, *WOULD)
_RECORD, _JOB = tables.record, tables.job
_COPIED: dict[sa.Table, sa.ColumnElement[bool] | None] = {
    tables.company: None,
    tables.duty: None,
    tables.company_sequence: None,
    tables.reading: None,
    tables.mosaic_object: None,
    tables.mosaic_claim: None,
    tables.time_claim: None,
    tables.time_rule: None,
    tables.team_file: None,
    tables.mosaic_call: None,
    tables.record: None,
    tables.said: None,
    tables.job: tables.job.c.finished_at.is_(None),
}
_SECRETS = {"password_hash": "", "former_password_hash": None, "mosaic_key": None}
_BATCH = 200
_LEFT = (
    "{:,} time entries in Mosaic are of a company file that was forgotten and stay out "
    "of this one. If this file succeeds that one, say so before it goes live: "
    "`qbwc-server company shared-hours NAME --succeed`."
)
_NOT_REAL = 10**12
"""Numbers from here on stand for objects that Mosaic does not have yet."""


@dataclass(frozen=True, slots=True)
class One:
    """A record and what would become of it."""

    record_id: int
    kind: str
    name: str
    outcome: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Group:
    """Time entries of which the same is said."""

    outcome: str
    reason: str | None
    entries: int
    minutes: int
    record_id: int
    """One of them, to look at."""


@dataclass(slots=True)
class Preview:
    """What the next live sync would do.

    `counts` has an entry for each kind: {outcome: how many}. People, jobs and items are
    told one by one, those that stay unlinked first; time by what is said of it.
    """

    remarks: list[str]
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    people: list[One] = field(default_factory=list)
    jobs: list[One] = field(default_factory=list)
    items: list[One] = field(default_factory=list)
    time: list[Group] = field(default_factory=list)


def preview(
    engine: Engine,
    company: Company,
    settings: Settings,
    clock: Callable[[], datetime],
) -> Preview:
    """Return what the next live sync of a company would do."""
    copy = make_engine("sqlite://")
    try:
        with transaction(copy) as there:
            tables.metadata.create_all(there)
            with company_reading(engine, company.id) as here:
                _copy(here, there, company)
            left = time_sharing.left_behind(there, company.team)
            told = _Rehearsal(there, company, settings, clock()).run()
            if left:
                told.remarks.append(_LEFT.format(left))
            return told
    finally:
        copy.dispose()


def _copy(here: Connection, there: Connection, company: Company) -> None:
    for table, condition in _COPIED.items():
        query = sa.select(table)
        if "team" in table.c:
            query = query.where(table.c.team == company.team)
        elif table is tables.company:
            query = query.where(table.c.id == company.id)
        else:
            query = query.where(table.c.company_id == company.id)
        if condition is not None:
            query = query.where(condition)
        for rows in here.execute(query).mappings().partitions(_BATCH):
            there.execute(
                table.insert(),
                [
                    {**row, **{n: v for n, v in _SECRETS.items() if n in row}}
                    for row in rows
                ],
            )


class _Rehearsal:
    """Plans everything of one company in its copy, as the worker would."""

    def __init__(
        self, copy: Connection, company: Company, settings: Settings, now: datetime
    ) -> None:
        self._copy = copy
        self._company = company
        self._now = now
        settle = timedelta(seconds=settings.mosaic_settle_seconds)
        self._steps = Steps(company.id, clock=lambda: now, settle=settle)
        self._time_steps = TimeSteps(
            company.id,
            Keys(settings.keys()),
            clock=lambda: now,
            settle=settle,
            window_days=settings.time_window_days,
            history_years=settings.time_history_years,
        )
        self._next = _NOT_REAL
        self._done: dict[int, str] = {}

    def run(self) -> Preview:
        before = self._linked()
        # Going live from a preview is the yes to what it tells.
        yes = {"before_live": "add"} if self._company.mode == "preview" else {}
        registry.change(self._copy, self._company.id, mode="live", **yes)
        if self._company.mosaic_portfolio is None:
            list_calls.take_portfolio(
                self._copy, self._company.id, self._number(), self._now
            )
        due.look_at_all(self._copy, self._company.id, self._now)
        for lists in (True, False):
            planner = self._steps if lists else self._time_steps
            is_time = _RECORD.c.kind == time_entry.NAME
            while rows := self._due(~is_time if lists else is_time):
                steps = planner.plan(self._copy, [row.id for row in rows])
                self._take({row.id: row for row in rows}, steps)
        return self._told(before)

    def _linked(self) -> set[int]:
        """Return the records that have both sides."""
        rows = self._copy.execute(
            sa.select(_RECORD.c.id).where(
                _RECORD.c.mosaic_id.is_not(None), _RECORD.c.quickbooks_id.is_not(None)
            )
        )
        return {row.id for row in rows}

    def _due(self, condition: sa.ColumnElement[bool]) -> list[Row[Any]]:
        return list(
            self._copy.execute(
                sa.select(_RECORD)
                .where(_RECORD.c.company_id == self._company.id)
                .where(_RECORD.c.due_at <= self._now, condition)
                .order_by(_RECORD.c.delivery_rank, _RECORD.c.due_at, _RECORD.c.id)
                .limit(_BATCH)
            )
        )

    def _take(self, rows: Mapping[int, Row[Any]], steps: Sequence[Step]) -> None:
        """Take writes as made; what they changed is not planned again."""
        ids = [step.call_id for step in steps]
        calls = outbox.get_all(self._copy, self._company.id, ids)
        for call in calls.values():
            self._done.setdefault(call.record_id, call.operation)
        made = [
            (calls[step.call_id], rows[calls[step.call_id].record_id], step.fields)
            for step in steps
            if step.do == "create" and step.data_type != time_entry.NAME
        ]
        if not made:
            return
        above = self._above([row for _, row, _ in made])
        list_calls.made_new(
            self._copy,
            self._company.id,
            [
                (call, self._body(above.get((row.kind, row.parent_id)), fields))
                for call, row, fields in made
            ],
            by="preview",
            now=self._now,
        )

    def _above(self, rows: Sequence[Row[Any]]) -> dict[tuple[str, str], int]:
        """Return what Mosaic has for the records that others stand under."""
        parents = {row.parent_id for row in rows if row.parent_id is not None}
        found = self._copy.execute(
            sa.select(_RECORD.c.kind, _RECORD.c.quickbooks_id, _RECORD.c.mosaic_id)
            .where(_RECORD.c.company_id == self._company.id)
            .where(_RECORD.c.quickbooks_id.in_(sorted(parents)))
        )
        return {(row.kind, row.quickbooks_id): row.mosaic_id for row in found}

    def _body(self, above: int | None, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return an object as Mosaic would answer it."""
        body = {"client_id": above, "main_phase_id": self._number(), **fields}
        return {**body, "mosaic_id": self._number(), "is_archived": False}

    def _number(self) -> int:
        self._next += 1
        return self._next

    def _told(self, before: set[int]) -> Preview:
        told = Preview(_remarks(self._company))
        jobs = {
            row.record_id: row.action
            for row in self._copy.execute(
                sa.select(_JOB.c.record_id, _JOB.c.action).where(
                    _JOB.c.kind == time_entry.NAME, _JOB.c.finished_at.is_(None)
                )
            )
        }
        groups: dict[tuple[str, str | None], list[Row[Any]]] = {}
        kinds = [kind.name for kind in KINDS.values() if kind.mirror is not None]
        for row in self._copy.execute(sa.select(_RECORD).order_by(_RECORD.c.id)):
            if row.kind not in (*kinds, time_entry.NAME):
                continue
            outcome = self._outcome(row, before, jobs)
            told.counts.setdefault(row.kind, Counter())[outcome] += 1
            if row.kind == time_entry.NAME:
                groups.setdefault((outcome, _said(row, outcome)), []).append(row)
            elif outcome not in {"in_sync", "gone"}:
                reason = _said(row, outcome)
                one = One(row.id, row.kind, row.name, outcome, reason)
                _list_of(told, row.kind).append(one)
        order = {kind: place for place, kind in enumerate((*kinds, time_entry.NAME))}
        told.counts = dict(sorted(told.counts.items(), key=lambda one: order[one[0]]))
        for ones in (told.people, told.jobs, told.items):
            ones.sort(key=lambda one: (_place(one.outcome), one.name.casefold()))
        told.time = sorted(
            (
                Group(outcome, reason, len(rows), _minutes(rows), rows[0].id)
                for (outcome, reason), rows in groups.items()
                if outcome not in {"in_sync", "gone"}
            ),
            key=lambda one: (_place(one.outcome), -one.entries, one.reason or ""),
        )
        return told

    def _outcome(self, row: Row[Any], before: set[int], jobs: Mapping[int, str]) -> str:
        """Return the first thing that would be done, or the state in which it rests."""
        write = jobs.get(row.id) or self._done.get(row.id)
        both = row.mosaic_id is not None and row.quickbooks_id is not None
        if both and row.id not in before and row.mosaic_id < _NOT_REAL:
            found = "join" if row.kind == time_entry.NAME else "link"
            return found if write is None else f"{found}_change"
        return write or str(row.state)


def _list_of(told: Preview, kind: str) -> list[One]:
    """Return the list of a preview that a kind is told in."""
    if kind in PEOPLE:
        return told.people
    return told.jobs if kind == "customer" else told.items


def _said(row: Row[Any], outcome: str) -> str | None:
    return row.reason if outcome == row.state else None


def _minutes(rows: list[Row[Any]]) -> int:
    return sum((row.quickbooks or row.mosaic or {}).get("minutes", 0) for row in rows)


def _place(outcome: str) -> int:
    """Order outcomes: what stays unlinked, then the other rests, then what is done."""
    return _ORDER.index(outcome)


def _remarks(company: Company) -> list[str]:
    """Say what is not known yet, and so not in the preview."""
    found = []
    if company.last_session_at is None:
        found.append("QuickBooks was not read yet: Web Connector has not run.")
    if company.mosaic_read_at is None:
        found.append(
            "Mosaic was not read yet: what it has already would seem to be missing."
        )
    elif company.mosaic_time_from is None:
        found.append("Mosaic's time was not read yet.")
    if company.attention is not None:
        found.append(company.attention)
    if company.mosaic_portfolio is None:
        found.append(f"A portfolio {company.name} would be created in Mosaic first.")
    return found
