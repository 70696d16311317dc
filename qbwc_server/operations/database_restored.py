"""The server's own database was put back from a backup: it is older than both sides.

What was made on both sides since then is unknown to it on both, and would be made
twice. So nothing that it meant to do is done, and nothing is made on a side before the
other was read down to that day again: what is there is then joined or agreed on. What
is nearly the same, or may have been deleted meanwhile, is asked (`time_copies`).

Said by an operator, or noticed by `storage.which_copy`: then each company begins when
it would be written next.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from sqlalchemy.engine import Connection, Engine

from qbwc_server.companies import copied, registry, sessions
from qbwc_server.companies.registry import Company
from qbwc_server.errors import QbwcError
from qbwc_server.jobs import by_hand, queue
from qbwc_server.keys import Keys
from qbwc_server.operations import key_rotation
from qbwc_server.quickbooks import left_sessions, list_requests
from qbwc_server.records import due
from qbwc_server.storage import tables, which_copy
from qbwc_server.storage.database import company_transaction

BY_ITSELF = "noticed by the program"
_READING = tables.reading


class AnotherKey(QbwcError):
    """The secret key is not that of a database which was put back."""

    id: ClassVar[str] = "another-key"


def take_in(engine: Engine, keys: Keys, *, now: datetime, who: str) -> list[Company]:
    """Declare a copy with which nobody works yet; return its companies.

    Raises:
        AnotherKey: nothing that is secret in it is under the keys.
    """
    if not key_rotation.fit(engine, keys):
        raise AnotherKey(
            "QBWC_SECRET_KEY opens nothing that is in it: the copy is of another "
            "installation, or of a time with another key. Take the key that was kept "
            "with the backup."
        )
    return declare(engine, now=now, who=who)


def declare(engine: Engine, *, now: datetime, who: str) -> list[Company]:
    """Have every company compare both sides before it makes anything on either.

    It may be said again, and of what was noticed already. Returns the companies.
    """
    which_copy.look(engine)
    found = registry.every(engine)
    with which_copy.any_copy():
        for company in found:
            _end_session(engine, company.id, now)
            with company_transaction(engine, company.id) as connection:
                _compare(connection, company.id, now, who)
    return found


def when_noticed(engine: Engine, clock: Callable[[], datetime]) -> None:
    """Have companies compare both sides wherever an older copy of us is noticed."""

    def noticed(company_id: int) -> None:
        # Several may have met it at once: a session begun since is none of before.
        with company_transaction(engine, company_id) as connection:
            if not which_copy.is_older(connection, company_id):
                return
        _end_session(engine, company_id, clock())
        with company_transaction(engine, company_id) as connection:
            if which_copy.is_older(connection, company_id):
                _compare(connection, company_id, clock(), BY_ITSELF)

    which_copy.when_older(engine, noticed)


def _compare(connection: Connection, company_id: int, now: datetime, who: str) -> None:
    """Have a company compare both sides before it makes anything on either.

    It is noted as compared together with all that has it compare: whoever dies before
    that leaves it to the next one who would write.
    """
    _take_back_jobs(connection, company_id, now)
    _read_all_again(connection, company_id, now)
    registry.audit(connection, company_id, now, who=who, what="database restored")
    which_copy.is_compared(connection, company_id)


def _end_session(engine: Engine, company_id: int, now: datetime) -> None:
    """End the session that was open at the backup; its Web Connector is long gone."""
    with company_transaction(engine, company_id) as connection:
        session = sessions.live(connection, company_id)
    if session is None:
        return
    left_sessions.leave(engine, session, now)
    with company_transaction(engine, company_id) as connection:
        sessions.close(connection, session, now=now, why="before the backup")


def _take_back_jobs(connection: Connection, company_id: int, now: datetime) -> None:
    """Take back what waits: it may have been done since. Doubts are looked into."""
    for job in queue.select(
        connection, company_id, tables.job.c.state.in_(("waiting", "ready"))
    ):
        by_hand.cancel(connection, job, by="restored", now=now)


def _read_all_again(connection: Connection, company_id: int, now: datetime) -> None:
    deletions = list_requests.state(
        connection, company_id, list_requests.TIME_DELETIONS
    )
    since = None if deletions is None else deletions.deleted_watermark
    copied.begin(connection, company_id, now, since)
    connection.execute(
        _READING.update()
        .where(_READING.c.company_id == company_id)
        .values(full_due=True, last_full_at=None, deleted_watermark=None, reach=None)
    )
    registry.change(
        connection,
        company_id,
        next_read_at=None,
        mosaic_read_at=None,
        mosaic_time_from=None,
        time_window_at=None,
        time_hot_at=None,
    )
    due.look_at_all(connection, company_id, now)
