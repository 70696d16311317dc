"""Both sides of one company and all that is real in between, in this process.

The clock is passed in and passes only here. Nothing sleeps, nothing listens.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import httpx
import sqlalchemy as sa
from flask import Flask
from pydantic import SecretStr
from sqlalchemy.engine import Engine, Row

from qbwc_server.companies import connection_file, registry
from qbwc_server.companies.registry import Company, NewCompany
from qbwc_server.decisions import company_settings
from qbwc_server.keys import Keys
from qbwc_server.operations import database_restored
from qbwc_server.sandbox.agreement import Agreement, compare
from qbwc_server.sandbox.mosaic.hands import MosaicHands
from qbwc_server.sandbox.mosaic.sandbox import MosaicSandbox
from qbwc_server.sandbox.mosaic.store import Store
from qbwc_server.sandbox.mosaic.team import Team
from qbwc_server.sandbox.quickbooks.company_file import CompanyFile
from qbwc_server.sandbox.quickbooks.hands import Hands
from qbwc_server.sandbox.web_connector.registration import add, read_application
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import (
    company_reading,
    company_transaction,
)
from qbwc_server.storage.which_copy import OlderCopy
from qbwc_server.web.hooks import callbacks
from qbwc_server.web_connector.conversation import Conversation
from qbwc_server.worker.loop import Worker
from tests.agreement.processes import Killed, mortal
from tests.agreement.talk import Lost, Talk, Trouble
from tests.conftest import SECRET, Clock
from tests.delivery.conftest import time_out
from tests.delivery.mirror import Wire

TYPES = (
    *("client", "project", "phase", "employee", "standard_work_category"),
    "time_entry",
)
START = datetime(2026, 3, 3, 15, tzinfo=UTC)  # a Tuesday
PEOPLE = ("Ann Lee", "Bo Berg")
JOBS = ("Acme:House", "Acme:House:Sketches", "Bolt:Garage")
ITEMS = ("Design", "Detail")
_ROUNDS = 120
_SOON = timedelta(minutes=20)


@dataclass
class Settled:
    """A house whose lists are on both sides, to begin others from.

    Their engine's database must be as this one's was.
    """

    company: NewCompany
    now: datetime
    file: sqlite3.Connection
    store: Store
    jobs: dict[str, str]
    persons: dict[str, str]
    items: dict[str, str]
    second: Settled | None = None


def fill(
    hands: Hands, worked_on: Sequence[str] = JOBS
) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Put jobs, people and items into a company file; return their ListIDs by name."""
    jobs: dict[str, str] = {}
    for full in worked_on:
        name = ""
        for own in full.split(":"):
            parent, name = name, f"{name}:{own}" if name else own
            if name not in jobs:
                jobs[name] = hands.add("Customer", own, parent=jobs.get(parent))
    persons = {}
    for name in PEOPLE:
        first, last = name.split()
        persons[name] = hands.add(
            "Employee",
            name,
            FirstName=first,
            LastName=last,
            Email=f"{first.lower()}@example.com",
        )
    items = {name: hands.add("ItemService", name) for name in ITEMS}
    return jobs, persons, items


class House:
    """One company: its company file, its Mosaic, and server and worker in between.

    `zone` is that of the computer with QuickBooks. `settled` is what to begin from: the
    engine's database is that one's. `second` is another company file of the same team,
    where there is one; `worked_on` are the jobs on which people enter time.
    """

    worked_on: Sequence[str] = JOBS
    second: House | None = None

    def __init__(
        self,
        engine: Engine,
        folder: Path,
        now: datetime,
        zone: str,
        settled: Settled | None = None,
    ) -> None:
        self.engine = engine
        # One after the other, so that a history has one order.
        self.senders = 1
        self.clock = Clock(now)
        database_restored.when_noticed(engine, self.clock)
        self.keys = Keys([SECRET])
        self.settings = Settings(data_dir=folder, secret_key=SecretStr(SECRET))
        self.folder = folder
        self.jobs: dict[str, str] = {}
        self.persons: dict[str, str] = {}
        self.file = CompanyFile(":memory:", clock=self._seconds)
        self.hands = self.file.hands
        self.company = self._new_company() if settled is None else settled.company
        self.sandbox = MosaicSandbox(
            clock=self.clock,
            wait=time_out,
            callback_url=f"http://localhost/webhook/{self.company.webhook_token}",
            post=self._post,
            requests_per_window=100_000,
        )
        self.people = MosaicHands(self.sandbox)
        self.wire = Wire(self.sandbox)
        pages = Flask("pages")
        pages.register_blueprint(callbacks.blueprint(engine, self.keys, self.clock))
        self._web = pages.test_client()
        application = read_application(
            connection_file.qwc_of(self.stored(), "http://localhost")
        )
        self.talk = Talk(
            self.file, application, self.company.password, self._pass_seconds
        )
        if settled is not None:
            self._begin_from(settled)
            return
        self.hands.set("zone", zone)
        self.hands.set("company_name", self.company.name)
        add(application, self.file)
        self._fill()

    def _fill(self) -> None:
        self.jobs, self.persons, self.items = fill(self.hands, self.worked_on)

    @property
    def team(self) -> Team:
        """The company's team in Mosaic."""
        return self.sandbox.team

    def as_settled(self) -> Settled:
        """Return this house, settled as it is, to begin others from."""
        copy = sqlite3.connect(":memory:")
        self.file.store.connection.backup(copy)
        return Settled(
            self.company,
            self.clock.now,
            copy,
            deepcopy(self.sandbox.team.store),
            dict(self.jobs),
            dict(self.persons),
            dict(self.items),
        )

    def _begin_from(self, settled: Settled) -> None:
        self.clock.now = settled.now
        settled.file.backup(self.file.store.connection)
        self.sandbox.team.store = deepcopy(settled.store)
        self.jobs, self.persons = dict(settled.jobs), dict(settled.persons)
        self.items = dict(settled.items)

    def _new_company(self) -> NewCompany:
        engine = self.engine
        with engine.begin() as connection:
            # A worker serves whoever is due; the companies of histories before are not.
            connection.execute(tables.duty.update().values(deliver_at=None))
            number = connection.execute(
                sa.select(sa.func.count()).select_from(tables.company)
            ).scalar_one()
        return registry.add(
            engine,
            self.keys,
            name=f"Company {number + 1}",
            mosaic_url=f"http://localhost:{number + 1}",
            mosaic_team="100",
            mosaic_key="sandbox-key",
            now=self.clock(),
        )

    def _post(self, url: str, body: bytes) -> int:
        return self._web.post(
            url.removeprefix("http://localhost"), data=body
        ).status_code

    def _seconds(self) -> float:
        return self.clock.now.timestamp()

    def _pass_seconds(self, seconds: float) -> None:
        self.clock.pass_(seconds=seconds)

    # What runs

    def server(self, at: int = 0, *, committed: bool = False) -> Conversation:
        """Return a server process that ends at its n-th transaction, 0 for never."""
        engine = mortal(self.engine, at, committed=committed)
        return Conversation(engine, self.keys, self.settings, self.clock)

    def connect(self, trouble: Trouble | None = None, **dies: Any) -> bool:
        """Have Web Connector run once; tell whether all of it came to its end."""
        try:
            self.talk.run(self.server(**dies), trouble)
        except (Lost, Killed, OlderCopy):
            # Web Connector comes again at its next schedule.
            self.clock.pass_(minutes=2)
            return False
        return True

    def work(self, at: int = 0, *, committed: bool = False) -> bool:
        """Have a worker serve once; tell whether it came to its end."""
        worker = Worker(
            mortal(self.engine, at, committed=committed),
            self.keys,
            self.settings,
            self.clock,
            transport=self.wire,
            pause=lambda seconds: self.clock.pass_(seconds=seconds),
            senders=self.senders,
        )
        try:
            worker.run_once()
        except Killed:
            self.clock.pass_(seconds=self.settings.lease_seconds + 1)
            return False
        finally:
            self.wire.before = self.wire.after = lambda _: None
        self.sandbox.deliver_callbacks()
        return True

    def work_and_die_asking(self, request: int, *, arrives: bool) -> None:
        """Have a worker die at its n-th request, before or after Mosaic had it."""
        left = [request]

        def kill(_: httpx.Request) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Killed

        setattr(self.wire, "after" if arrives else "before", kill)
        self.work()

    # Until it is quiet

    def settle(self) -> None:
        """Let everything run until nothing more is about to happen."""
        settle(self)

    def settle_for(self, **spans: float) -> None:
        """Settle, let time pass, and settle again."""
        self.settle()
        self.pass_(timedelta(**spans))

    def pass_(self, span: timedelta) -> None:
        """Let time pass, and settle."""
        self.clock.pass_(seconds=span.total_seconds())
        self.settle()

    def quiet(self) -> None:
        """Settle with all that comes by the clock: windows, lists, complete reads.

        Also the day that passes before what Mosaic does not show is deleted.
        """
        self.settle()
        window = timedelta(minutes=self.settings.time_window_minutes + 5)
        for span in (window, window, timedelta(hours=25)):
            self.pass_(span)

    def next_due(self) -> datetime | None:
        """Return when there is something to do next.

        What comes by the clock alone, looks at a window and reads by the schedule,
        comes when time passes. A worker is not there before `deliver_at`.
        """
        job, record, call = tables.job, tables.record, tables.mosaic_call
        with company_reading(self.engine, self.company.id) as connection:
            served = connection.execute(
                sa.select(tables.duty.c.deliver_at).where(
                    tables.duty.c.company_id == self.company.id
                )
            ).scalar()
            wanted = [
                connection.execute(one).scalar()
                for one in (
                    sa.select(sa.func.min(record.c.due_at)).where(
                        record.c.company_id == self.company.id
                    ),
                    sa.select(sa.func.min(call.c.check_at)).where(
                        call.c.company_id == self.company.id,
                        call.c.settled_at.is_(None),
                    ),
                )
            ]
            asked = connection.execute(
                sa.select(sa.func.min(job.c.run_at)).where(
                    job.c.company_id == self.company.id,
                    job.c.state.in_(("ready", "sent", "unsure")),
                )
            ).scalar()
        moments = [one for one in (asked,) if one is not None]
        if served is not None:
            moments += [max(served, one) for one in wanted if one is not None]
            moments += [served] if served <= self.clock() else []
        posted = self.sandbox.outbox.next_due
        if posted is not None:
            moments.append(max(posted, self.clock() + timedelta(seconds=30)))
        return min(moments, default=None)

    # Looking in

    def stored(self) -> Company:
        """Return the company as it is stored."""
        with self.engine.begin() as connection:
            return registry.get(connection, self.company.id)

    def rows(self, table: sa.Table, *conditions: Any) -> list[Row[Any]]:
        """Return the company's rows of a table."""
        with company_reading(self.engine, self.company.id) as connection:
            found = connection.execute(
                _of_company(table).where(*conditions), {"company": self.company.id}
            )
            return list(found)

    def unfinished_jobs(self) -> list[Row[Any]]:
        """Return the jobs that are not done."""
        return self.rows(tables.job, tables.job.c.finished_at.is_(None))

    def open(self) -> list[str]:
        """Return in words what is not finished."""
        call, record = tables.mosaic_call, tables.record
        return [
            *(
                f"job {row.kind} {row.action} {row.state}: {row.reason}"
                for row in self.unfinished_jobs()
            ),
            *(
                f"call {row.operation} {row.data_type} {row.state}: {row.reason}"
                for row in self.rows(call, call.c.settled_at.is_(None))
            ),
            *(
                f"record {row.name} {row.state}: {row.reason}"
                for row in self.rows(record, record.c.due_at.is_not(None))
            ),
        ]

    def agreement(self) -> Agreement:
        """Compare both sides without the server."""
        objects = {name: self.sandbox.objects(name) for name in TYPES}
        return compare(self.file, objects)

    def everything(self) -> str:
        """Return both sides as one text, to see that nothing was written."""
        rows = self.file.store.all("SELECT * FROM time_entry ORDER BY number")
        return json.dumps(
            [
                [tuple(row) for row in rows],
                {name: self.sandbox.objects(name) for name in TYPES},
                len(self.sandbox.writes),
                len(self.talk.writes),
            ]
        )

    def accept(self) -> None:
        """Say, as a person does, that what was stopped may go on."""
        with company_transaction(self.engine, self.company.id) as connection:
            company_settings.accept_deletions(
                connection, self.company.id, now=self.clock(), who="person"
            )

    def close(self) -> None:
        """Close both sides."""
        if self.second is not None:
            self.second.file.close()
        self.file.close()
        self.sandbox.close()


@cache
def _of_company(table: sa.Table) -> sa.Select[Any]:
    """Read a company's rows; a history looks thousands of times."""
    mine = table.c.company_id == sa.bindparam("company")
    return sa.select(table).where(mine).order_by(*table.primary_key.columns)


def settle(*houses: House) -> None:
    """Let everything run until nothing more is about to happen in files of a team."""
    house = houses[0]
    for _ in range(_ROUNDS):
        for one in houses:
            one.connect()
        house.work()
        house.sandbox.deliver_callbacks()
        now = house.clock.now
        dues = [due for one in houses if (due := one.next_due()) is not None]
        if not dues or min(dues) > now + _SOON:
            return
        # What was due already could not be done yet: Web Connector comes again.
        due = min(dues)
        house.clock.now = due if due > now else now + timedelta(minutes=1)
    raise AssertionError(
        f"not quiet after {_ROUNDS} rounds: {[one.open() for one in houses]}"
    )


class MakeHouse(Protocol):
    """Makes a house; of two `files` the other one is its `second`."""

    def __call__(self, now: datetime, zone: str, *, files: int = 1) -> House:
        """Return a house at a moment, in a zone."""
