"""Two company files of one Mosaic team: the hours of one never become the other's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine, Row

from qbwc_server.companies import registry, time_claims
from qbwc_server.companies.registry import NewCompany
from qbwc_server.decisions import linking
from qbwc_server.decisions.linking import Word
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.agreement.house import House
from tests.agreement.test_findings import (
    in_mosaic,
    in_quickbooks,
    mosaic,
    quickbooks,
)
from tests.delivery.mirror import Wire

Pair = tuple[House, House]
_SHARED = ("Acme", "Acme:House")


class Second(House):
    """A second company file with its own QuickBooks, in the Mosaic of a first one."""

    def __init__(self, first: House) -> None:
        self._first = first
        super().__init__(
            first.engine, first.folder, first.clock.now, "America/New_York"
        )
        self.clock = first.clock
        self.sandbox, self.people = first.sandbox, first.people
        self.wire = Wire(first.sandbox)

    def _new_company(self) -> NewCompany:
        first = self._first
        return registry.add(
            first.engine,
            first.keys,
            name="Second file",
            mosaic_url=first.stored().mosaic_url,
            mosaic_team="100",
            mosaic_key="sandbox-key",
            now=first.clock(),
        )


def both(*houses: House, rounds: int = 3) -> None:
    """Let both files and Mosaic come to rest, past every window that is read again."""
    for _ in range(rounds):
        for house in houses:
            house.settle_for(minutes=16)
        houses[0].settle_for(minutes=65)


def record(house: House, name: str) -> Row[Any]:
    """Return the record of a customer or job."""
    table = tables.record
    (row,) = house.rows(table, table.c.kind == "customer", table.c.name == name)
    return row


def time_of(house: House) -> list[Row[Any]]:
    """Return a file's records of time."""
    return house.rows(tables.record, tables.record.c.kind == "time_entry")


def share(first: House, second: House) -> None:
    """Say in the second file that both share the client and its project."""
    for name in _SHARED:
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


@pytest.fixture
def two_files(new_house: House) -> Iterator[Pair]:
    """A file that is settled, and a second one of the same team with the same names."""
    new_house.settle()
    second = Second(new_house)
    both(new_house, second)
    yield new_house, second
    second.file.close()


@pytest.mark.parametrize("shared", [False, True])
def test_hours_of_one_file_do_not_come_into_the_other(
    two_files: Pair, shared: bool
) -> None:
    """Also where both are linked to the person, the project and the category."""
    first, second = two_files
    if shared:
        share(first, second)
    in_quickbooks(first, "worked for the first", minutes=480)
    both(first, second)
    assert [row["minutes"] for row in quickbooks(first)] == [480]
    assert quickbooks(second) == []
    assert len(mosaic(first)) == 1
    assert time_of(second) == []
