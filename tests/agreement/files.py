"""Several company files of one Mosaic team: each has its own QuickBooks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy.engine import Row

from qbwc_server.companies import registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.decisions import linking
from qbwc_server.decisions.linking import Word
from qbwc_server.operations import forgetting
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.agreement.house import JOBS, House, Settled, settle
from tests.agreement.talk import Talk
from tests.delivery.mirror import Wire

ZONE = "America/New_York"
SHARED = ("Acme", "Acme:House")
PHASE = "Acme:House:Sketches"
OWN = "Cord:Barn"
"""A job that a second file of a history has alone, as the first has its third."""


class Second(House):
    """A second company file with its own QuickBooks, in the Mosaic of a first one."""

    def __init__(
        self,
        first: House,
        worked_on: Sequence[str] = JOBS,
        settled: Settled | None = None,
    ) -> None:
        self._first = first
        self.worked_on = worked_on
        super().__init__(first.engine, first.folder, first.clock.now, ZONE, settled)
        self.clock = first.clock
        self.sandbox, self.people = first.sandbox, first.people
        self.wire = Wire(first.sandbox)

    def _new_company(self) -> NewCompany:
        first = self._first
        return registry.add(
            first.engine,
            first.keys,
            name=f"Second file of {first.company.name}",
            mosaic_url=first.stored().mosaic_url,
            mosaic_team="100",
            mosaic_key="sandbox-key",
            now=first.clock(),
        )


class Again(Second):
    """A company that was forgotten and added again, with the company file it had."""

    def __init__(self, first: House) -> None:
        before = first.stored()
        forget(first)
        self._before = before
        super().__init__(first, first.worked_on)
        self.file.close()
        self.file, self.hands = first.file, first.hands
        self.jobs, self.persons = first.jobs, first.persons
        self.items = first.items
        self.talk = Talk(
            self.file, self.talk.application, self.company.password, self._pass_seconds
        )

    def _new_company(self) -> NewCompany:
        before = self._before
        made = registry.add(
            self._first.engine,
            self._first.keys,
            name=before.name,
            mosaic_url=before.mosaic_url,
            mosaic_team="100",
            mosaic_key="sandbox-key",
            now=self._first.clock(),
        )
        with company_transaction(self._first.engine, made.id) as connection:
            registry.change(
                connection, made.id, owner_id=before.owner_id, file_id=before.file_id
            )
        return made


def forget(house: House) -> None:
    """Forget a company."""
    forgetting.forget(
        house.engine,
        house.stored(),
        house.settings,
        now=house.clock(),
        who="operator",
        even_if_running=True,
    )


def both(*houses: House, rounds: int = 2) -> None:
    """Let both files and Mosaic come to rest, past every window that is read again."""
    settle(*houses)
    for _ in range(rounds):
        for house in houses:
            house.pass_(timedelta(minutes=16))
        houses[0].pass_(timedelta(minutes=65))


def a_day(*houses: House) -> None:
    """Let more than a day pass for both files."""
    for _ in range(4):
        houses[0].clock.pass_(minutes=6.5 * 60)
        settle(*houses)


def record(house: House, name: str) -> Row[Any]:
    """Return the record of a customer or job."""
    table = tables.record
    (row,) = house.rows(table, table.c.kind == "customer", table.c.name == name)
    return row


def time_of(house: House) -> list[Row[Any]]:
    """Return a file's records of time."""
    return house.rows(tables.record, tables.record.c.kind == "time_entry")


def share(first: House, second: House, names: Sequence[str] = SHARED) -> None:
    """Say in the second file that both share a client and its project."""
    for name in names:
        theirs, ours = record(first, name), record(second, name)
        if ours.mosaic_id != theirs.mosaic_id:
            with company_transaction(second.engine, second.company.id) as connection:
                word = Word("p", second.clock(), "both share it")
                linking.link(
                    connection,
                    second.company.id,
                    ours.id,
                    theirs.mosaic_id,
                    word,
                    share=True,
                )
        both(first, second, rounds=1)


def with_same(first: House) -> House:
    """Settle a file, and add a second one of the same team with the same names."""
    first.settle()
    second = Second(first, JOBS)
    both(first, second)
    return second


def add_second(first: House) -> None:
    """Add a second file to a settled one: it shares a client and has one of its own."""
    second = Second(first, (*JOBS[:2], OWN))
    both(first, second)
    share(first, second, (*SHARED, PHASE))
    first.second = second
