"""Small firms in every kind of trouble that support is asked about.

Everything is real but the clock: the firms' company files, Web Connectors and Mosaics
are the sandbox's, and what is in the database came there through server and worker.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from unittest.mock import patch

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies import logins, registry, silence
from qbwc_server.companies.registry import NewCompany
from qbwc_server.decisions import company_settings
from qbwc_server.kinds import KINDS
from qbwc_server.kinds.kind import Seen
from qbwc_server.qbxml.response import Ret
from qbwc_server.sandbox.quickbooks.company_file import Session
from qbwc_server.sandbox.web_connector.company_stamp import APP_LOCK, change_stamp
from qbwc_server.storage import tables
from tests.agreement.house import House, settle
from tests.agreement.talk import Trouble
from tests.delivery.mirror import Wire

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
TODAY, YESTERDAY = "2026-03-02", "2026-03-01"
_PEOPLE = {"Tom Reed": "tom@example.com", "Ben Okafor": "ben@example.com"}
_NO_ADDRESS = "Maria Lopez"
_NOT_READ: Final = "Ivy Marsh"
"""An employee on whom our program fails."""


class Firm(House):
    """A firm with a name of its own."""

    def __init__(self, engine: Engine, folder: Path, now: datetime, name: str) -> None:
        self._name = name
        super().__init__(engine, folder, now, "America/New_York")
        # One after the other: what the document shows has one order.
        self.senders = 1

    def _new_company(self) -> NewCompany:
        with self.engine.begin() as connection:
            connection.execute(
                tables.duty.update().values(
                    deliver_at=None, housekeep_at=None, preview_at=None
                )
            )
        return _add(self, self._name)

    def _fill(self) -> None:
        super()._fill()
        for name, address in {**_PEOPLE, _NO_ADDRESS: ""}.items():
            first, last = name.split()
            self.persons[name] = self.hands.add(
                "Employee", name, FirstName=first, LastName=last, Email=address
            )

    def enter(self, person: str, day: str, minutes: int, job: str, notes: str) -> str:
        """Enter time in QuickBooks; return its TxnID."""
        return self.hands.add_time(
            self.persons[person],
            day,
            minutes,
            customer=self.jobs[job],
            item=self.items["Design"],
            notes=notes,
            billable="Billable",
        )

    def connect_from(self, computer: str) -> None:
        """Have Web Connector run once on a computer, which writes its lock."""
        application = self.talk.application
        session = self.file.begin_session(
            app_name=application.app_name, owner_id=application.owner_id
        )
        lock = f"LOCKED:{computer}:1"
        change_stamp(session, application.owner_id, APP_LOCK, lock)
        session.end()
        assert self.connect()

    def refuse(self, answer: str, code: int, message: str) -> None:
        """Have QuickBooks refuse one kind of question from now on."""
        begin = self.file.begin_session
        error = f'statusCode="{code}" statusSeverity="Error" statusMessage="{message}"'

        def begin_refusing(*, app_name: str, owner_id: str) -> Session:
            session = begin(app_name=app_name, owner_id=owner_id)
            process = session.process

            def refusing(qbxml: str) -> str:
                return re.sub(
                    rf'(<{answer} requestID="[^"]*")[^>]*>.*?</{answer}>',
                    rf"\1 {error} />",
                    process(qbxml),
                    flags=re.DOTALL,
                )

            setattr(session, "process", refusing)  # noqa: B010 - mypy
            return session

        setattr(self.file, "begin_session", begin_refusing)  # noqa: B010 - mypy

    def in_mosaic(self, text: str) -> int:
        """Return the number of the entry in Mosaic whose description is a text."""
        (found,) = (
            one["mosaic_id"] for one in self.people.time() if one["description"] == text
        )
        return int(found)


class SecondFile(Firm):
    """Another company file of the Mosaic team that a firm has."""

    def __init__(self, first: Firm, name: str) -> None:
        self._first = first
        super().__init__(first.engine, first.folder, first.clock.now, name)
        self.clock = first.clock
        self.sandbox, self.people = first.sandbox, first.people
        self.wire = Wire(first.sandbox)

    def _new_company(self) -> NewCompany:
        return _add(self, self._name, self._first.stored().mosaic_url)


def build(engine: Engine, folder: Path) -> list[Firm]:
    """Fill an empty database; return the firms that have books, to be closed."""
    harbor = Firm(engine, folder, NOW, "Harbor & Vale")
    _troubled(harbor)
    now = harbor.clock.now

    cedar = Firm(engine, folder, now, "Cedar Works")
    cedar.settle()
    for computer in ("FRONT-DESK", "OFFICE-PC", "FRONT-DESK"):
        cedar.clock.pass_(minutes=16)
        cedar.connect_from(computer)

    alder = Firm(engine, folder, cedar.clock.now, "Alder Studio")
    alder.settle()
    alder.clock.pass_(minutes=16)
    alder.hands.set("dialog_open", True)
    alder.connect()
    alder.clock.pass_(hours=3)
    _be_late(alder)

    fern = Firm(engine, folder, alder.clock.now, "Fern & Co")
    fern.refuse("CustomerQueryRs", 3220, "You do not have permission to do that.")
    fern.connect(Trouble("receiveResponseXML", 2))
    fern.clock.pass_(minutes=2)
    fern.connect()

    now = fern.clock.now
    birch = _add(alder, "Birch Partners")
    for _ in range(3):
        logins.check(
            engine, alder.keys, birch.username, "hunter2", peer="192.0.2.7", now=now
        )
    _add(alder, "Elm House")
    dorn = registry.find(engine, str(_add(alder, "Dorn Design").id))
    company_settings.pause(
        engine, dorn, now=now, who="eve", why="They move to a new computer."
    )
    gale = Firm(engine, folder, now, "Gale Architects")
    _refused_and_locked(gale)
    interiors = SecondFile(gale, "Gale Interiors")
    settle(gale, interiors)
    ivy = registry.find(engine, str(_add(gale, "Ivy & Sons").id))
    company_settings.pause(
        engine,
        ivy,
        now=gale.clock(),
        who="the setup page",
        why="Payroll.",
        by="customer",
    )
    return [harbor, cedar, alder, fern, interiors, gale]


def _add(firm: Firm, name: str, mosaic_url: str | None = None) -> NewCompany:
    return registry.add(
        firm.engine,
        firm.keys,
        name=name,
        mosaic_url=mosaic_url or f"http://localhost:{_number(firm)}",
        mosaic_team="100",
        mosaic_key="sandbox-key",
        now=firm.clock(),
    )


def _number(firm: Firm) -> int:
    """Return another one each time: each firm has a Mosaic of its own."""
    with firm.engine.begin() as connection:
        count = sa.select(sa.func.count()).select_from(tables.company)
        return int(connection.execute(count).scalar_one()) + 1


def _troubled(firm: Firm) -> None:
    """Have a conflict, a person without an address, and writes that fail."""
    company_settings.set_values(
        firm.engine, firm.company.id, now=firm.clock(), who="eve", policy="ask"
    )
    firm.enter("Tom Reed", YESTERDAY, 120, "Acme:House", "plans")
    firm.enter("Ben Okafor", YESTERDAY, 60, "Bolt:Garage", "site visit")
    firm.enter("Ben Okafor", TODAY, 45, "Acme:House", "phone")
    firm.settle()
    firm.clock.pass_(minutes=20)

    waiting = firm.enter(_NO_ADDRESS, TODAY, 90, "Acme:House", "model")
    assert waiting
    disputed = firm.enter("Tom Reed", TODAY, 30, "Acme:House", "meeting")
    firm.settle_for(minutes=20)
    firm.hands.edit_time(disputed, minutes=45)
    firm.clock.pass_(minutes=5)
    firm.people.edit_time(firm.in_mosaic("meeting"), hours=1.0)
    # Somebody has this one open in QuickBooks, all afternoon.
    visit = _txn_of(firm, "site visit")
    firm.hands.lock(visit)
    firm.people.edit_time(firm.in_mosaic("site visit"), hours=2.0)
    firm.settle_for(minutes=firm.settings.time_window_minutes + 5)
    firm.clock.pass_(hours=1)
    firm.people.delete_time(firm.in_mosaic("phone"))
    firm.quiet()


def _refused_and_locked(firm: Firm) -> None:
    """Have what Mosaic refuses, what QuickBooks locks, and what we cannot read."""
    invoiced = firm.enter("Tom Reed", "2026-02-27", 240, "Acme:House", "competition")
    firm.enter("Ben Okafor", "2026-02-26", 180, "Bolt:Garage", "survey")
    firm.settle()
    firm.clock.pass_(minutes=20)

    # Mosaic's people go on with what is invoiced, and with what is in a closed month.
    firm.hands.edit_time(invoiced, billable="HasBeenBilled")
    firm.hands.set("closing_date", "2026-02-26")
    firm.settle_for(minutes=20)
    firm.people.edit_time(firm.in_mosaic("competition"), hours=5.0)
    firm.people.edit_time(firm.in_mosaic("survey"), hours=2.5)
    firm.settle_for(minutes=firm.settings.time_window_minutes + 5)

    firm.team.time_rules.poison = "//"
    firm.enter("Tom Reed", YESTERDAY, 75, "Acme:House", "wiring // lamps")
    firm.hands.add("Employee", _NOT_READ, FirstName="Ivy", LastName="Marsh")
    good = KINDS["employee"]

    def see(ret: Ret) -> Seen:
        if ret.text("Name") == _NOT_READ:
            raise KeyError("Nickname")
        return good.see(ret)

    with patch.dict(KINDS, {"employee": replace(good, see=see)}):
        firm.settle_for(minutes=20)


def _txn_of(firm: Firm, notes: str) -> str:
    rows = firm.file.store.all("SELECT txn_id, notes FROM time_entry")
    return next(str(row["txn_id"]) for row in rows if row["notes"] == notes)


def _be_late(firm: Firm) -> None:
    with firm.engine.begin() as connection:
        connection.execute(
            tables.duty.update()
            .where(tables.duty.c.company_id != firm.company.id)
            .values(check_at=None)
        )
        connection.execute(
            tables.heartbeat.insert(),
            {"name": "server", "at": firm.clock(), "up_since": NOW},
        )
        connection.execute(
            tables.outage.insert(),
            {
                "name": "server",
                "began_at": NOW - timedelta(hours=6),
                "ended_at": NOW - timedelta(hours=5),
            },
        )
    assert silence.look(firm.engine, firm.clock()) == 1
