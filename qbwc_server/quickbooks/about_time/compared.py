"""What a complete compare did not meet."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from qbwc_server.companies import attention
from qbwc_server.companies.registry import Company
from qbwc_server.jobs.queue import Job
from qbwc_server.quickbooks import time_records
from qbwc_server.quickbooks.about_time.asking import ask_a_person
from qbwc_server.quickbooks.list_answers import too_many
from qbwc_server.quickbooks.restores import comparing


def settle(
    connection: Connection,
    company: Company,
    job: Job,
    cursor: dict[str, Any],
    *,
    is_accepted: bool,
    now: datetime,
) -> str | None:
    """Believe that it is gone, or ask a person; return what is told of the read."""
    start = cursor["start"]
    missing = time_records.unmet(connection, company.id, job.id, start)
    known = time_records.count(connection, company.id, start)
    if company.attention_id in attention.RESTORED:
        way = (job.payload or {}).get("after_restore")
        return comparing.settle(connection, company, missing, known, way=way, now=now)
    if not missing:
        return None
    if not is_accepted and too_many(len(missing), known):
        return ask_a_person(connection, company.id, len(missing), known, now)
    time_records.mark_gone(connection, company.id, missing, now=now)
    return f"{len(missing)} time entries are no longer in the company file."
