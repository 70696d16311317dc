"""A first load by the simulated clock: what the page tells of its end, and the truth.

QuickBooks takes its time for each page, now and then very long, and Mosaic for each
write. Nothing here waits: the clock is passed on.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx

from qbwc_server.onboarding import company_status
from qbwc_server.standing import filling, reasons, who_must_act
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_reading
from tests.agreement.house import House

_YEARS = 3


@dataclass
class Told:
    """What was told of one thing that takes long: moments, and when it would end.

    `ended` is when it was over.
    """

    seen: list[tuple[datetime, datetime | None]] = field(default_factory=list)
    ended: datetime | None = None

    @property
    def began(self) -> datetime:
        """When it was looked at first."""
        return self.seen[0][0]

    def left(self) -> list[tuple[float, float, float]]:
        """Return the share of time that was over, and the seconds left: told, true."""
        assert self.ended is not None
        whole = (self.ended - self.began).total_seconds()
        return [
            (
                (at - self.began).total_seconds() / whole,
                (ends - at).total_seconds(),
                (self.ended - at).total_seconds(),
            )
            for at, ends in self.seen
            if ends is not None
        ]


class FirstLoad:
    """A firm of three years that grows, read and filled from nothing.

    Mosaic takes a write in `each` so many seconds.
    """

    def __init__(
        self, house: House, *, customers: int, entries: int, each: float = 1.0
    ) -> None:
        self._house = house
        self._each = each
        self._chance = random.Random(7)
        self.read: dict[str, Told] = {}
        self.filled = Told()
        for number in range(customers):
            house.hands.add("Customer", f"Client {number}")
        today = house.clock().date()
        for ago in sorted(self._days(entries), reverse=True):
            self._worked((today - timedelta(days=ago)).isoformat())

    def _days(self, entries: int) -> list[int]:
        """Return how many days ago each entry was; there are more of late."""
        whole = _YEARS * 365
        return [
            int(whole * min(self._chance.random(), self._chance.random()))
            for _ in range(entries)
        ]

    def _worked(self, day: str) -> None:
        house = self._house
        house.hands.add_time(
            house.persons[self._chance.choice(("Ann Lee", "Bo Berg"))],
            day,
            self._chance.choice((60, 240, 480)),
            notes="",
            customer=house.jobs["Acme:House"],
            item=house.items["Design"],
            billable="Billable",
        )

    def reads(self) -> None:
        """Read QuickBooks to the end, looking at the page meanwhile."""
        self._slow_quickbooks()
        self._house.connect()
        self._look()

    def fills(self, *, most: int = 40) -> None:
        """Fill Mosaic to the end, looking at the page meanwhile."""
        self._slow_mosaic()
        house = self._house
        for _ in range(most):
            house.work()
            house.sandbox.deliver_callbacks()
            house.clock.pass_(minutes=1)
            self._look()
            if self.filled.ended is not None:
                return
            house.connect()
        raise AssertionError("the first load does not come to its end")

    def _slow_quickbooks(self) -> None:
        """Have a page take as long as it has objects, now and then very long."""
        begin = self._house.file.begin_session

        def begun(**named: Any) -> Any:
            session = begin(**named)
            process: Callable[[str], str] = session.process

            def answers(text: str) -> str:
                answer = process(text)
                each = 0.004 * answer.count("Ret>") / 2
                often = 8.0 if self._chance.random() < 0.03 else 0.3
                self._house.clock.pass_(seconds=each + often * self._chance.random())
                self._look()
                return answer

            setattr(session, "process", answers)  # noqa: B010 - mypy refuses a method
            return session

        setattr(self._house.file, "begin_session", begun)  # noqa: B010

    def _slow_mosaic(self) -> None:
        """Have Mosaic take its time for a write, and look at the page each minute."""
        looked = self._house.clock()

        def waits(request: httpx.Request) -> None:
            nonlocal looked
            if request.method == "GET":
                return
            self._house.clock.pass_(
                seconds=self._each * (0.8 + 0.4 * self._chance.random())
            )
            self._house.sandbox.deliver_callbacks()
            if self._house.clock() - looked >= timedelta(minutes=1):
                looked = self._house.clock()
                self._look()

        self._house.wire.after = waits
        work = self._house.work

        def works(*args: Any, **named: Any) -> bool:
            self._house.wire.after = waits
            return work(*args, **named)

        setattr(self._house, "work", works)  # noqa: B010

    def _look(self) -> None:
        """Note what the page tells now."""
        house, now = self._house, self._house.clock()
        company = house.stored()
        with company_reading(house.engine, company.id) as connection:
            counted = who_must_act.counts(connection, company.id)
            hinders = reasons.read(connection, company.id)
            facts = company_status.facts(
                connection, house.keys, company, counted, hinders, now
            )
            fills = filling.of(connection, company, now)
        for read in facts.reads:
            told = self.read.setdefault(read.plural, Told())
            if read.is_done:
                told.ended = told.ended or now
            elif read.left is not None:
                told.seen.append((now, now + read.left))
        if fills is not None:
            self.filled.seen.append((now, fills.ends_at))
        elif self.filled.seen and self.filled.ended is None and self._is_filled():
            self.filled.ended = now

    def _is_filled(self) -> bool:
        record = tables.record
        time = record.c.kind == "time_entry"
        return not self._house.rows(record, time, record.c.mosaic_id.is_(None))
