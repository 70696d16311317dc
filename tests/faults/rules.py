"""Rules of the product that can be switched off, to see whether they are missed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from qbwc_server.delivery import outbox
from qbwc_server.jobs import queue
from qbwc_server.kinds import time_entry
from qbwc_server.quickbooks import write_gate
from qbwc_server.storage import which_copy
from qbwc_server.worker import loop


def switch_off(name: str) -> None:
    """Switch a rule off in this process; "" is none.

    Raises:
        KeyError: There is no such rule.
    """
    if name:
        _RULES[name]()


def _no_doubt() -> None:
    """A write to QuickBooks without an answer is sent again; no other wall is up."""
    write_gate.adds_may_go = lambda *_: True
    write_gate.take_back = lambda *given: list(given[2])
    time_entry.guid_of = lambda _ret: None  # type: ignore[assignment]
    move = queue.move

    def careless(connection: Any, job: Any, to: str, **more: Any) -> Any:
        return move(connection, job, "ready" if to == "unsure" else to, **more)

    queue.move = careless


def _posts_again() -> None:
    """A write to Mosaic without a usable answer was never made."""

    def careless(
        connection: Any, call: Any, reason: str, now: Any, **_more: Any
    ) -> None:
        outbox.never_made(connection, call, reason, now, again_at=now)

    outbox.unsure = careless


def _leases_for_ever() -> None:
    """Who has taken a company keeps it, dead or alive."""
    until = loop.Worker._until

    def late(self: loop.Worker) -> datetime:
        return until(self) + timedelta(days=4000)

    loop.Worker._until = late  # type: ignore[method-assign]


def _no_copies() -> None:
    """That the database is an earlier moment of itself is not noticed."""
    which_copy._look = lambda *_: True


_RULES = {
    "copies": _no_copies,
    "doubt": _no_doubt,
    "posts": _posts_again,
    "leases": _leases_for_ever,
}
