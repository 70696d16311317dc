"""When our own servers were up, so that their outage is nobody else's silence.

Each server process beats, and each worker while it looks for work; one write a minute
remains of each kind, however many there are.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from qbwc_server.storage import away, tables, which_copy
from qbwc_server.storage.database import transaction
from qbwc_server.storage.statements import insert, upsert

EVERY = timedelta(seconds=45)
GAP = timedelta(minutes=3)
"""Longer without a beat, and the servers were down."""
_TABLE, _OUTAGE = tables.heartbeat, tables.outage
_KEPT = timedelta(days=400)
SERVER, WORKER, BACKUP = "server", "worker", "backup"
_LOG = structlog.get_logger(__name__)


def beat(connection: Connection, now: datetime, name: str = SERVER) -> None:
    """Keep that a server or a worker is up now, unless one has just said so."""
    down = _TABLE.c.at < now - GAP
    gap = sa.select(_TABLE.c.at).where(_TABLE.c.name == name, down)
    began = connection.execute(gap).scalar()
    if began is not None:
        _note(connection, name, began, now)
    changed = connection.execute(
        _TABLE.update()
        .where(_TABLE.c.name == name, _TABLE.c.at <= now - EVERY)
        .values(
            at=now,
            up_since=sa.case(
                (down, sa.literal(now, _TABLE.c.up_since.type)), else_=_TABLE.c.up_since
            ),
        )
    ).rowcount
    if not changed:
        row = {"name": name, "at": now, "up_since": now}
        connection.execute(
            insert(connection, _TABLE).on_conflict_do_nothing(index_elements=["name"]),
            row,
        )


def backed_up(connection: Connection, now: datetime) -> None:
    """Keep that a whole backup was made now; how old it is, is told beside the others.

    It need not come every minute: that none came is no outage.
    """
    row = {"name": BACKUP, "at": now, "up_since": now}
    upsert(connection, _TABLE, [row], key=("name",))


def _note(connection: Connection, name: str, began: datetime, now: datetime) -> None:
    """Keep an outage, once however many come back at once; those of long ago go."""
    row = {"name": name, "began_at": began, "ended_at": now}
    connection.execute(
        insert(connection, _OUTAGE).on_conflict_do_nothing(
            index_elements=["name", "began_at"]
        ),
        row,
    )
    connection.execute(_OUTAGE.delete().where(_OUTAGE.c.ended_at < now - _KEPT))


def up_since(connection: Connection, now: datetime) -> datetime | None:
    """Return since when servers are up without a gap, None if they are not."""
    row = connection.execute(sa.select(_TABLE).where(_TABLE.c.name == SERVER)).first()
    if row is None or now - row.at > GAP:
        return None
    since: datetime = row.up_since
    return since


def age(connection: Connection, name: str, now: datetime) -> float | None:
    """Return the seconds since the last sign of life; None if there never was one."""
    row = connection.execute(sa.select(_TABLE.c.at).where(_TABLE.c.name == name))
    at: datetime | None = row.scalar()
    return None if at is None else max((now - at).total_seconds(), 0.0)


def keep(
    engine: Engine,
    clock: Callable[[], datetime],
    *,
    beside: Callable[[], None] = lambda: None,
) -> None:
    """Beat from now on in a thread of its own, which ends with the process.

    `beside` is called with each beat.
    A database that is away is our outage too: there is no beat, and that is right.
    """

    def go_on() -> None:
        pause = threading.Event()
        while True:
            try:
                which_copy.beat(engine)
                with transaction(engine) as connection:
                    beat(connection, clock())
            except SQLAlchemyError as error:
                if not away.told(error, by="heartbeat"):
                    _LOG.exception("no heartbeat")
            beside()
            pause.wait(EVERY.total_seconds())

    threading.Thread(target=go_on, name="heartbeat", daemon=True).start()
