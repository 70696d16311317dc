"""The database is away, or makes nothing of what it is asked: told once for all.

Whoever finds that says it here: every call, every thread of a worker and the heartbeat
find the same. A line for each would fill the disk, perhaps the very one whose being
full is why the database is away.
"""

from __future__ import annotations

import structlog

from qbwc_server import logs
from qbwc_server.storage.database import NOT_USABLE

_LOG = structlog.get_logger(__name__)
_LONGEST = 300


def told(error: BaseException, *, by: str) -> bool:
    """Log once a minute and process that the database is not usable.

    False, and nothing is logged, if the error is of another kind. `by` is who found it.
    """
    if not isinstance(error, NOT_USABLE):
        return False
    why = str(error.args[0] if error.args else error)[:_LONGEST]
    logs.seldom(_LOG.warning, "database not usable", why=why, by=by)
    return True
