"""What goes out in one message set, and what its answer does.

Rule 1: an answer is stored, in a transaction of its own, before it is parsed.
Rule 2: what it does to records and jobs is one transaction, and is done once.
Rule 3: a job whose answer cannot be worked with stops itself and no other.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import OperationalError

from qbwc_server import (
    companies,
    exchanges,
    models,
    queue,
    read_answers,
    reading,
    restores,
    time_answers,
    time_reading,
)
from qbwc_server.companies import Company
from qbwc_server.database import company_transaction
from qbwc_server.kinds import KINDS, WRITINGS, time_entry
from qbwc_server.qbxml import response
from qbwc_server.qbxml.check import problems
from qbwc_server.qbxml.request import Request, message_set
from qbwc_server.qbxml.response import Answer, MessageSet, ResponseMalformed
from qbwc_server.qbxml.status import Verdict, hresult, message_set_status, status
from qbwc_server.queue import Job
from qbwc_server.reading import Rules

_PLURALS = {
    **{kind.name: kind.plural for kind in KINDS.values()},
    time_entry.NAME: time_entry.PLURAL,
}
PARSE_REFUSED = 0x80040400
_UNREADABLE = "The answer of QuickBooks could not be read. It will be asked again."
_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an answer: objects per kind, and why it could not be used.

    `said` is in words for the customer, None where the answer was used.
    """

    said: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)


def probe(
    connection: Connection, company: Company, session_id: int, now: datetime
) -> tuple[int, str] | None:
    """Return the question for the stored answer of a lost set of writes, if any.

    It is kept as an exchange; returned are its id and its text.

    A set is asked for once in a session. Asking does not execute anything: the ids
    are equal and there is no request (Intuit's error recovery samples).
    """
    unsure = queue.select(connection, company.id, models.job.c.state == "unsure")
    for job in unsure:
        lost = exchanges.get(connection, company.id, job.exchange_id or 0)
        asked_already = (job.cursor or {}).get("probed_in") == session_id
        if lost.message_set_id is None or asked_already:
            continue
        for other in unsure:
            if other.exchange_id == job.exchange_id:
                queue.note(connection, other, cursor={"probed_in": session_id})
        text = message_set(
            (),
            new_message_set_id=lost.message_set_id,
            old_message_set_id=lost.message_set_id,
            version=_version(company),
        )
        exchange_id = exchanges.send(
            connection,
            company.id,
            session_id=session_id,
            jobs=(),
            cursors=(),
            request=text,
            purpose="probe",
            message_set_id=lost.message_set_id,
            now=now,
        )
        return exchange_id, text
    return None


def compose(
    connection: Connection,
    company: Company,
    session_id: int,
    *,
    now: datetime,
    rules: Rules,
    write_batch: int,
) -> tuple[int, str] | None:
    """Claim the next jobs and keep them as an exchange; None if nothing may go now.

    Returns the exchange's id and its text. A request that our own check refuses fails
    here, alone, and never leaves.
    """
    while jobs := queue.claimable(connection, company.id, now, write_batch=write_batch):
        good: list[tuple[Job, Request, dict[str, Any] | None]] = []
        for job in jobs:
            try:
                with connection.begin_nested():
                    request, cursor = _request(
                        connection, company, job, session_id, now, rules
                    )
                wrong = problems(message_set((request,), version=_version(company)))
                reason = "QuickBooks would refuse it: " + "; ".join(wrong)[:400]
            except OperationalError:
                raise  # the database went away: nothing was decided about the job
            except Exception as error:  # noqa: BLE001 - it must not stop the others
                _LOG.exception("request not built", company=company.id, job=job.id)
                reason = f"Our program failed to build the request: {error!r}"[:400]
                wrong = [reason]
            if wrong:
                _LOG.error("request refused by our own check", job=job.id, wrong=wrong)
                queue.move(
                    connection,
                    job,
                    "failed",
                    by="our check",
                    now=now,
                    reason=reason,
                )
            else:
                good.append((job, request, cursor))
        if not good:
            continue
        writes = any(job.writes for job, _, _ in good)
        set_id = secrets.token_hex(10) if writes else None
        text = message_set(
            [request for _, request, _ in good],
            new_message_set_id=set_id or "",
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


def apply(
    engine: Engine, company_id: int, exchange_id: int, *, now: datetime
) -> Outcome:
    """Do what a stored answer asks for; once, however often it is called."""
    with company_transaction(engine, company_id) as connection:
        row = exchanges.get(connection, company_id, exchange_id)
    if row.state != "answered" or row.applied_at is not None:
        return Outcome()
    parsed: MessageSet | None = None
    problem: str | None = row.reason
    if row.hresult is None and problem is None:
        try:
            parsed = response.parse(row.answer or "")
        except ResponseMalformed as error:
            problem = str(error)
    try:
        with company_transaction(engine, company_id) as connection:
            return _apply(connection, company_id, exchange_id, parsed, problem, now)
    except OperationalError:
        raise  # the database went away: the answer waits
    except Exception:  # noqa: BLE001 - see below
        # Kept and marked, or the same answer would fail every session to come.
        _LOG.exception("answer not worked with", company=company_id)
        problem = "Our program failed on the answer. Support must look at it."
        with company_transaction(engine, company_id) as connection:
            return _apply(connection, company_id, exchange_id, None, problem, now)


def _apply(
    connection: Connection,
    company_id: int,
    exchange_id: int,
    parsed: MessageSet | None,
    problem: str | None,
    now: datetime,
) -> Outcome:
    row = exchanges.get(connection, company_id, exchange_id)
    if row.applied_at is not None:
        return Outcome()
    company = companies.get(connection, company_id)
    jobs = [
        job
        for job in exchanges.jobs_of(connection, company_id, exchange_id)
        if job.state == "sent"
    ]
    if row.hresult is not None and problem is None:
        said = _apply_refusal(connection, jobs, row.hresult, row.message or "", now)
        exchanges.change(
            connection, company_id, exchange_id, state="refused", applied_at=now
        )
        return Outcome(said)
    if parsed is not None and row.purpose == "work" and not _meant(jobs, parsed):
        problem = "The answer is to something else than was asked."
    if parsed is None or problem is not None:
        _unreadable(connection, jobs, problem or "", now)
        exchanges.change(
            connection, company_id, exchange_id, reason=problem, applied_at=now
        )
        return Outcome(_UNREADABLE)
    counts: dict[str, int] = {}
    if row.purpose == "probe":
        counts = _apply_probe(connection, company, row.message_set_id, parsed, now)
    elif row.purpose == "work":
        counts = apply_answers(connection, company, jobs, parsed, now)
    exchanges.change(connection, company_id, exchange_id, applied_at=now)
    return Outcome(None, counts)


def _meant(jobs: Sequence[Job], parsed: MessageSet) -> bool:
    """Tell whether anything in an answer is for any of the jobs.

    One with a messageSetStatusCode is about the set as a whole.
    """
    return bool(parsed.status_code) or any(response.pair(_expected(jobs), parsed))


def _expected(jobs: Sequence[Job]) -> list[tuple[str, str]]:
    return [(_message_name(job), str(job.id)) for job in jobs]


def apply_answers(
    connection: Connection,
    company: Company,
    jobs: Sequence[Job],
    parsed: MessageSet,
    now: datetime,
) -> dict[str, int]:
    """Give each job its answer; return how many objects of which kind came."""
    counts: dict[str, int] = {}
    answers = response.pair(_expected(jobs), parsed)
    for job, answer in zip(jobs, answers, strict=True):
        if job.state not in {"sent", "unsure"}:
            continue
        if answer is None:
            _unanswered(connection, job, now)
            continue
        try:
            with connection.begin_nested():
                if job.writes:
                    _apply_write(connection, job, answer, now)
                else:
                    _apply_read(connection, company, job, answer, now)
            plural = _PLURALS.get(job.kind)
            if plural is not None and answer.rets:
                counts[plural] = counts.get(plural, 0) + len(answer.rets)
        except OperationalError:
            raise  # the database went away: nothing was decided about the answer
        except Exception:  # noqa: BLE001 - a bug in one kind must not stop the others
            _LOG.exception("answer not applied", company=company.id, job=job.id)
            reason = (
                "Our program failed on the answer, which is kept in exchange "
                f"{job.exchange_id}. Support must look at it."
            )
            # A write was done in QuickBooks: it must not look like one to try again.
            state = "unsure" if job.writes else "failed"
            if job.state == state:
                queue.note(connection, job, reason=reason)
            else:
                queue.move(
                    connection, job, state, by="our program", now=now, reason=reason
                )
    restores.review(connection, company.id, now)
    return counts


def _apply_read(
    connection: Connection, company: Company, job: Job, answer: Answer, now: datetime
) -> None:
    if job.kind == reading.ACTIVITY:
        restores.apply_activity(connection, company, job, answer, now=now)
    elif job.kind in time_reading.NAMES:
        time_answers.apply(connection, company, job, answer, now=now)
    else:
        read_answers.apply(connection, company, job, answer, now=now)


def _request(
    connection: Connection,
    company: Company,
    job: Job,
    session_id: int,
    now: datetime,
    rules: Rules,
) -> tuple[Request, dict[str, Any] | None]:
    if job.writes:
        built = WRITINGS[job.kind].build(job.action, job.payload or {})
        return Request(built.name, built.body, request_id=str(job.id)), None
    if job.kind in time_reading.NAMES:
        return time_reading.request(
            connection, company, job, session_id=session_id, now=now, rules=rules
        )
    return reading.request(
        connection, company, job, session_id=session_id, now=now, rules=rules
    )


def _message_name(job: Job) -> str:
    if job.writes:
        built = WRITINGS[job.kind].build(job.action, job.payload or {})
        return built.name.removesuffix("Rq")
    if job.kind in time_reading.NAMES:
        return time_reading.message_name(job.kind)
    return reading.message_name(job.kind)


def _apply_write(
    connection: Connection, job: Job, answer: Answer, now: datetime
) -> None:
    found = status(answer.status_code, answer.message)
    reason = f"QuickBooks answered {answer.status_code}: {answer.message}"[:500]
    if found.verdict in {Verdict.DONE, Verdict.PARTIAL, Verdict.EMPTY}:
        ret = answer.rets[0] if answer.rets else None
        WRITINGS[job.kind].keep(connection, job.company_id, job.record_id, ret)
        queue.move(connection, job, "done", by="answer", now=now, reason=reason)
    elif found.verdict is Verdict.RETRY:
        queue.retry_later(connection, job, by="answer", now=now, reason=reason)
    elif found.verdict is Verdict.RECOVER:
        if job.state == "sent":
            queue.move(connection, job, "unsure", by="answer", now=now, reason=reason)
    else:
        queue.move(connection, job, "failed", by="answer", now=now, reason=reason)


def _apply_probe(
    connection: Connection,
    company: Company,
    message_set_id: str,
    parsed: MessageSet,
    now: datetime,
) -> dict[str, int]:
    lost = [
        job
        for job in queue.select(connection, company.id, models.job.c.state == "unsure")
        if exchanges.get(connection, company.id, job.exchange_id or 0).message_set_id
        == message_set_id
    ]
    verdict = message_set_status(parsed.status_code or 0)
    if verdict is Verdict.DONE and parsed.answers:
        return apply_answers(connection, company, lost, parsed, now)
    for job in lost:
        queue.note(
            connection,
            job,
            reason="QuickBooks keeps no answer for it "
            f"({parsed.status_code}); it must be looked for.",
        )
    return {}


def _apply_refusal(
    connection: Connection, jobs: Sequence[Job], code: str, message: str, now: datetime
) -> str | None:
    found = hresult(code)
    reason = f"QuickBooks refused with {found.hexadecimal}: {message}"[:500]
    if found.code == PARSE_REFUSED:
        queue.split(connection, jobs, by="quickbooks", now=now, reason=reason)
        return None
    for job in jobs:
        to = "unsure" if job.writes else "ready"
        queue.move(connection, job, to, by="quickbooks", now=now, reason=reason)
    return found.customer


def _unreadable(
    connection: Connection, jobs: Sequence[Job], problem: str, now: datetime
) -> None:
    for job in jobs:
        if job.writes:
            queue.move(
                connection, job, "unsure", by="answer", now=now, reason=problem[:500]
            )
        else:
            queue.retry_later(
                connection, job, by="answer", now=now, reason=problem[:500]
            )


def _unanswered(connection: Connection, job: Job, now: datetime) -> None:
    reason = "The answer holds nothing for this request."
    if job.state == "unsure":
        queue.note(connection, job, reason=reason)
    elif job.writes:
        queue.move(connection, job, "unsure", by="answer", now=now, reason=reason)
    else:
        queue.retry_later(connection, job, by="answer", now=now, reason=reason)


def _version(company: Company) -> str:
    return str((company.host or {}).get("qbxml_version", "13.0"))
