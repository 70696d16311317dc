"""Answers that our program failed on are worked with again after the fix.

An answer of last week says what was so last week. So:

Rule 1: an object of it is taken where nothing newer is known of it, and QuickBooks is
asked about it again, because it may have changed or gone since.
Rule 2: a write that is still open is settled by its answer. One that was settled in
another way stays as it is: nothing is done twice.
Rule 3: a read that failed begins anew; one that was done meanwhile is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Engine, Row
from sqlalchemy.exc import NoResultFound

from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.jobs import by_hand, exchanges, queue
from qbwc_server.jobs.doubt import Doubt, Question
from qbwc_server.jobs.queue import Job
from qbwc_server.kinds import KINDS, time_entry
from qbwc_server.kinds.kind import Kind, Seen
from qbwc_server.qbxml import response
from qbwc_server.qbxml.response import Answer, MessageSet, ResponseMalformed
from qbwc_server.qbxml.values import wall
from qbwc_server.quickbooks import (
    job_answers,
    list_answers,
    list_requests,
    time_records,
    time_requests,
)
from qbwc_server.quickbooks.about_time import seen as seen_entries
from qbwc_server.records import store, unread
from qbwc_server.storage import tables
from qbwc_server.storage.database import NOT_USABLE, company_transaction

_EXCHANGE, _RECORD = tables.exchange, tables.record
_TIME = time_requests.message_name(time_entry.NAME)
_LOG = structlog.get_logger(__name__)


class StillFails(Exception):
    """The fix was none: our program fails on the answer as before."""


@dataclass(slots=True)
class Replayed:
    """What came of it; `why_not` says why it could not be done, None if it was."""

    taken: int = 0
    known: int = 0
    settled: int = 0
    asked_again: int = 0
    why_not: str | None = None

    def told(self) -> str:
        """Return it as a sentence."""
        if self.why_not is not None:
            return self.why_not
        if not (self.taken or self.settled or self.asked_again):
            return "Nothing was left to do: what it holds is known by now."
        return (
            f"{self.taken} objects taken, {self.known} known already, "
            f"{self.settled} writes settled, {self.asked_again} reads begun anew."
        )


def failed(connection: Connection, company_id: int) -> list[int]:
    """Return a company's exchanges that our program failed on, the oldest first."""
    return list(
        connection.execute(
            sa.select(_EXCHANGE.c.id)
            .where(
                _EXCHANGE.c.company_id == company_id,
                _EXCHANGE.c.failed_at.is_not(None),
            )
            .order_by(_EXCHANGE.c.id)
        ).scalars()
    )


def replay(
    engine: Engine,
    company_id: int,
    exchange_id: int,
    *,
    now: datetime,
    who: str,
    why: str | None = None,
) -> Replayed:
    """Work with an answer again: all of it in one transaction, or nothing.

    Where our program still fails, everything stays as it was and it is said.
    """
    try:
        with company_transaction(engine, company_id) as connection:
            row = exchanges.get(connection, company_id, exchange_id)
            if row.failed_at is None:
                return Replayed(why_not="Our program did not fail on it.")
            if row.applied_at is None:
                return Replayed(why_not="It is being worked with now.")
            done = _replay(connection, row, response.parse(row.answer or ""), now)
            exchanges.change(
                connection, company_id, exchange_id, failed_at=None, reason=done.told()
            )
            registry.audit(
                connection,
                company_id,
                now,
                who=who,
                what="exchange replayed",
                why=why,
                detail={
                    "exchange": exchange_id,
                    "before": row.reason,
                    "told": done.told(),
                },
            )
            return done
    except NOT_USABLE:
        raise  # the database went away: nothing was decided
    except NoResultFound:
        return Replayed(why_not="There is no such exchange.")
    except ResponseMalformed as error:
        return Replayed(why_not=f"It still cannot be read: {error}")
    except Exception as error:  # noqa: BLE001 - it is told, and tried after the next fix
        _LOG.exception("exchange not replayed", company=company_id, id=exchange_id)
        return Replayed(why_not=f"Our program still fails on it: {error!r}")


def _replay(
    connection: Connection, row: Row[Any], parsed: MessageSet, now: datetime
) -> Replayed:
    company = registry.get(connection, row.company_id)
    done = Replayed()
    lists = {kind.query: kind for kind in KINDS.values()}
    jobs = _jobs(connection, company.id, parsed)
    for answer in parsed.answers:
        left: Sequence[object] = ()
        if answer.name == _TIME:
            left = _take_time(connection, company, answer, now, done)
        elif answer.name in lists:
            kind = lists[answer.name]
            left = _take_list(connection, company, kind, answer, now, done)
        if left:
            raise StillFails(f"{len(left)} objects cannot be read.")
    done.settled = _settle(connection, company, row, parsed, jobs, now)
    for job in jobs:
        if not job.writes and job.state == "failed":
            by_hand.retry(connection, job, by="replay", now=now)
            done.asked_again += 1
    return done


def _jobs(connection: Connection, company_id: int, parsed: MessageSet) -> list[Job]:
    ids = [int(one.request_id) for one in parsed.answers if one.request_id.isdigit()]
    return queue.select(connection, company_id, tables.job.c.id.in_(ids))


def _take_list(
    connection: Connection,
    company: Company,
    kind: Kind,
    answer: Answer,
    now: datetime,
    done: Replayed,
) -> Sequence[object]:
    """Take the objects of a list of which nothing newer is known; return the unread.

    One that was unknown may be gone by now: then the next complete read misses it.
    """
    seen, not_read = list_answers.see(kind, answer.rets)
    ids = [one.quickbooks_id for one in seen]
    there = {
        row.quickbooks_id: row
        for row in connection.execute(
            sa.select(_RECORD).where(
                _RECORD.c.company_id == company.id,
                _RECORD.c.kind == kind.name,
                _RECORD.c.quickbooks_id.in_(ids),
            )
        )
    }
    fresh = [one for one in seen if _is_newer(one, there.get(one.quickbooks_id))]
    store.keep_seen(connection, company.id, kind, fresh, now=now)
    unread.wake_unread(
        connection,
        company.id,
        kind.name,
        ids,
        mirrored=kind.mirror is not None,
        now=now,
    )
    if any(one.quickbooks_id not in there for one in fresh):
        list_requests.remember(connection, company.id, kind.name, full_due=True)
        registry.change(connection, company.id, next_read_at=now)
    if kind.mirror is not None:
        registry.change(connection, company.id, deliver_at=now)
    done.taken += len(fresh)
    done.known += len(seen) - len(fresh)
    return not_read


def _take_time(
    connection: Connection,
    company: Company,
    answer: Answer,
    now: datetime,
    done: Replayed,
) -> Sequence[object]:
    """Take the time entries of which nothing newer is known, and ask for them again."""
    seen, not_read = seen_entries.see(answer.rets)
    ids = [one.txn_id for one in seen]
    there = time_records.known(connection, company.id, ids)
    fresh = [one for one in seen if _is_newer(one.seen, there.get(one.txn_id))]
    seen_entries.keep(connection, company.id, fresh, now=now)
    unread.wake_unread(
        connection, company.id, time_entry.NAME, ids, mirrored=True, now=now
    )
    time_requests.verify(
        connection,
        company.id,
        [one.txn_id for one in fresh],
        now=now,
        by="replay",
        summary="Look at what was read late",
    )
    registry.change(connection, company.id, deliver_at=now)
    done.taken += len(fresh)
    done.known += len(seen) - len(fresh)
    return list(not_read)


def _is_newer(one: Seen, row: Row[Any] | None) -> bool:
    """Tell whether an object is newer than what is known; what is gone stays gone.

    EditSequence is the second of the edit in nearly every real object, and no wall
    clock that goes back in autumn.
    """
    if row is None:
        return True
    if row.quickbooks_gone:
        return False
    before, after = row.edit_sequence or "", one.edit_sequence
    if before.isdigit() and after.isdigit():
        return int(after) > int(before)
    return wall(one.time_modified) > wall(row.time_modified or "")


def _settle(
    connection: Connection,
    company: Company,
    row: Row[Any],
    parsed: MessageSet,
    jobs: Sequence[Job],
    now: datetime,
) -> int:
    """Settle the writes of this message set of which nobody knows what came of them."""
    open_ids = []
    for job in jobs:
        if not job.writes or not (job.state == "unsure" or job.in_doubt):
            continue
        sent = exchanges.get(connection, company.id, job.exchange_id or 0)
        if row.message_set_id is None or sent.message_set_id != row.message_set_id:
            continue
        if job.in_doubt:
            queue.move(
                connection,
                job,
                "unsure",
                by="replay",
                now=now,
                reason="Its answer is worked with again.",
                cursor=Doubt(question=Question.ENTRY).kept(),
            )
        open_ids.append(job.id)
    doubted = queue.select(connection, company.id, tables.job.c.id.in_(open_ids))
    exchanges.change(connection, company.id, row.id, failed_at=None)
    job_answers.apply(connection, company, doubted, parsed, now, exchange_id=row.id)
    if exchanges.get(connection, company.id, row.id).failed_at is not None:
        raise StillFails(exchanges.get(connection, company.id, row.id).reason)
    after = queue.select(connection, company.id, tables.job.c.id.in_(open_ids))
    return sum(1 for job in after if job.state != "unsure")
