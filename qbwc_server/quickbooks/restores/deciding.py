"""A person's word on which side is right after a restore."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sqlalchemy.engine import Connection

from qbwc_server.companies import attention, registry
from qbwc_server.errors import QbwcError
from qbwc_server.jobs import queue
from qbwc_server.kinds import time_entry
from qbwc_server.kinds.restored import Way
from qbwc_server.quickbooks import list_requests
from qbwc_server.storage import tables

_READING = tables.reading


class NoRestore(QbwcError):
    """A company's file was not restored, so nobody needs to say how to go on."""

    id: ClassVar[str] = "no-restore"


def decide(
    connection: Connection,
    company_id: int,
    way: Way,
    *,
    now: datetime,
    who: str,
    why: str | None = None,
) -> None:
    """Take a person's word on which side is right after a restore, and why.

    It is done by the next complete compare, so that it is about what is there then.

    Raises:
        NoRestore: nothing waits for that word.
    """
    company = registry.get(connection, company_id)
    if company.attention_id not in attention.RESTORED:
        raise NoRestore(f"{company.name} waits for no word about a restored backup.")
    what = f"after restore: {way}"
    registry.audit(connection, company_id, now, who=who, what=what, why=why)
    payload = {"after_restore": way}
    waiting = queue.select(
        connection,
        company_id,
        tables.job.c.kind == time_entry.NAME,
        tables.job.c.action == "read",
        tables.job.c.finished_at.is_(None),
    )
    for job in waiting:
        queue.note(connection, job, payload=payload)
    if not waiting:
        queue.enqueue(
            connection,
            company_id,
            kind=time_entry.NAME,
            action="read",
            summary="Read time entries",
            now=now,
            by=who,
            dedupe_key=f"read:{time_entry.NAME}",
            payload=payload,
        )
    list_requests.remember(connection, company_id, time_entry.NAME, full_due=True)
    if way == "quickbooks":
        names = [kind.name for kind in list_requests.kinds_of(company)]
        connection.execute(
            _READING.update()
            .where(_READING.c.company_id == company_id, _READING.c.kind.in_(names))
            .values(deletions_accepted=True, full_due=True)
        )
    registry.change(connection, company_id, next_read_at=now)
