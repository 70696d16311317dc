"""On which computers a connection runs: one that moved is told from two at once. Pure.

Web Connector writes the computer's name into its lock in the company file, and the lock
comes with the first answers of every run.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, TypeAlias

Computers: TypeAlias = dict[str, list[str]]
"""{name: [first run, last run]}, the moments in ISO 8601."""
_REMEMBERED: Final = timedelta(days=1)
_MOST: Final = 5
_LONGEST: Final = 40


def seen(before: Mapping[str, list[str]], lock: str, now: datetime) -> Computers:
    """Return the computers of the last day, with the one that holds the lock now."""
    known = {
        name: list(span)
        for name, span in before.items()
        if now - datetime.fromisoformat(span[1]) < _REMEMBERED
    }
    state, _, rest = lock.partition(":")
    name = rest.partition(":")[0][:_LONGEST]
    if state == "LOCKED" and name:
        first = known.pop(name, [now.isoformat()])[0]
        known[name] = [first, now.isoformat()]
    return dict(list(known.items())[-_MOST:])


def together(computers: Mapping[str, list[str]]) -> tuple[str, ...]:
    """Return the computers that ran by turns, () if there was one at a time.

    A new computer that takes over for good begins after the last run of the old one.
    """
    spans = {
        name: tuple(datetime.fromisoformat(one) for one in span)
        for name, span in computers.items()
    }
    return tuple(
        name
        for name, (first, last) in spans.items()
        if any(
            first < other[1] and other[0] < last
            for another, other in spans.items()
            if another != name
        )
    )
