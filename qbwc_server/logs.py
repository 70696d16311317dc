"""Logs: one line an event, with names for its parts, and never a secret in it.

A line says which company, session and job it is about, by their numbers: whoever finds
that out says `about`, and whoever begins something new does it `apart`, so that what
was said is forgotten at its end.

Secrets are kept out of what is logged where it is made; here stands what is left when
that was forgotten, and what libraries write by themselves.

What a stranger or an outage can cause is said `seldom`: once a minute and kind, with
how often it happened. Else whoever asks often enough fills the disk.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, MutableMapping
from contextlib import AbstractContextManager
from contextvars import copy_context
from datetime import date
from threading import Lock
from typing import Any, ParamSpec, TypeVar

import structlog

P = ParamSpec("P")
R = TypeVar("R")

_SECRET = ("password", "ticket", "secret", "token", "key", "authorization")
_HARMLESS = {"dedupe_key", "match_key", "event_key"}


_END = r"(?=(?:\n|\\n)(?:\[SQL|\(Background|Traceback|During handling|The above)|\Z)"
_HIDDEN = (
    # What PostgreSQL adds to an error: the row that failed, the value that it was.
    (re.compile(r"(?:\n|\\n)?(?:DETAIL|CONTEXT):.*?" + _END, re.DOTALL), ""),
    (re.compile(r"(invalid input \w+ for \S+ [\w ]+: ).*"), r"\1[hidden]"),
    (re.compile(r"(?<=://)[^\s/@]*:[^\s/@]*@"), "[hidden]@"),
    (re.compile(r"/(setup|webhook)/[^\s/?\"']+"), r"/\1/[hidden]"),
    (re.compile(r"\b(\d{1,18})-[0-9a-f]{40}\b"), r"\1-[hidden]"),
    (re.compile(r"\b\d{3}-\d{2}-\d{4}\b"), "[hidden]"),  # a social security number
    # Passwords and tokens as `keys.new_secret` makes them.
    (re.compile(r"\b[a-z2-7]{32}\b"), "[hidden]"),
    (
        re.compile(
            r"(authorization|x-api-key|password)(['\"]?\s*[:=>,]\s*b?['\"]?)"
            r"(?:bearer )?[^\s'\",)<]+",
            re.IGNORECASE,
        ),
        r"\1\2[hidden]",
    ),
)


class Often:
    """How often each kind of thing happened, and when it is said.

    `every` is in seconds. Kinds are of the program's own making, so there are few.
    """

    def __init__(self, every: float = 60.0) -> None:
        self._every = every
        self._said: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}
        self._turn = Lock()

    def times(self, kind: str, now: float) -> int:
        """Count that a kind of thing happened; 0: this is not said now.

        Else how often it happened since it was last said, this time too. `now` is in
        seconds of a clock that never goes back.
        """
        with self._turn:
            unsaid = self._unsaid.pop(kind, 0) + 1
            before = self._said.get(kind)
            if before is not None and now < before + self._every:
                self._unsaid[kind] = unsaid
                return 0
            self._said[kind] = now
            return unsaid

    def forget(self) -> None:
        """Begin anew."""
        with self._turn:
            self._said.clear()
            self._unsaid.clear()


SELDOM = Often()
"""Of this process."""


def seldom(say: Callable[..., Any], event: str, kind: str = "", **said: Any) -> None:
    """Log what can happen without end: once a minute and kind, with how often it was.

    `say` is a logger's method. What is said is of the last time.
    """
    times = SELDOM.times(f"{event} {kind}", time.monotonic())
    if times:
        say(event, times=times, **said)


def about(*, company: int, session: int | None = None) -> None:
    """Have every line from here on say whose it is, until what is done `apart` ends."""
    said = (
        {"company": company}
        if session is None
        else {"company": company, "session": session}
    )
    structlog.contextvars.bind_contextvars(**said)


def within(**numbers: int) -> AbstractContextManager[Any]:
    """Have every line within say which session or job it is about."""
    return structlog.contextvars.bound_contextvars(**numbers)


def apart(work: Callable[P, R]) -> Callable[P, R]:
    """Return a function that does the same, and after which nothing stays said.

    What was said before is known in it, in whatever thread it is called.
    """
    context = copy_context()

    def done(*args: P.args, **kwargs: P.kwargs) -> R:
        return context.copy().run(work, *args, **kwargs)

    return done


def scrub(text: str) -> str:
    """Return a text without what looks like a secret, or like a row of data."""
    for pattern, instead in _HIDDEN:
        text = pattern.sub(instead, text)
    return text


def hide(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Scrub every value, whatever it is in; a structlog processor."""
    for name in event:
        event[name] = _scrubbed(event[name])
    return event


def _scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return scrub(value)
    if value is None or isinstance(value, int | float | date):
        return value
    if isinstance(value, dict):
        return {scrub(str(name)): _scrubbed(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_scrubbed(one) for one in value]
    return scrub(repr(value))


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
                hide,
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
