"""What goes out in one message set, and what its answer does.

Rule 1: an answer is stored, in a transaction of its own, before it is parsed.
Rule 2: what it does to records and jobs is one transaction, and is done once.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeAlias

import structlog
from sqlalchemy.engine import Connection, Engine, Row

from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.jobs import (
    claiming,
    exchanges,
    queue,
    trouble,
    unanswered_reads,
)
from qbwc_server.jobs.exchanges import Kept
from qbwc_server.jobs.queue import Job
from qbwc_server.kinds import time_entry
from qbwc_server.qbxml import response
from qbwc_server.qbxml.check import problems
from qbwc_server.qbxml.request import Request, message_set
from qbwc_server.qbxml.response import MessageSet, ResponseMalformed
from qbwc_server.qbxml.status import hresult
from qbwc_server.quickbooks import (
    job_answers,
    list_requests,
    recovery,
    time_requests,
    write_gate,
)
from qbwc_server.quickbooks.list_requests import Rules
from qbwc_server.quickbooks.writing import WRITINGS, fail
from qbwc_server.storage.database import NOT_USABLE, company_transaction

PARSE_REFUSED = 0x80040400
_UNREADABLE = "The answer of QuickBooks could not be read. It will be asked again."
_NOT_READ = (
    "what QuickBooks answers cannot be read; everything else goes on. Please choose "
    "File > Utilities > Verify Data in QuickBooks."
)
_LOG = structlog.get_logger(__name__)
_Built: TypeAlias = "tuple[Request, dict[str, Any] | None]"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an answer: objects per kind, and why it could not be used.

    `said` is in words for the customer, None where the answer was used.
    """

    said: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)


def ask(
    connection: Connection,
    company: Company,
    session_id: int,
    now: datetime,
    *,
    last: bool = False,
) -> tuple[int, str] | None:
    """Return the next question about lost writes; they go before new ones.

    With `last` nothing else is left to be asked.
    """
    return recovery.ask(
        connection, company, session_id, now, version=_version(company), last=last
    )


def compose(
    connection: Connection,
    company: Company,
    session_id: int,
    *,
    now: datetime,
    rules: Rules,
    write_batch: int,
    writes: bool = True,
) -> tuple[int, str] | None:
    """Claim the next jobs and keep them as an exchange; None if nothing may go now.

    Returns the exchange's id and its text. A request that our own check refuses fails
    here, alone, and never leaves. Without `writes` only reads go.
    """
    adds = True
    while jobs := claiming.claimable(
        connection, company.id, now, write_batch=write_batch, writes=writes, adds=adds
    ):
        if _add_time(jobs):
            may_go = write_gate.adds_may_go(connection, company, session_id, now)
            # Where time cannot be read now, that holds what is made, and nothing else.
            adds = may_go is not False
            if not may_go:
                continue
        if write_gate.look_first(connection, company, jobs, session_id, now):
            continue
        jobs = write_gate.take_back(connection, company, jobs, now)
        good: list[tuple[Job, Request, dict[str, Any] | None]] = []
        building = _Building(connection, company, session_id, now, rules)
        built = building.at_once(jobs)
        for job in jobs:
            try:
                request, cursor = built.get(job.id) or building.alone(job)
                wrong = problems(message_set((request,), version=_version(company)))
                reason = "QuickBooks would refuse it: " + "; ".join(wrong)[:400]
            except NOT_USABLE:
                raise  # the database went away: nothing was decided about the job
            except Exception as error:  # noqa: BLE001 - it must not stop the others
                _LOG.exception("request not built", company=company.id, job=job.id)
                reason = f"Our program failed to build the request: {error!r}"[:400]
                wrong = [reason]
            if wrong:
                _LOG.error(
                    "request refused by our own check",
                    company=company.id,
                    job=job.id,
                    wrong=wrong,
                )
                fail(connection, job, by="our check", now=now, reason=reason)
            else:
                good.append((job, request, cursor))
        if not good:
            continue
        changing = any(job.writes for job, _, _ in good)
        set_id = secrets.token_hex(10) if changing else None
        forget = recovery.to_forget(connection, company.id) if changing else ""
        text = message_set(
            [request for _, request, _ in good],
            new_message_set_id=set_id or "",
            old_message_set_id=forget,
            version=_version(company),
        )
        exchange_id = exchanges.send(
            connection,
            company.id,
            session_id=session_id,
            jobs=[job for job, _, _ in good],
            cursors=[cursor for _, _, cursor in good],
            request=text,
            purpose="work",
            message_set_id=set_id,
            now=now,
        )
        return exchange_id, text
    return None


def _add_time(jobs: Sequence[Job]) -> bool:
    return any(job.action == "add" and job.kind == time_entry.NAME for job in jobs)


def apply(
    engine: Engine,
    company_id: int,
    exchange_id: int,
    *,
    now: datetime,
    kept: Kept | None = None,
    then: Callable[[Connection, Outcome], None] = lambda _connection, _outcome: None,
) -> Outcome:
    """Do what a stored answer asks for; once, however often it is called.

    `kept` is the answer, for who has just stored it. `then` is called in the very
    transaction, also where there was nothing to do.
    """
    if kept is None:
        with company_transaction(engine, company_id) as connection:
            row = exchanges.get(connection, company_id, exchange_id)
            if row.state != "answered" or row.applied_at is not None:
                then(connection, Outcome())
                return Outcome()
        kept = Kept(row.answer or "", row.hresult, row.reason)
    parsed: MessageSet | None = None
    problem = kept.problem
    if kept.hresult is None and problem is None:
        try:
            parsed = response.parse(kept.answer)
        except ResponseMalformed as error:
            problem = str(error)
    for apart in (False, True):
        try:
            with company_transaction(engine, company_id) as connection:
                outcome = _apply(
                    connection, company_id, exchange_id, parsed, problem, now, apart
                )
                then(connection, outcome)
                return outcome
        except NOT_USABLE:
            raise  # the database went away: the answer waits
        except Exception as error:  # noqa: BLE001 - once more, or see below
            if apart:
                _LOG.exception("answer not worked with", company=company_id)
            else:
                why = type(error).__name__
                _LOG.warning("answer taken apart", company=company_id, why=why)
    # Kept and marked, or the same answer would fail every session to come.
    problem = "Our program failed on the answer. Support must look at it."
    with company_transaction(engine, company_id) as connection:
        outcome = _apply(connection, company_id, exchange_id, None, problem, now)
        exchanges.fail(connection, company_id, exchange_id, reason=problem, now=now)
        then(connection, outcome)
        return outcome


def _apply(
    connection: Connection,
    company_id: int,
    exchange_id: int,
    parsed: MessageSet | None,
    problem: str | None,
    now: datetime,
    apart: bool = True,
) -> Outcome:
    """Do it in one go, or with each request apart; that is slower, for what failed."""
    row = exchanges.take(connection, company_id, exchange_id, now)
    if row is None:
        return Outcome()
    company = registry.get(connection, company_id)
    jobs = [
        job
        for job in exchanges.jobs_of(connection, company_id, exchange_id)
        if job.state == "sent"
    ]
    if row.hresult is not None and problem is None:
        said = _apply_refusal(connection, row, jobs, now)
        exchanges.change(connection, company_id, exchange_id, state="refused")
        return Outcome(said)
    if parsed is not None and row.purpose == "work" and not _meant(jobs, parsed):
        problem = "The answer is to something else than was asked."
    if parsed is None or problem is not None:
        said = _unreadable(connection, row, jobs, (problem or "")[:500], now)
        exchanges.change(connection, company_id, exchange_id, reason=problem)
        return Outcome(said)
    counts: dict[str, int] = {}
    if row.purpose in {"probe", "look"}:
        counts = recovery.apply(connection, company, row, parsed, now)
    elif row.purpose == "work":
        counts = job_answers.apply(
            *(connection, company, jobs, parsed, now),
            exchange_id=exchange_id,
            apart=apart,
        )
    return Outcome(None, counts)


def _meant(jobs: Sequence[Job], parsed: MessageSet) -> bool:
    """Tell whether anything in an answer is for any of the jobs.

    One with a messageSetStatusCode is about the set as a whole.
    """
    return bool(parsed.status_code) or any(
        response.pair(job_answers.expected(jobs), parsed)
    )


@dataclass(frozen=True, slots=True)
class _Building:
    """Makes the requests of jobs: of reads all at once, apart only where one fails."""

    connection: Connection
    company: Company
    session_id: int
    now: datetime
    rules: Rules

    def at_once(self, jobs: Sequence[Job]) -> dict[int, _Built]:
        """Return the requests of all reads by job; none if one of them fails."""
        reads = [job for job in jobs if not job.writes]
        if not reads:
            return {}
        try:
            with self.connection.begin_nested():
                known = list_requests.states(self.connection, self.company.id)
                return {job.id: self._read(job, known.get(job.kind)) for job in reads}
        except NOT_USABLE:
            raise  # the database went away: nothing was decided about any job
        except Exception:  # noqa: BLE001 - which one it is, is found out apart
            return {}

    def alone(self, job: Job) -> _Built:
        """Return the request of one job; whatever it raises harms no other."""
        if job.writes:
            built = WRITINGS[job.kind].build(job.action, job.payload or {})
            return Request(built.name, built.body, request_id=str(job.id)), None
        with self.connection.begin_nested():
            known = list_requests.state(self.connection, self.company.id, job.kind)
            return self._read(job, known)

    def _read(self, job: Job, known: Row[Any] | None) -> _Built:
        is_time = job.kind in time_requests.NAMES
        made = time_requests.request if is_time else list_requests.request
        return made(
            *(self.connection, self.company, job),
            known=known,
            session_id=self.session_id,
            now=self.now,
            rules=self.rules,
        )


def _apply_refusal(
    connection: Connection, row: Row[Any], jobs: Sequence[Job], now: datetime
) -> str | None:
    """Take an HRESULT; return why the run ends with it, None where it goes on."""
    found = hresult(row.hresult)
    reason = f"QuickBooks refused with {found.hexadecimal}: {row.message or ''}"[:500]
    before = _before(connection, row)
    if row.purpose in {"probe", "look"}:
        recovery.unheard(
            *(connection, row.company_id, row, reason, now), counts=any(before)
        )
        goes_on = any(before) and trouble.goes_on(before)
    elif found.code == PARSE_REFUSED and any(job.writes for job in jobs):
        # Nothing was executed, so even writes may go again.
        if len(jobs) == 1:
            fail(connection, jobs[0], by="quickbooks", now=now, reason=reason)
        else:
            queue.split(connection, jobs, by="quickbooks", now=now, reason=reason)
        goes_on = True
    elif any(job.writes for job in jobs):
        for job in jobs:
            to = "unsure" if job.writes else "ready"
            queue.move(connection, job, to, by="quickbooks", now=now, reason=reason)
        goes_on = False
    else:
        what = unanswered_reads.met(jobs, before, refused=True)
        if found.code == PARSE_REFUSED:
            # It says itself that it is about this very text.
            what = replace(what, again=True, answered=(True, *before))
        goes_on = unanswered_reads.settle(
            *(connection, jobs, what, now),
            by="quickbooks",
            reason=reason,
            said=found.customer,
        )
    return None if goes_on else found.customer


def _unreadable(
    connection: Connection,
    row: Row[Any],
    jobs: Sequence[Job],
    problem: str,
    now: datetime,
) -> str | None:
    """Take a text that cannot be read; return why the run ends, None if it goes on."""
    before = _before(connection, row)
    goes_on = False
    if row.purpose in {"probe", "look"}:
        recovery.unheard(connection, row.company_id, row, problem, now, counts=True)
        goes_on = trouble.goes_on(before)
    elif any(job.writes for job in jobs):
        for job in jobs:
            queue.move(connection, job, "unsure", by="answer", now=now, reason=problem)
    elif jobs:
        what = unanswered_reads.met(jobs, before, refused=False)
        goes_on = unanswered_reads.settle(
            *(connection, jobs, what, now),
            by="answer",
            reason=problem,
            said=_NOT_READ,
        )
    return None if goes_on else _UNREADABLE


def _before(connection: Connection, row: Row[Any]) -> tuple[bool, ...]:
    return exchanges.answered_before(connection, row.company_id, row.session_id, row.id)


def _version(company: Company) -> str:
    return str((company.host or {}).get("qbxml_version", "13.0"))
