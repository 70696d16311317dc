"""Logs: one line an event, with names for its parts, and never a secret in it."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET = ("password", "ticket", "secret", "token", "key", "authorization")
_HARMLESS = {"dedupe_key", "match_key", "event_key"}


def redact(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace every value whose name sounds secret; a structlog processor."""
    for name in event:
        if name not in _HARMLESS and any(word in name.lower() for word in _SECRET):
            event[name] = "[hidden]"
    return event


def set_up_logs(*, level: str, as_json: bool) -> None:
    """Send structlog and the standard library's loggers to stderr in one format."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # spyne writes some 150 debug lines at import and one per call; httpx one per call.
    for noisy in ("spyne", "httpx", "httpcore", "werkzeug", "alembic"):
        logging.getLogger(noisy).setLevel("WARNING")
