"""Moments that were set by a clock that was wrong.

A machine whose clock was ahead leaves moments behind at which something is to be done.
Once the clock is right they lie ahead: by an hour they are waited for, but by a year
they must not be.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.engine import Connection

from qbwc_server.records import due
from qbwc_server.storage import tables

FARTHEST = timedelta(days=1)
"""Nothing that goes on by itself is ever put off for longer."""
SERVED: Final = timedelta(hours=1)
"""A worker looks at each company at least so often, or as often as time is read."""


def put_right(
    connection: Connection,
    company_id: int,
    now: datetime,
    ahead: timedelta = FARTHEST,
) -> None:
    """Have everything of a company done now that is to be done too far `ahead`."""
    farthest = now + ahead
    due.bring_near(connection, company_id, farthest, now)
    job, call = tables.job, tables.mosaic_call
    for table, column in ((job, job.c.run_at), (call, call.c.check_at)):
        connection.execute(
            table.update()
            .where(table.c.company_id == company_id, column > farthest)
            .values({column: now})
        )
