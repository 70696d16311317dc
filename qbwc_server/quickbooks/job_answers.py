"""Each job of an answer gets its own part, and comes to its next state.

Rule: a job whose answer cannot be worked with stops itself and no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime

import structlog
from sqlalchemy.engine import Connection

from qbwc_server import logs
from qbwc_server.companies.registry import Company
from qbwc_server.jobs import exchanges, queue, unanswered_reads
from qbwc_server.jobs.queue import Job
from qbwc_server.kinds import KINDS, time_entry
from qbwc_server.qbxml import response
from qbwc_server.qbxml.response import Answer, MessageSet
from qbwc_server.qbxml.status import Verdict, status
from qbwc_server.quickbooks import (
    list_answers,
    list_requests,
    time_answers,
    time_requests,
)
from qbwc_server.quickbooks.restores import comparing, signs
from qbwc_server.quickbooks.writing import WRITINGS
from qbwc_server.storage.database import NOT_USABLE

_FIRST_WARNING, _FIRST_ERROR = 500, 1000
_PLURALS = {
    **{kind.name: kind.plural for kind in KINDS.values()},
    time_entry.NAME: time_entry.PLURAL,
}
WRITTEN = " written"
_LOG = structlog.get_logger(__name__)


def expected(jobs: Sequence[Job]) -> list[tuple[str, str]]:
    """Return the message and requestID that the answer to each job has."""
    return [(_message_name(job), str(job.id)) for job in jobs]


def apply(
    connection: Connection,
    company: Company,
    jobs: Sequence[Job],
    parsed: MessageSet,
    now: datetime,
    *,
    exchange_id: int,
    apart: bool = True,
) -> dict[str, int]:
    """Give each job its answer; return how many of which kind are new or differ.

    QuickBooks shows again what was read lately: that is nothing new. What was written
    is counted under the kind's plural and `WRITTEN`. `exchange_id` is where the answer
    is kept, for what our program fails on. Unless jobs are kept `apart`, what fails is
    raised, and the transaction is to be done again so.
    """
    counts: dict[str, int] = {}
    answers = response.pair(expected(jobs), parsed)
    for job, answer in zip(jobs, answers, strict=True):
        if job.state not in {"sent", "unsure"}:
            continue
        if answer is None:
            _unanswered(connection, job, now)
            continue
        try:
            if job.writes:
                alone = connection.begin_nested() if apart else nullcontext()
                with logs.within(job=job.id), alone:
                    done = int(_apply_write(connection, job, answer, now))
            else:
                with logs.within(job=job.id):
                    read = _read if apart else _apply_read
                    done = read(connection, company, job, answer, now)
            if job.kind in _PLURALS and done:
                what = _PLURALS[job.kind] + (WRITTEN if job.writes else "")
                counts[what] = counts.get(what, 0) + done
        except NOT_USABLE:
            raise  # the database went away: nothing was decided about the answer
        except Exception as error:  # a bug in one kind must not stop the others
            if not apart:
                raise
            _LOG.exception("answer not applied", company=company.id, job=job.id)
            reason = (
                "Our program failed on the answer, which is kept in exchange "
                f"{exchange_id}. Support must look at it."
            )
            told = f"Our program failed on the answer to job {job.id}: {error!r}"
            exchanges.fail(connection, company.id, exchange_id, reason=told, now=now)
            # A write was done in QuickBooks: it must not look like one to try again.
            state = "unsure" if job.writes else "failed"
            if job.state == state:
                queue.note(connection, job, reason=reason)
            else:
                queue.move(
                    connection, job, state, by="our program", now=now, reason=reason
                )
    comparing.review(connection, company.id, now)
    return counts


def _read(
    connection: Connection, company: Company, job: Job, answer: Answer, now: datetime
) -> int:
    """Take an answer to a read; if that fails, once more with each object by itself.

    Returns how many objects are new or differ.
    """
    try:
        with connection.begin_nested():
            return _apply_read(connection, company, job, answer, now)
    except NOT_USABLE:
        raise  # the database went away: nothing was decided about the answer
    except Exception:
        if not answer.rets:
            raise
        _LOG.exception("page not applied", company=company.id, job=job.id)
        with connection.begin_nested():
            return _apply_read(connection, company, job, answer, now, one_by_one=True)


def _apply_read(
    connection: Connection,
    company: Company,
    job: Job,
    answer: Answer,
    now: datetime,
    *,
    one_by_one: bool = False,
) -> int:
    new, each = 0, one_by_one
    if job.kind == list_requests.ACTIVITY:
        signs.apply_activity(connection, company, job, answer, now=now)
    elif job.kind in time_requests.NAMES:
        new = time_answers.apply(
            connection, company, job, answer, now=now, one_by_one=each
        )
    else:
        new = list_answers.apply(
            connection, company, job, answer, now=now, one_by_one=each
        )
    unanswered_reads.answered(connection, job, now)
    return new


def _message_name(job: Job) -> str:
    if job.writes:
        built = WRITINGS[job.kind].build(job.action, job.payload or {})
        return built.name.removesuffix("Rq")
    if job.kind in time_requests.NAMES:
        return time_requests.message_name(job.kind)
    return list_requests.message_name(job.kind)


def _apply_write(
    connection: Connection, job: Job, answer: Answer, now: datetime
) -> bool:
    """Tell whether QuickBooks has what was written."""
    found = status(answer.status_code, answer.message)
    reason = f"QuickBooks answered {answer.status_code}: {answer.message}"[:500]
    # A warning is about something written: QuickBooks has it.
    warned = _FIRST_WARNING <= answer.status_code < _FIRST_ERROR
    if found.verdict is Verdict.RECOVER:
        if job.state == "sent":
            queue.move(connection, job, "unsure", by="answer", now=now, reason=reason)
    elif warned or found.verdict in {Verdict.DONE, Verdict.PARTIAL, Verdict.EMPTY}:
        ret = answer.rets[0] if answer.rets else None
        WRITINGS[job.kind].kept(connection, job, ret, now)
        queue.move(connection, job, "done", by="answer", now=now, reason=reason)
        return True
    else:
        WRITINGS[job.kind].refused(connection, job, answer, found, now)
    return False


def _unanswered(connection: Connection, job: Job, now: datetime) -> None:
    reason = "The answer holds nothing for this request."
    if job.state == "unsure":
        queue.note(connection, job, reason=reason)
    elif job.writes:
        queue.move(connection, job, "unsure", by="answer", now=now, reason=reason)
    elif job.attempt >= job.max_attempts:
        said = "QuickBooks answers nothing to it; everything else goes on."
        unanswered_reads.end(
            connection, job, by="answer", now=now, reason=reason, said=said
        )
    else:
        queue.retry_later(connection, job, by="answer", now=now, reason=reason)
