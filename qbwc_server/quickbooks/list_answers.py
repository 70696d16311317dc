"""What the answers to reads do: page by page, and when a read is complete.

Rule 1: the watermark of a kind moves with the last page of a completed read, in the
same transaction.
Rule 2: what a complete read does not meet is gone, unless that is too much to believe.
Rule 3: an object that cannot be read is named with the job; it is there, so not gone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import structlog
from sqlalchemy.engine import Connection

from qbwc_server.companies import attention, registry
from qbwc_server.companies.registry import Company
from qbwc_server.jobs import exchanges, queue
from qbwc_server.jobs.queue import Job
from qbwc_server.kinds import KINDS, time_entry, watermark
from qbwc_server.kinds.kind import Kind, Seen
from qbwc_server.qbxml.response import Answer, Ret
from qbwc_server.qbxml.status import Status, Verdict, status
from qbwc_server.qbxml.values import believed
from qbwc_server.quickbooks import list_requests, lost_iterators
from qbwc_server.records import store, unread
from qbwc_server.records.unread import Unread
from qbwc_server.storage.database import NOT_USABLE

ITERATOR_LOST = 3391
MERGED_WITH_TIME = frozenset(
    {"employee", "vendor", "other_name", "customer", "service_item", "class"}
)
"""What time entries point at: a merge moves them to the winner without a trace."""
_PASSING = {Verdict.RETRY, Verdict.REFETCH, Verdict.RECOVER}
_T = TypeVar("_T")
_NOT_ALLOWED = frozenset({3260, 3261})
_LONGEST_TOLD = 470
"""Of what is kept with a message of why its objects were not read."""
_LOG = structlog.get_logger(__name__)


def apply(
    connection: Connection,
    company: Company,
    job: Job,
    answer: Answer,
    *,
    now: datetime,
    one_by_one: bool = False,
) -> int:
    """Take the answer to a read: keep what it holds and move the job on.

    Returns how many objects are new or differ. With `one_by_one` an object that cannot
    be kept stops itself and no other. That is slower, and for a page that failed as a
    whole.
    """
    verdict = status(answer.status_code, answer.message)
    if verdict.verdict not in {Verdict.DONE, Verdict.EMPTY, Verdict.PARTIAL}:
        refused(connection, job, answer, now)
    elif job.kind == list_requests.DELETIONS:
        _apply_deletions(connection, company, job, answer, now)
    else:
        return _apply_page(connection, company, job, answer, now, one_by_one=one_by_one)
    return 0


def refused(connection: Connection, job: Job, answer: Answer, now: datetime) -> None:
    """Move a read on that QuickBooks refused, and say what a person must look at."""
    found = status(answer.status_code, answer.message)
    reason = f"QuickBooks answered {answer.status_code}: {answer.message}"[:500]
    kind = KINDS.get(job.kind)
    lost = answer.status_code == ITERATOR_LOST
    further = lost_iterators.go_on(job.cursor) if lost else None
    if further or (lost and job.attempt < job.max_attempts):
        queue.move(
            connection,
            job,
            "ready",
            by="answer",
            now=now,
            reason=reason,
            cursor=further,
        )
    elif kind is not None and kind.optional and found.verdict not in _PASSING:
        list_requests.remember(
            connection,
            job.company_id,
            job.kind,
            problem=found.customer,
            last_read_at=now,
        )
        if found.code in _NOT_ALLOWED:
            _warn(connection, job, found, now)
        queue.move(
            connection, job, "done", by="answer", now=now, reason=reason, cursor=None
        )
    elif found.verdict in _PASSING:
        queue.retry_later(connection, job, by="answer", now=now, reason=reason)
    else:
        queue.move(connection, job, "failed", by="answer", now=now, reason=reason)
        attention.attend(
            connection,
            job.company_id,
            error_id=f"quickbooks-status-{answer.status_code}",
            text=f"{job.summary}: {found.customer}",
            now=now,
        )


def _warn(connection: Connection, job: Job, found: Status, now: datetime) -> None:
    """Say that a list is kept from us that this company cannot do without.

    Most can: payroll items are personal data, which we do not ask for.
    """
    if registry.get(connection, job.company_id).time_payroll_item is not None:
        attention.attend(
            connection,
            job.company_id,
            error_id=f"quickbooks-status-{found.code}",
            text=found.customer,
            now=now,
        )


def _apply_page(
    connection: Connection,
    company: Company,
    job: Job,
    answer: Answer,
    now: datetime,
    *,
    one_by_one: bool,
) -> int:
    kind = KINDS[job.kind]
    cursor = dict(job.cursor or {})
    if kind.iterable and not next_in_turn(answer, cursor):
        reason = "The answer is not the next page of the list; it is read anew."
        queue.note(connection, job, cursor=None)
        queue.retry_later(connection, job, by="answer", now=now, reason=reason)
        return 0
    new = 0
    seen, not_read = see(kind, answer.rets)
    full_read = job.id if cursor.get("full") else None

    def keep(objects: Sequence[Seen]) -> None:
        nonlocal new
        new += store.keep_seen(
            connection, company.id, kind, objects, now=now, full_read=full_read
        )

    if one_by_one:
        seen, failed = each_alone(connection, seen, keep)
        not_read += [Unread(one.quickbooks_id, str(error)) for one, error in failed]
    else:
        keep(seen)
    if not_read:
        told = [one.told for one in not_read]
        cursor["unread"] = [*cursor.get("unread", []), *told][:20]
        ids = [one.quickbooks_id for one in not_read if one.quickbooks_id]
        if full_read is not None:
            store.mark_met(connection, company.id, kind.name, ids, full_read)
        tell_unread(connection, job, not_read, now)
    cursor["watermark"] = _greatest(cursor.get("watermark"), seen, now)
    cursor["pages"] = cursor.get("pages", 0) + 1
    offset = watermark.office_offset(seen)
    if offset is not None and offset != company.offset_minutes:
        registry.change(connection, company.id, offset_minutes=offset)
    if kind.iterable:
        lost_iterators.note_page(cursor, kind, answer, now)
    if kind.iterable and answer.iterator_remaining:
        cursor |= {
            "iterator": answer.iterator_id,
            "remaining": answer.iterator_remaining,
        }
        queue.move(connection, job, "ready", by="answer", now=now, cursor=cursor)
    elif not kind.iterable and _next_range(kind, answer, cursor):
        queue.move(connection, job, "ready", by="answer", now=now, cursor=cursor)
    else:
        _finish(connection, company, job, cursor, now)
    return new


def each_alone(
    connection: Connection,
    objects: Sequence[_T],
    keep: Callable[[Sequence[_T]], None],
) -> tuple[list[_T], list[tuple[_T, Exception]]]:
    """Keep objects one by one; return those that were kept, and the rest with why."""
    kept: list[_T] = []
    failed: list[tuple[_T, Exception]] = []
    for one in objects:
        try:
            with connection.begin_nested():
                keep([one])
        except NOT_USABLE:
            raise  # the database went away: nothing was decided
        except Exception as error:  # noqa: BLE001 - it must not stop the others
            _LOG.exception("object not kept")
            failed.append((one, error))
        else:
            kept.append(one)
    return kept, failed


def tell_unread(
    connection: Connection, job: Job, objects: Sequence[Unread], now: datetime
) -> None:
    """Keep that objects of an answer could not be read: its exchange is replayed."""
    reasons = [one.told for one in objects]
    _LOG.warning(
        "objects not read", company=job.company_id, kind=job.kind, reasons=reasons[:5]
    )
    told = f"{len(reasons)} not read: {'; '.join(reasons)[:_LONGEST_TOLD]}."
    exchanges.fail(connection, job.company_id, job.exchange_id, reason=told, now=now)
    unread.note_unread(
        connection,
        job.company_id,
        job.kind,
        objects,
        exchange_id=job.exchange_id,
        now=now,
    )


def next_in_turn(answer: Answer, cursor: dict[str, Any]) -> bool:
    """Tell whether an iterator has gone on: with each page fewer are left."""
    before, left = cursor.get("remaining"), answer.iterator_remaining
    return not cursor.get("iterator") or before is None or (left or 0) < before


def _next_range(kind: Kind, answer: Answer, cursor: dict[str, Any]) -> bool:
    """Move the cursor to the next range of names; False when all were read.

    A full page may have more behind it, beginning with its last name again. Names out
    of order, or a page of one name only, cannot be continued: then all is asked for
    at once.
    """
    size = cursor["page_size"]
    if not size:
        return False
    names = [ret.text(kind.range_by) for ret in answer.rets]
    folded = [name.casefold() for name in names]
    began = cursor["from_name"]
    # QuickBooks sorts by rules of its own: a range that does not begin where the last
    # one ended may have skipped somebody.
    follows = began is None or began in names
    if follows and len(names) < size:
        return False
    in_order = follows and folded == sorted(folded)
    if in_order and names[-1] and folded[-1] != folded[0]:
        cursor["from_name"] = names[-1]
    else:
        cursor |= {"from_name": None, "page_size": 0}
    return True


def _finish(
    connection: Connection,
    company: Company,
    job: Job,
    cursor: dict[str, Any],
    now: datetime,
) -> None:
    state = list_requests.state(connection, company.id, job.kind)
    values: dict[str, object] = {
        "watermark": watermark.reached(state, cursor, now),
        "last_read_at": now,
        "problem": None,
    }
    reason = None
    if not lost_iterators.is_whole(cursor):
        reason = "The list did not have as many objects as it began with; read anew."
        queue.note(connection, job, cursor=None)
        queue.retry_later(connection, job, by="answer", now=now, reason=reason)
        return
    if _sweep(connection, company, job, cursor):
        queue.move(connection, job, "ready", by="answer", now=now, cursor=cursor)
        return
    if cursor["full"]:
        reason = _compare(connection, company, job, now)
        # A person's word was for this read, whether or not anything was gone.
        values |= {"last_full_at": now, "full_due": False, "deletions_accepted": False}
    if cursor.get("unread"):
        reason = f"Not read: {'; '.join(cursor['unread'])}."
    list_requests.remember(connection, company.id, job.kind, **values)
    queue.move(
        connection, job, "done", by="answer", now=now, reason=reason, cursor=cursor
    )


def _sweep(
    connection: Connection, company: Company, job: Job, cursor: dict[str, Any]
) -> bool:
    """Have a full read that missed something ask for what changed meanwhile.

    Pages follow the names: what was renamed from behind the current page to before it
    was on none of them, and is not gone.
    """
    state = list_requests.state(connection, company.id, job.kind)
    if not cursor["full"] or cursor.get("swept") or not (state and state.watermark):
        return False
    missed, _ = store.unseen(connection, company.id, KINDS[job.kind], job.id)
    if missed:
        since = watermark.since(state.watermark)
        lost_iterators.ask_what_changed(cursor, since)
    return bool(missed)


def _compare(
    connection: Connection, company: Company, job: Job, now: datetime
) -> str | None:
    kind = KINDS[job.kind]
    missed, known = store.unseen(connection, company.id, kind, job.id)
    if not missed:
        return None
    state = list_requests.state(connection, company.id, job.kind)
    accepted = state is not None and bool(state.deletions_accepted)
    if not accepted and too_many(len(missed), known):
        text = (
            f"{len(missed)} of {known} {kind.plural} are no longer in the company file."
            " Nothing was removed from Mosaic. If that is right, say so on "
            "the setup page."
        )
        attention.attend(
            connection, company.id, error_id="too-many-gone", text=text, now=now
        )
        return text
    store.mark_gone(connection, company.id, kind, missed, now=now)
    return f"{len(missed)} {kind.plural} are no longer in the company file."


def too_many(gone: int, known: int) -> bool:
    """Tell whether so many objects gone at once need a person's word.

    An emptied, swapped or restored file looks like a great many deletions.
    """
    return gone > max(10, known // 5) or (gone == known and known > 3)


def _apply_deletions(
    connection: Connection, company: Company, job: Job, answer: Answer, now: datetime
) -> None:
    by_type = {kind.deleted_as: kind for kind in KINDS.values()}
    gone: dict[str, list[str]] = {}
    latest = ""
    for ret in answer.rets:
        kind = by_type.get(ret.text("ListDelType"))
        if kind is not None and ret.text("ListID"):
            gone.setdefault(kind.name, []).append(ret.text("ListID"))
        latest = max(latest, believed(ret.text("TimeDeleted"), now))
    moves_time = False
    for name, ids in gone.items():
        alive, known = store.alive(connection, company.id, KINDS[name], ids)
        if not too_many(len(alive), known):
            store.mark_gone(connection, company.id, KINDS[name], alive, now=now)
        if alive:
            # A merge looks like a deletion and moves what belonged to the loser
            # without touching it, so the whole list is read again. That read also
            # judges what was too much to believe here.
            list_requests.remember(connection, company.id, name, full_due=True)
            moves_time = moves_time or name in MERGED_WITH_TIME
            registry.change(connection, company.id, next_read_at=now)
    if moves_time and list_requests.state(connection, company.id, time_entry.NAME):
        list_requests.remember(connection, company.id, time_entry.NAME, full_due=True)
    state = list_requests.state(connection, company.id, list_requests.DELETIONS)
    before = (state.deleted_watermark if state is not None else None) or ""
    list_requests.remember(
        connection,
        company.id,
        job.kind,
        deleted_watermark=max(before, latest) or None,
        last_read_at=now,
    )
    queue.move(connection, job, "done", by="answer", now=now)


def see(kind: Kind, rets: Sequence[Ret]) -> tuple[list[Seen], list[Unread]]:
    """Return what could be read, and the rest with the reasons."""
    seen: list[Seen] = []
    not_read: list[Unread] = []
    for ret in rets:
        if ret.type != kind.ret:
            continue
        try:
            seen.append(kind.see(ret))
        except ValueError as error:
            not_read.append(Unread(ret.text("ListID"), str(error)))
        except Exception as error:  # noqa: BLE001 - it must not stop the others
            _LOG.exception("object not read", kind=kind.name)
            not_read.append(Unread(ret.text("ListID"), repr(error)))
    return seen, not_read


def _greatest(before: str | None, seen: Sequence[Seen], now: datetime) -> str | None:
    """Return the new watermark."""
    times = [believed(one.time_modified, now) for one in seen]
    return max([before or "", *times]) or None
