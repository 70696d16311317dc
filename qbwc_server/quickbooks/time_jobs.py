"""Writes of time entries to QuickBooks, as jobs: what they carry, and when they go.

What QuickBooks' entry has and Mosaic's cannot is filled in here: class and payroll item
of a new entry, by the company's decision and QuickBooks' rules.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies.registry import Company
from qbwc_server.jobs import queue
from qbwc_server.jobs.queue import Job
from qbwc_server.kinds import conflict as conflicts
from qbwc_server.kinds.time_entry import NAME, label
from qbwc_server.kinds.two_way import Action, Do
from qbwc_server.records import restored, transitions
from qbwc_server.records.references import Links
from qbwc_server.storage import tables

_RECORD, _JOB = tables.record, tables.job
_SAYS = "QuickBooks says: "
NEVER_DONE = (
    "QuickBooks was sent this several times and, whatever it answered, has not done it."
    " We will try again in an hour; if it stays, tell our support."
)
_REFUSED = ("pending", "refused", "locked")
"""Where a record stands that QuickBooks has refused, first, for good or for a time."""
_SUMMARY = {Do.ADD: "Add", Do.MOD: "Change", Do.DEL: "Delete"}


def enqueue(
    connection: Connection,
    company: Company,
    row: Row[Any],
    action: Action,
    jobs: list[Job],
    links: Links,
    now: datetime,
) -> None:
    """Keep a write to QuickBooks as a job; the next session takes it along.

    `jobs` are the record's open ones that have not left: they are taken back, unless
    one of them is the same write.
    """
    payload = _payload(connection, company, row, action)
    same = [
        job
        for job in jobs
        if job.action == action.do.value and _same(job.payload, payload)
    ]
    withdraw(connection, [job for job in jobs if job not in same], "Planned anew.", now)
    for job in same:
        if job.state == "failed":
            queue.move(
                connection, job, "ready", by="plan", now=now, attempt=0, run_at=now
            )
    if not same:
        queue.enqueue(
            connection,
            company.id,
            kind=NAME,
            action=action.do.value,
            record_id=row.id,
            summary=f"{_SUMMARY[action.do]} {_as_sent(links, row, payload)}",
            now=now,
            by="plan",
            dedupe_key=f"time:{row.id}",
            priority=_priority(row, now),
            payload=payload,
            due_since=row.due_at,
        )
    told = row.reason or ""
    # Where only time has passed, what QuickBooks said holds until it says otherwise.
    stays = row.state in _REFUSED and (_SAYS in told or told == NEVER_DONE)
    transitions.go_to_quickbooks(
        connection,
        company.id,
        row.id,
        reason=None if stays else _going(action),
        conflict=conflict(row.conflict, action),
        external_guid=payload["guid"] if action.do is Do.ADD else None,
    )


def _as_sent(links: Links, row: Row[Any], payload: Mapping[str, Any]) -> str:
    """Return the entry's name as QuickBooks is told it, which its record may not have.

    A change says only what becomes another; the rest is what QuickBooks has.
    """
    told = {
        **(row.quickbooks or {} if "txn_id" in payload else {}),
        **payload["fields"],
    }
    if told.get("date") is None or told.get("minutes") is None:
        return str(row.name)
    person, job = links.named(told)
    return label(told["date"], person, told["minutes"], job)


def own_words(message: str) -> str:
    """Return what a reason quotes of QuickBooks, behind our own words."""
    return f' {_SAYS}"{message}"' if message else ""


def _going(action: Action) -> str:
    return f"Goes to QuickBooks with the next run. {action.reason or ''}"


def _payload(
    connection: Connection, company: Company, row: Row[Any], action: Action
) -> dict[str, Any]:
    fields = dict(action.fields)
    payload: dict[str, Any] = {"fields": fields, "basis": dict(action.basis)}
    if action.do is Do.ADD:
        # One that was added before and deleted since must not be mistaken for it.
        known = None if row.quickbooks_gone else row.external_guid
        payload["guid"] = known or "{" + str(uuid.uuid4()) + "}"
        fields |= _defaults(connection, company, fields)
        fields |= _had(connection, row, fields)
        return payload
    payload["txn_id"] = row.quickbooks_id
    if action.do is Do.MOD:
        payload["edit_sequence"] = row.edit_sequence
        if "person" in action.basis:
            fields |= _wage_after_a_move(connection, company, row, fields["person"])
    return payload


def _wage_after_a_move(
    connection: Connection, company: Company, row: Row[Any], person: str
) -> dict[str, Any]:
    """Return the payroll item of an entry that moves to another person, if it changes.

    Without one it would be on no paycheck of somebody who is paid by time, and nobody
    would see that; somebody else can have none.
    """
    has_wage = row.quickbooks.get("payroll_item") is not None
    if has_wage == _paid_by_time(connection, row.company_id, person):
        return {}
    if has_wage:
        return {"payroll_item": None}
    return _wage(connection, company)


def _defaults(
    connection: Connection, company: Company, fields: Mapping[str, Any]
) -> dict[str, Any]:
    """Return class and payroll item of a new entry, as the company has decided."""
    found: dict[str, Any] = {}
    if company.time_class and company.class_tracking is not False:
        found["class"] = _named(connection, company.id, "class", company.time_class)
    # Asked only where there is one to give: it looks through entries of that person.
    wage = company.time_payroll_item
    if wage and _paid_by_time(connection, company.id, fields["person"]):
        found |= _wage(connection, company)
    return found


def _wage(connection: Connection, company: Company) -> dict[str, Any]:
    """Return the payroll item that a company has decided for what has none."""
    name = company.time_payroll_item or ""
    item = _named(connection, company.id, "payroll_item", name)
    return {} if item is None else {"payroll_item": item}


def _had(
    connection: Connection, row: Row[Any], fields: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the class and payroll item that an entry had before it was lost.

    It is added again after a deletion or a restored backup; Mosaic has neither.
    """
    before = row.quickbooks
    if before is None and row.restored is None and row.lost is None:
        return {}
    if before is None:
        event = tables.record_event
        detail = connection.execute(
            sa.select(event.c.detail)
            .where(
                event.c.company_id == row.company_id,
                event.c.record_id == row.id,
                event.c.what == restored.UNDONE,
            )
            .order_by(event.c.id.desc())
            .limit(1)
        ).scalar()
        before = (detail or {}).get("quickbooks")
    if not before:
        return {}
    same_person = before["person"] == fields["person"]
    names = ("class", "payroll_item") if same_person else ("class",)
    return {name: before[name] for name in names if before.get(name)}


def _named(connection: Connection, company_id: int, kind: str, name: str) -> str | None:
    row = connection.execute(
        sa.select(_RECORD.c.quickbooks_id).where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.kind == kind,
            sa.func.lower(_RECORD.c.name) == name.lower(),
            _RECORD.c.quickbooks_gone.is_(False),
        )
    ).first()
    return None if row is None else row.quickbooks_id


def _paid_by_time(connection: Connection, company_id: int, person: str) -> bool:
    """Tell whether a person's time makes paychecks, learnt from their entries.

    QuickBooks takes a payroll item only for such employees. What it says of them
    outright comes with their pay, which is never asked for.
    """
    rows = connection.execute(
        sa.select(_RECORD.c.quickbooks)
        .where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.kind == NAME,
            _RECORD.c.parent_id == person,
        )
        .order_by(_RECORD.c.id.desc())
        .limit(200)
    )
    return any((row.quickbooks or {}).get("payroll_item") for row in rows)


def open_of(
    connection: Connection, company_id: int, record_ids: Sequence[int]
) -> dict[int, list[Job]]:
    """Return the unfinished jobs of records, by record."""
    found: dict[int, list[Job]] = {}
    for job in queue.select(
        connection,
        company_id,
        _JOB.c.record_id.in_(record_ids),
        _JOB.c.finished_at.is_(None),
    ):
        found.setdefault(job.record_id or 0, []).append(job)
    return found


def withdraw(
    connection: Connection, jobs: list[Job], reason: str, now: datetime
) -> None:
    """Take back writes that have not left."""
    for job in jobs:
        queue.move(connection, job, "cancelled", by="plan", now=now, reason=reason)


def conflict(before: Mapping[str, Any] | None, action: Action) -> Any:
    """Return what is kept of conflicts: nothing goes before a person has seen it."""
    return conflicts.with_told(before, action.lost) or sa.null()


def _same(before: Mapping[str, Any] | None, payload: Mapping[str, Any]) -> bool:
    return before is not None and dict(before) == dict(payload)


def _priority(row: Row[Any], now: datetime) -> int:
    """Return how urgent a write is: newest days first, 10 to 49."""
    age = max((now.date() - date.fromisoformat(row.day)).days, 0)
    return 10 + min(age // 7, 39)
