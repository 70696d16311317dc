"""The kinds that are written to QuickBooks: how, and who is told what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from qbwc_server.jobs import queue
from qbwc_server.jobs.doubt import Heard
from qbwc_server.jobs.queue import Job
from qbwc_server.kinds import time_entry
from qbwc_server.qbxml.request import Request
from qbwc_server.qbxml.response import Answer, Ret
from qbwc_server.qbxml.status import Status
from qbwc_server.quickbooks import time_recovery, time_write_answers


@dataclass(frozen=True, slots=True)
class Writing:
    """How jobs of a kind become requests that change QuickBooks, and what follows.

    Everything but `build` and `look` is called within the transaction that ends the
    job, or that decides what becomes of it:

    * `build` returns the request of an action and a payload, without its requestID.
    * `kept` is told what QuickBooks has after a write that it did.
    * `refused` decides what becomes of the job and its record after a refusal.
    * `failed` is told why our own program could not send a job.
    * `look` returns the question that tells whether a lost write was done.
    * `looked` settles the job from its answer; what was heard where it does not.
    * `in_doubt` is told that nobody could find out.
    """

    build: Callable[[str, Mapping[str, Any]], Request]
    kept: Callable[[Connection, Job, Ret | None, datetime], None]
    refused: Callable[[Connection, Job, Answer, Status, datetime], None]
    failed: Callable[[Connection, Job, str, datetime], None]
    look: Callable[[Job], Request]
    looked: Callable[[Connection, Job, Answer, datetime], Heard | None]
    in_doubt: Callable[[Connection, Job, datetime], None]


WRITINGS: dict[str, Writing] = {
    time_entry.NAME: Writing(
        build=time_entry.build,
        kept=time_write_answers.kept,
        refused=time_write_answers.refused,
        failed=time_write_answers.failed,
        look=time_recovery.look,
        looked=time_recovery.looked,
        in_doubt=time_write_answers.in_doubt,
    ),
}


def fail(
    connection: Connection, job: Job, *, by: str, now: datetime, reason: str
) -> None:
    """Move a job to failed, because our program cannot send it as it is.

    What it was to write tells so too. A read that fails concerns nothing else.
    """
    queue.move(connection, job, "failed", by=by, now=now, reason=reason)
    if job.writes and job.kind in WRITINGS:
        WRITINGS[job.kind].failed(connection, job, reason, now)
