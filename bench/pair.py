"""A company between two stand-ins, of QuickBooks and of Mosaic, both in agreement.

Server, worker and database are real; the stand-ins live in the process that measures,
so that none of the others pays for them.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bench.drain import stop
from bench.firm import Firm
from bench.stand import Stand, run
from bench.wire import Times
from qbwc_server.companies import heartbeat, registry
from qbwc_server.sandbox.mosaic.sandbox import MosaicSandbox
from qbwc_server.sandbox.mosaic.server import serve
from qbwc_server.sandbox.mosaic.team import Team
from qbwc_server.sandbox.quickbooks.company_file import CompanyFile
from qbwc_server.sandbox.quickbooks.new_records import NewTime, insert_times
from qbwc_server.storage import tables

UNLIMITED = 10_000_000
"""Requests to Mosaic in a window, where its rate limit is not what is measured."""
SETTINGS: dict[str, Any] = {
    "mosaic_requests": UNLIMITED,
    "mosaic_settle_seconds": 5,
    "session_takeover_seconds": 0,
    "time_history_years": 1,
}
"""For `stand`: nobody waits for what Mosaic allows."""
_MOST_SECONDS = 600
_PUT_OFF = timedelta(hours=12)
_PEOPLE, _JOBS, _ITEMS = 5, 5, 2


class Slow(Exception):
    """What was waited for did not come."""


@dataclass
class Pair:
    """One company: what stands for its company file, and for its team in Mosaic."""

    id: int
    firm: Firm
    file: CompanyFile
    team: Team
    people: Sequence[str]
    jobs: Sequence[str]
    items: Sequence[str]

    def work(self, count: int, first: int = 0) -> list[str]:
        """Have people enter so much time in QuickBooks; return its TxnIDs.

        No two entries are alike, and all are of the last days.
        """
        store = self.file.store
        today = datetime.fromisoformat(store.today())
        with store.transaction():
            return insert_times(
                store,
                [
                    NewTime(
                        store.now(),
                        (today - timedelta(days=n % 10)).date().isoformat(),
                        "Employee",
                        self.people[n % len(self.people)],
                        15 + n % 8 * 15,
                        self.jobs[n // 7 % len(self.jobs)],
                        self.items[n % len(self.items)],
                        notes=f"Plans for the entry {n}",
                        billable="Billable",
                    )
                    for n in range(first, first + count)
                ],
            )


def pair(made: Stand, mosaic: tuple[MosaicSandbox, str], name: str) -> Pair:
    """Add a company with a few people, jobs and items, read by nobody yet."""
    sandbox, url = mosaic
    number = str(1000 + len(sandbox.teams))
    key = f"key-{number}"
    new, application = made.add(name, url, number, key)
    hook = f"http://localhost:{made.port}/webhook/{new.webhook_token}"
    team = sandbox.add_team(number, key, callback_url=hook)
    firm = Firm(new, application, made.port, Times())
    firm.open()
    assert firm.file is not None
    hands = firm.file.hands
    people = [
        hands.add(
            "Employee",
            f"Ann Berg{one}",
            FirstName="Ann",
            LastName=f"Berg{one}",
            Email=f"ann{one}.{number}@firm.example",
        )
        for one in range(_PEOPLE)
    ]
    customer = hands.add("Customer", "Acme", JobStatus="None")
    jobs = [
        hands.add("Customer", f"House {one}", parent=customer, JobStatus="InProgress")
        for one in range(_JOBS)
    ]
    items = [hands.add("ItemService", f"Design {one}") for one in range(_ITEMS)]
    return Pair(new.id, firm, firm.file, team, people, jobs, items)


@contextlib.contextmanager
def mosaic(sandbox: MosaicSandbox) -> Iterator[tuple[MosaicSandbox, str]]:
    """Serve a Mosaic; it and its address are yielded."""
    running = serve(sandbox, 0)
    try:
        yield sandbox, running.url
    finally:
        running.stop()


def utc() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


@contextlib.contextmanager
def worker(made: Stand) -> Iterator[int]:
    """Run a worker; its process number is yielded when it is up.

    What was due before is put off, until `go`.
    """
    later = utc() + _PUT_OFF
    duty, beat = tables.duty, tables.heartbeat
    with made.engine.begin() as connection:
        due = duty.c.deliver_at.is_not(None)
        connection.execute(duty.update().where(due).values(deliver_at=later))
        connection.execute(beat.delete().where(beat.c.name == heartbeat.WORKER))
    process = run(
        made.folder, "-m", "qbwc_server", "worker", environment=made.environment
    )
    try:
        is_up = beat.c.name == heartbeat.WORKER
        wait(lambda: rows(made, beat, is_up) > 0, "no worker")
        yield process.pid
    finally:
        stop(process)


def go(made: Stand) -> None:
    """Make companies due for the worker."""
    duty = tables.duty
    with made.engine.begin() as connection:
        due = duty.c.deliver_at.is_not(None)
        connection.execute(duty.update().where(due).values(deliver_at=utc()))


def agree(made: Stand, pairs: Sequence[Pair]) -> None:
    """Go on until nothing is on its way for any company; a worker must be up."""
    deadline = time.monotonic() + _MOST_SECONDS
    for one in pairs:
        read_now(made, one)
    left = list(pairs)
    while left:
        if time.monotonic() > deadline:
            raise Slow(f"{len(left)} companies do not come to rest")
        for one in left:
            one.firm.run()
        time.sleep(0.3)
        left = [one for one in left if on_its_way(made, one.id)]


def on_its_way(made: Stand, company_id: int) -> int:
    """Return how many records, writes and callbacks of a company are not done."""
    record, call, job = tables.record, tables.mosaic_call, tables.job
    back, duty = tables.mosaic_callback, tables.duty
    found = 0
    for table, condition in (
        (record, record.c.due_at.is_not(None)),
        (record, record.c.state == "pending"),
        (call, call.c.settled_at.is_(None)),
        (back, back.c.handled_at.is_(None)),
        (job, job.c.finished_at.is_(None)),
    ):
        found += rows(made, table, table.c.company_id == company_id, condition)
    return found + rows(
        made, duty, duty.c.company_id == company_id, duty.c.deliver_at <= utc()
    )


def rows(made: Stand, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> int:
    """Return how many rows of a table meet conditions."""
    counted = sa.select(sa.func.count()).select_from(table).where(*conditions)
    with made.engine.begin() as connection:
        return int(connection.execute(counted).scalar_one())


def read_now(made: Stand, one: Pair) -> None:
    """Have the next poll of a company read QuickBooks."""
    change(made, one, next_read_at=None)


def change(made: Stand, one: Pair, **values: object) -> None:
    """Change columns of a company."""
    with made.engine.begin() as connection:
        registry.change(connection, one.id, **values)


def wait(is_so: Callable[[], bool], otherwise: str, every: float = 0.1) -> None:
    """Wait until something is so.

    Raises:
        Slow: it is not, after ten minutes.
    """
    deadline = time.monotonic() + _MOST_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise Slow(otherwise)
        time.sleep(every)
