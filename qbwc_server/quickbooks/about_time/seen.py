"""Entries as answers show them: what can be read is kept, what cannot is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy.engine import Connection

from qbwc_server.jobs.queue import Job
from qbwc_server.kinds import time_entry
from qbwc_server.kinds.time_entry import SeenTime
from qbwc_server.qbxml.response import Ret
from qbwc_server.quickbooks import time_records
from qbwc_server.quickbooks.list_answers import (
    each_alone,
    tell_unread,
)
from qbwc_server.quickbooks.restores import signs
from qbwc_server.records.unread import Unread

_LOG = structlog.get_logger(__name__)


def see(rets: Sequence[Ret]) -> tuple[list[SeenTime], dict[str, Unread]]:
    """Return what could be read, and why the rest could not, by TxnID."""
    seen: list[SeenTime] = []
    unread: dict[str, Unread] = {}
    for ret in rets:
        try:
            seen.append(time_entry.see_time(ret))
        except ValueError as error:
            why = str(error)
        except Exception as error:  # noqa: BLE001 - it must not stop the others
            _LOG.exception("time entry not read")
            why = repr(error)
        else:
            continue
        txn_id = ret.text("TxnID")
        unread[txn_id] = Unread(txn_id, why, time_entry.glimpse(ret))
    return seen, unread


def keep_told(
    connection: Connection,
    job: Job,
    seen: list[SeenTime],
    unread: dict[str, Unread],
    now: datetime,
    full_read: int | None = None,
    *,
    one_by_one: bool,
) -> tuple[list[SeenTime], int]:
    """Keep entries and tell which could not be read.

    Returns those that were kept, and how many of them are new or differ. What turns out
    not to be one of them is added to `unread`.
    """
    new = 0

    def keep_some(entries: Sequence[SeenTime]) -> None:
        nonlocal new
        new += keep(connection, job.company_id, entries, now=now, full_read=full_read)

    if one_by_one:
        seen, failed = each_alone(connection, seen, keep_some)
        unread |= {
            one.txn_id: Unread(one.txn_id, str(error), one.seen.name)
            for one, error in failed
        }
    else:
        keep_some(seen)
    if unread:
        tell_unread(connection, job, list(unread.values()), now)
    return seen, new


def keep(
    connection: Connection,
    company_id: int,
    seen: Sequence[SeenTime],
    *,
    now: datetime,
    full_read: int | None = None,
) -> int:
    """Keep entries that QuickBooks showed; return how many are new or differ."""
    there = {}
    if signs.stands(connection, company_id):
        there = time_records.known(connection, company_id, [one.txn_id for one in seen])
        signs.note_befallen(connection, company_id, seen, there, now=now)
    new = time_records.keep_quickbooks(
        connection, company_id, seen, now=now, full_read=full_read
    )
    for row in there.values():
        signs.let_go_on(connection, row, now)
    return new
