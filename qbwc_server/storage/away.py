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
_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 4.0


def told(error: BaseException, *, by: str) -> bool:
    """Log once a minute and process that the database is not usable.

    False, and nothing is logged, if the error is of another kind. `by` is who found it.
    """
    if not isinstance(error, NOT_USABLE):
        return False
    why = str(error.args[0] if error.args else error)[:_LONGEST]
    logs.seldom(_LOG.warning, "database not usable", why=why, by=by)
    return True


def pause_after(failures: int) -> float:
    """Return how long a thread waits, in seconds, after so many failures in a row.

    A database that is away is asked by some ten threads: so ever less often, and never
    so seldom that who waits for its coming back would notice.
    """
    return float(min(_PAUSE_SECONDS * 2 ** min(failures, 10), _LONGEST_PAUSE_SECONDS))
