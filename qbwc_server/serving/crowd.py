"""All connections of one process: which wait, until when, and which go first.

Rule 1: what did not arrive, or was not fetched, in time is closed.
Rule 2: where too many are open, the one that has waited longest goes; then, of those
that were answered and are kept, the one that has rested longest; then, of those that do
not read their answer, the one that has been behind longest.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

MOST_OPEN = 500
TO_ARRIVE = 20.0
"""Seconds for the head of a request, and again for a body that anybody may send."""
TO_ARRIVE_LARGE = 120.0
"""Seconds for a body that only the owner of a live ticket or link may send."""
TO_FETCH = 20.0
"""Seconds in which a slow reader must take something of his answer."""
LEAST_FETCHED = 16 * 1024
"""Bytes of it."""
TO_CLOSE = 2.0
"""Seconds in which the other side may see that a connection ends."""
_EVERY = 0.5


class Member(Protocol):
    """A connection, as far as it is counted here."""

    def late(self) -> None:
        """Its time is over."""

    def drop(self) -> None:
        """It has to make room."""


class Crowd:
    """The connections of one process, and a clock that looks through them."""

    def __init__(self, most: int = MOST_OPEN) -> None:
        self.most = most
        self._waiting: dict[Member, None] = {}
        self._kept: dict[Member, None] = {}
        self._behind: dict[Member, None] = {}
        self._idle = (self._waiting, self._kept, self._behind)
        """Those that make room for others, in the order in which they go."""
        self._busy: set[Member] = set()
        self._until: dict[Member, float] = {}
        self._looks = False

    def wait(self, one: Member, seconds: float) -> None:
        """Note that a connection waits for its other side, for so long at most."""
        self._kept.pop(one, None)
        self._behind.pop(one, None)
        self._busy.discard(one)
        self._waiting.setdefault(one)
        self.limit(one, seconds)

    def keep(self, one: Member) -> None:
        """Note that a connection was answered and may ask again."""
        self.leave(one)
        self._kept[one] = None

    def work(self, one: Member) -> None:
        """Note that the request of a connection is being answered."""
        self.leave(one)
        self._busy.add(one)

    def fall_behind(self, one: Member, seconds: float) -> None:
        """Note that an answer waits for its reader, for so long at most.

        Else a few who read almost nothing would have all the places there are.
        """
        self._waiting.pop(one, None)
        self._kept.pop(one, None)
        self._busy.discard(one)
        self._behind.setdefault(one)
        self.limit(one, seconds)

    def limit(self, one: Member, seconds: float) -> None:
        """Call `late` of a connection after so long, unless something else is said."""
        self._until[one] = self._now() + seconds

    def leave(self, one: Member) -> None:
        """Forget a connection."""
        for some in self._idle:
            some.pop(one, None)
        self._busy.discard(one)
        self._until.pop(one, None)

    @property
    def size(self) -> int:
        """How many connections there are."""
        return sum(map(len, self._idle)) + len(self._busy)

    def make_room(self) -> bool:
        """Have connections go until one more may come; tell whether it may."""
        while self.size >= self.most:
            first = next((one for some in self._idle for one in some), None)
            if first is None:
                return False
            self.leave(first)
            first.drop()
        return True

    def _now(self) -> float:
        loop = asyncio.get_running_loop()
        if not self._looks:
            self._looks = True
            loop.call_later(_EVERY, self._look)
        return loop.time()

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for one in [one for one, until in self._until.items() if until <= now]:
            self._until.pop(one, None)
            one.late()
        loop.call_later(_EVERY, self._look)
