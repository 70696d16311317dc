"""gunicorn's log lines go the way of all others, past what hides secrets.

By itself it writes them past our handlers, with the address of a request that failed:
that of a setup page or a webhook is a secret.
"""

from __future__ import annotations

import logging
from typing import Any

from gunicorn.glogging import Logger


class ServerLogs(Logger):  # type: ignore[misc]
    """gunicorn's logger without handlers of its own."""

    def setup(self, cfg: Any) -> None:
        """Leave writing, and what is worth it, to the root logger."""
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True
            log.setLevel(logging.NOTSET)
