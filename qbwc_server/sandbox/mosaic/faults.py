"""What can go wrong with the sandbox's Mosaic, on command.

On the way to an answer (`FAULTS`): `down` closes the connection, `slow` waits first,
`rate_limit` and `rate_limit_mute` refuse with 429 with and without Retry-After,
`error` answers 500, `html` a web page with 502, `bad_json` text cut off in the middle.
With when="before" nothing is done; with when="after" the request is carried out first
and only its answer is lost.

After an accepted write (`CALLBACK_FAULTS`): the callback is `callback_late`,
`callback_twice`, `callback_never` or `callback_forged` (a false one runs ahead of the
true one); or the write is taken and refused afterwards, `refuse_later`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FAULTS = frozenset(
    {"down", "slow", "rate_limit", "rate_limit_mute", "error", "html", "bad_json"}
)
CALLBACK_FAULTS = frozenset(
    {
        *("callback_late", "callback_twice", "callback_never", "callback_forged"),
        "refuse_later",
    }
)

When = Literal["before", "after"]


class ConnectionClosed(ConnectionAbortedError):
    """The connection ends here without an answer."""


@dataclass(slots=True)
class Fault:
    """One fault waiting to happen.

    `match` is "" for any request, a method, a data type, or both: "POST time_entry".
    `seconds` is how slow or late.
    """

    kind: str
    times: int = 1
    match: str = ""
    when: When = "before"
    seconds: float = 60.0

    def __post_init__(self) -> None:
        if self.kind not in FAULTS | CALLBACK_FAULTS:
            raise ValueError(f"no fault called {self.kind}")
        if self.when not in ("before", "after"):
            raise ValueError("a fault strikes before or after")

    def fits(self, method: str, data_type: str) -> bool:
        """Say whether a request is one this waits for."""
        return all(word in (method, data_type) for word in self.match.split())


class Faults:
    """The faults still to happen, in the order they were asked for."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Wait for a request to strike."""
        self._waiting.append(fault)

    def take(self, method: str, data_type: str, kinds: frozenset[str]) -> Fault | None:
        """Give the next fault for a request and count it down."""
        for fault in self._waiting:
            if fault.kind in kinds and fault.fits(method, data_type):
                fault.times -= 1
                if fault.times <= 0:
                    self._waiting.remove(fault)
                return fault
        return None
