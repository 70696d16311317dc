"""What going live writes, and how long that takes, from a kept preview. Pure.

A company that goes live is filled at Mosaic's rate, an object a request; what goes to
QuickBooks goes with the next runs of Web Connector.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

_WRITES: Final = frozenset(
    {"link_change", "join_change", "create", "update", "archive", "unarchive", "delete"}
)
"""Outcomes of a preview that are a request to Mosaic each."""
_TIME: Final = "time_entry"


@dataclass(frozen=True, slots=True)
class Stake:
    """What is written: counts of lists by kind, and entries with their minutes.

    `members` are people whom Mosaic does not have yet; `requests` is how many writes
    Mosaic is sent.
    """

    lists: Mapping[str, int]
    members: int
    to_mosaic: tuple[int, int]
    to_quickbooks: tuple[int, int]
    requests: int

    def takes(self, requests: int, seconds: float) -> timedelta:
        """Return how long it takes at a rate of so many requests in so many seconds."""
        return timedelta(seconds=self.requests * seconds / max(requests, 1))


def of(told: Mapping[str, Any], people: frozenset[str]) -> Stake | None:
    """Return what a kept preview means; None for one of an older program.

    `people` are the kinds that are members in Mosaic.
    """
    leaves, enters = told.get("leaves"), told.get("enters")
    if leaves is None or enters is None:
        return None
    counts: Mapping[str, Mapping[str, int]] = told["counts"]
    writes = {
        kind: sum(many for outcome, many in found.items() if outcome in _WRITES)
        for kind, found in counts.items()
    }
    return Stake(
        lists={kind: many for kind, many in writes.items() if kind != _TIME and many},
        members=sum(counts.get(kind, {}).get("create", 0) for kind in people),
        to_mosaic=(leaves[0], leaves[1]),
        to_quickbooks=(enters[0], enters[1]),
        requests=sum(many for kind, many in writes.items() if kind != _TIME)
        + leaves[0],
    )
