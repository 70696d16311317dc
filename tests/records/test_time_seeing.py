"""What an answer about time does to records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row

from qbwc_server.companies.registry import NewCompany
from qbwc_server.jobs import queue
from qbwc_server.kinds import time_entry
from qbwc_server.qbxml.response import Ret
from qbwc_server.quickbooks import time_records
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction, next_id
from tests.conftest import Clock

Open = tuple[Connection, int]
GUID = "{0f8fad5b-d9cb-469f-a165-70867728950e}"


@pytest.fixture
def company(engine: Engine, new_company: Callable[..., NewCompany]) -> Iterator[Open]:
    """Give a connection in a transaction of a company, and the company's id."""
    made = new_company()
    with company_transaction(engine, made.id) as connection:
        yield connection, made.id


def keep(company: Open, clock: Clock, txn_id: str, **more: str) -> None:
    """Keep an entry as an answer shows it."""
    fields: dict[str, Any] = {
        "TxnID": txn_id,
        "TimeCreated": "2026-03-02T10:00:00-05:00",
        "TimeModified": "2026-03-02T10:00:00-05:00",
        "EditSequence": "1",
        "TxnNumber": "7",
        "TxnDate": "2026-03-02",
        "EntityRef": {"ListID": "P-1", "FullName": "Anna Berg"},
        "Duration": "PT8H0M0S",
        **more,
    }
    shown = time_entry.see_time(Ret("TimeTracking", fields))
    time_records.keep_quickbooks(*company, [shown], now=clock())


def of_mosaic(company: Open, clock: Clock, **values: Any) -> int:
    """Put in an entry that Mosaic has and that was to be added with our GUID."""
    connection, company_id = company
    record_id = next_id(connection, company_id)
    connection.execute(
        tables.record.insert(),
        {
            "company_id": company_id,
            "id": record_id,
            "kind": "time_entry",
            "state": "pending",
            "name": "2026-03-02 Anna Berg 8:00",
            "day": "2026-03-02",
            "mosaic_type": "time_entry",
            "mosaic_id": 5,
            "mosaic": {"minutes": 480},
            "external_guid": GUID,
            "created_at": clock(),
            "changed_at": clock(),
            **values,
        },
    )
    return record_id


def rows(company: Open) -> list[Row[Any]]:
    """Return the company's records in the order of their ids."""
    connection, company_id = company
    table = tables.record
    return list(
        connection.execute(
            sa.select(table)
            .where(table.c.company_id == company_id)
            .order_by(table.c.id)
        )
    )


def test_a_new_entry_is_a_record_that_will_be_delivered(
    company: Open, clock: Clock
) -> None:
    """It is due at once, with its day, its person and a name for people."""
    keep(company, clock, "A-1")
    (row,) = rows(company)
    assert (row.state, row.due_at) == ("pending", clock())
    assert (row.day, row.parent_id) == ("2026-03-02", "P-1")
    assert row.name == "2026-03-02 Anna Berg 8:00"
    assert row.delivery_rank == 60
    assert row.external_guid is None


def test_older_days_come_later(company: Open, clock: Clock) -> None:
    """A first load is delivered newest first."""
    for number, day in enumerate(("2026-02-27", "2025-12-27", "1999-01-01")):
        keep(company, clock, f"A-{number}", TxnDate=day)
    assert [row.delivery_rank for row in rows(company)] == [60, 62, 180]


@pytest.mark.parametrize("spelling", [GUID, GUID.upper()])
def test_an_entry_of_ours_is_known_again_by_its_guid(
    company: Open, clock: Clock, spelling: str
) -> None:
    """The record that was to be added has been added; there is no second one."""
    record_id = of_mosaic(company, clock)
    keep(company, clock, "A-1", ExternalGUID=spelling)
    (row,) = rows(company)
    assert row.id == record_id
    assert row.quickbooks_id == "A-1"
    assert row.quickbooks["minutes"] == 480
    assert row.mosaic_id == 5
    assert row.due_at == clock()


def test_an_addition_that_arrived_is_called_back(company: Open, clock: Clock) -> None:
    """An Add that is to go out again does not, once its entry was met."""
    record_id = of_mosaic(company, clock)
    connection, company_id = company
    queue.enqueue(
        connection,
        company_id,
        kind="time_entry",
        action="add",
        record_id=record_id,
        summary="Add",
        now=clock(),
        by="test",
    )
    keep(company, clock, "A-1", ExternalGUID=GUID)
    (job,) = queue.select(connection, company_id)
    assert job.state == "cancelled"


def test_a_restored_addition_takes_the_place_of_the_one_that_is_gone(
    company: Open, clock: Clock
) -> None:
    """Our entry was deleted and is there again under another TxnID."""
    of_mosaic(company, clock, quickbooks_id="A-0", quickbooks_gone=True)
    keep(company, clock, "A-1", ExternalGUID=GUID)
    (row,) = rows(company)
    assert (row.quickbooks_id, row.quickbooks_gone) == ("A-1", False)


def test_a_copy_of_an_entry_of_ours_is_an_entry_of_its_own(
    company: Open, clock: Clock
) -> None:
    """Two living entries with the same GUID are two records."""
    of_mosaic(company, clock, quickbooks_id="A-0", quickbooks={"minutes": 480})
    keep(company, clock, "A-1", ExternalGUID=GUID)
    assert [row.quickbooks_id for row in rows(company)] == ["A-0", "A-1"]


def test_a_guid_of_somebody_else_is_not_kept(company: Open, clock: Clock) -> None:
    """Only our own Adds are looked for by it."""
    keep(company, clock, "A-1", ExternalGUID=GUID)
    assert rows(company)[0].external_guid is None


def test_an_entry_that_is_back_is_no_longer_gone(company: Open, clock: Clock) -> None:
    """What was deleted and is met again is looked at again."""
    keep(company, clock, "A-1")
    time_records.mark_gone(*company, ["A-1"], now=clock())
    assert rows(company)[0].quickbooks_gone
    clock.pass_(hours=1)
    keep(company, clock, "A-1")
    assert not rows(company)[0].quickbooks_gone
    assert rows(company)[0].due_at == clock()


def test_a_new_name_alone_is_no_work(company: Open, clock: Clock) -> None:
    """A renamed person shows in the entry's name, and nothing is due."""
    keep(company, clock, "A-1")
    connection, _ = company
    connection.execute(tables.record.update().values(due_at=None, state="in_sync"))
    keep(company, clock, "A-1", EntityRef={"ListID": "P-1", "FullName": "Anna Ost"})  # type: ignore[arg-type]
    (row,) = rows(company)
    assert "Anna Ost" in row.name
    assert (row.due_at, row.state) == (None, "in_sync")
